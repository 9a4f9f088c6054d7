"""Progress of long work: shown if the caller asks for it, by a bar or anything of the same form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

Advance = Callable[[int], object]
Progress = Callable[[str, int], AbstractContextManager[Advance]]
"""What the calls of the door take as ``progress``: ``progress_bar``, or a function like it."""


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[Advance]:
    """Show a bar with rate and time left on stderr while the block runs.

    Pass it to whatever takes ``progress``: ``model.predict(data, progress=ps.progress_bar)``.

    Parameters
    ----------
    what : plural of what is counted
    total : how many there are

    Yields
    ------
    advance : to be called with how many more are done

    Examples
    --------
    >>> import phangs_sfh as ps
    >>> with ps.progress_bar("spectra", 3) as advance:
    ...     for _ in range(3):
    ...         advance(1)
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class RateColumn(ProgressColumn):
        def render(self, task):
            rate = task.finished_speed or task.speed
            return Text(f"{rate:,.0f}/s" if rate else "-/s")

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), RateColumn()]
    columns += [TimeRemainingColumn(elapsed_when_finished=True)]
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda n: progress.advance(task, n)


def counted(progress: Progress | None, what: str, total: int) -> AbstractContextManager[Advance]:
    """``progress(what, total)``; silent if ``progress`` is None."""
    return nullcontext(lambda n: None) if progress is None else progress(what, total)
