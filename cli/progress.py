"""A progress bar with rate and time left, on stderr."""

from contextlib import contextmanager


@contextmanager
def progress_bar(what, total):
    """Show progress while the block runs.

    Parameters
    ----------
    what : str, plural of what is counted
    total : int

    Yields
    ------
    advance : callable, given how many more are done
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
