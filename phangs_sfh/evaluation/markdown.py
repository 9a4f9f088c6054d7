"""Tables in Markdown, from numbers to text."""


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
