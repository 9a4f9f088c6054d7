"""Tables in Markdown, from numbers to text, and their places in pages."""


def table(header, rows):
    """A Markdown table.

    Parameters
    ----------
    header : list of str
    rows : list of lists of str

    Returns
    -------
    text : str, ends with a newline
    """
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(str(cell) for cell in line) + " |\n" for line in lines)


def number(value, digits=3, sign=False):
    """A number with fixed decimals, a dash for None."""
    if value is None:
        return "–"
    return f"{value:{'+' if sign else ''}.{digits}f}"


def percent(value, digits=1):
    """A share in per cent, a dash for None."""
    return "–" if value is None else f"{100 * value:.{digits}f}"


def put_between(page, mark, text):
    """Replace what lies between ``<!-- mark -->`` and ``<!-- end mark -->`` of a page.

    Parameters
    ----------
    page : Path
    mark : str
    text : str, ends with a newline

    Returns
    -------
    found : bool; a page without the marks stays as it is
    """
    start, end = f"<!-- {mark} -->", f"<!-- end {mark} -->"
    content = page.read_text()
    if start not in content or end not in content:
        return False
    before, rest = content.split(start)
    page.write_text(f"{before}{start}\n{text}{end}{rest.split(end)[1]}")
    return True
