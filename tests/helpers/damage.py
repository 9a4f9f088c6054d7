"""Damage to files, drawn from a ``random.Random``: FITS headers and data, text, JSON.

Each function takes the sound content and gives damaged content; a seed always gives the same.
"""

import json

BLOCK, CARD = 2880, 80
VALUES = [
    "", "T", "F", "'text'", "''", "'", "NaN", "nan", "inf", "-1", "0", "1", "2", "-32", "7", "1.5",
    "1e400", "-1e400", "9" * 19, "9" * 60, "-9223372036854775809", "1e-400", "(1.0, 2.0)",
    "'10**99999999 Angstrom'", "'m" + "9" * 12 + "'", "'\u00b5m'", "{}", "&", "'it''s", "0x10",
    "999999", "4294967296", "-0.0", "'AWAV'", "'LOG'", "'km/s'", "'erg/s/cm2/Hz'", "'1e-20'",
]  # fmt: skip
"""What a card may be given as its value; some of it is no FITS at all."""

STRUCTURE = (
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "TFIELDS", "TFORM", "TDIM",
    "BSCALE", "BZERO", "BLANK", "EXTNAME", "THEAP", "TNULL", "TSCAL", "TZERO", "TTYPE", "TUNIT",
    "BUNIT", "CTYPE", "CRVAL", "CRPIX", "CD", "CUNIT", "CDELT", "EXTEND", "END", "PHOT", "WAVEMED",
)  # fmt: skip
"""Keywords that readers go by: half of all damage is done to these."""


def headers(content):
    """First byte and length of every header of a sound FITS file: list of pairs."""
    found, place = [], 0
    while place < len(content):
        end = place
        while content[end : end + 8] != b"END     ":
            end += CARD
        length = (end + CARD - place + BLOCK - 1) // BLOCK * BLOCK
        found.append((place, length))
        place = _next_header(content, place + length)
    return found


def _next_header(content, place):
    for start in range(place, len(content), BLOCK):
        if content[start : start + 8] == b"XTENSION":
            return start
    return len(content)


def fits(content, random, times=None):
    """A FITS file with one to three kinds of damage."""
    content = bytearray(content)
    places = headers(bytes(content))
    for _ in range(times or random.randint(1, 3)):
        kind = random.choice([_value, _value, _value, _drop, _garble, _rename, _twice, _byte])
        kind(content, random.choice(places), random)
    if random.random() < 0.1:
        _cut(content, None, random)
    return bytes(content)


def _card(content, place, random):
    """Place of a card in a header, those of structure preferred."""
    start, length = place
    cards = range(start, start + length, CARD)
    known = [c for c in cards if content[c : c + 8].decode("latin1").startswith(STRUCTURE)]
    if known and random.random() < 0.5:
        return random.choice(known)
    used = [c for c in cards if content[c : c + CARD].strip()]
    return random.choice(used or list(cards))


def _put(content, place, card):
    content[place : place + CARD] = card.encode("latin1", "replace")[:CARD].ljust(CARD)


def _value(content, place, random):
    card = _card(content, place, random)
    keyword = content[card : card + 8].decode("latin1")
    _put(content, card, f"{keyword}= {random.choice(VALUES):>20}")


def _drop(content, place, random):
    _put(content, _card(content, place, random), "")


def _garble(content, place, random):
    card = _card(content, place, random)
    for _ in range(random.randint(1, 10)):
        content[card + random.randrange(CARD)] = random.randrange(256)


def _rename(content, place, random):
    card = _card(content, place, random)
    content[card : card + 8] = bytes(random.choice(b"ABCNTXZ019 _-a") for _ in range(8))


def _twice(content, place, random):
    one, other = (_card(content, place, random) for _ in range(2))
    content[other : other + CARD] = content[one : one + CARD]


def _byte(content, place, random):
    for _ in range(random.randint(1, 50)):
        content[random.randrange(len(content))] = random.randrange(256)


def _cut(content, place, random):
    del content[random.randrange(len(content)) :]


WORDS = [
    "", "nan", "inf", "-inf", "1e999", "null", "\x00", '"', "'", ",", " ", "[", "]", "{", "}", ":",
    "#", "# ", "\n", "\r", "\u00b5", "!!python/object:os.system", "&a", "*a", "- ", "float16",
    "complex128", "object", "string", "!numpy.ndarray", "10**99999999 Angstrom", "m" + "9" * 12,
    "9" * 40, "[1,2]", "unit: ", "shape", "subtype", "__serialized_columns__", "true", "%ECSV 9.9",
    "~", "\t",
]  # fmt: skip


def text(content, random):
    """A text file with one to three kinds of damage."""
    for _ in range(random.randint(1, 3)):
        content = _harmed(content, random)
    return content


def _harmed(content, random):
    lines = content.split("\n")
    at, place = random.randrange(len(lines)), random.randrange(len(content) + 1)
    word = random.choice(WORDS)
    return random.choice(
        [
            content[:place],
            content[:place] + word + content[place:],
            content[:place] + word + content[place + 5 :],
            "\n".join(lines[:at] + lines[at + 1 :]),
            "\n".join(lines[:at] + [lines[at]] + lines[at:]),
            "\n".join(lines[:at] + [_words(lines[at], random)] + lines[at + 1 :]),
        ]
    )


def _words(line, random):
    words = line.split(" ")
    words[random.randrange(len(words))] = random.choice(WORDS)
    return " ".join(words)


def octets(content, random):
    """Any file, cut short or with some bytes changed."""
    content = bytearray(content)
    if random.random() < 0.3:
        _cut(content, None, random)
    else:
        _byte(content, None, random)
    return bytes(content)


LITERALS = [
    "null", "true", "false", "0", "-1", "1", "2.5", "NaN", "Infinity", "-Infinity", "1e400",
    "1" + "0" * 400, "-9223372036854775809", '""', '"text"', '"' + "x" * 3000 + '"', "[]", "{}",
    "[[]]", "[null]", "[1, 2]", '{"a": 1}', '["a", "a"]', "[" * 60 + "]" * 60, "1e-300", "1e300",
    '"../../etc/passwd"', '"\\u0000"', '"\\ud800"', "99999999999",
]  # fmt: skip


def of_json(content, random):
    """The text of a JSON object of which one to three fields are dropped, retyped or absurd."""
    content = json.loads(json.dumps(content))
    marks = {}
    for number in range(random.randint(1, 3)):
        holder = content
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not keys:
                break
            key = random.choice(keys)
            inner = holder[key]
            if isinstance(inner, dict | list) and inner and random.random() < 0.75:
                holder = inner
                continue
            if random.random() < 0.2:
                del holder[key]
            else:
                marks[f"@{number}@"] = random.choice(LITERALS)
                holder[key] = f"@{number}@"
            break
    found = json.dumps(content)
    for mark, literal in marks.items():
        found = found.replace(f'"{mark}"', literal)
    if random.random() < 0.1:
        found = random.choice([*LITERALS, "", found[: random.randrange(len(found) + 1)]])
    return found
