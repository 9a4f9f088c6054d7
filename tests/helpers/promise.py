"""What is promised of every input, good or bad: an answer, or one line; never more, never silence.

``keeps`` tries one thing and says how the promise was broken, if it was.
"""

import signal
import traceback
import warnings
from contextlib import contextmanager
from pathlib import Path

from phangs_sfh.errors import InputError, InputWarning

SECONDS = 10
LONGEST_LINE = 700


class Late(BaseException):
    """The promise is also one of time. No Exception: nothing may catch it."""


def keeps(do, folder):
    """Try ``do()``, which works with files of ``folder``.

    Returns
    -------
    kind : 'answered', 'refused', or 'broken: ...' with the reason
    """
    before = set(Path(folder).rglob("*"))
    try:
        with _within(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", InputWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            do()
    except InputError as error:
        return _of_line(str(error)) or _of_files(folder, before) or "refused"
    except Late:
        return f"broken: more than {SECONDS} s"
    except Exception as error:
        *_, last = traceback.extract_tb(error.__traceback__)
        return f"broken: {type(error).__name__} in {Path(last.filename).name}:{last.lineno}"
    return "answered"


def _of_line(line):
    if "\n" in line:
        return f"broken: {line.count(chr(10)) + 1} lines"
    if len(line) > LONGEST_LINE:
        return f"broken: a line of {len(line)} characters"
    if ":" not in line and ";" not in line:
        return f"broken: names nothing: {line}"
    return None


def _of_files(folder, before):
    left = set(Path(folder).rglob("*")) - before
    return f"broken: leaves {sorted(left)[0].name}" if left else None


@contextmanager
def _within(seconds):
    def late(*_):
        raise Late

    old = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)
