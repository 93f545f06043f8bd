"""A progress bar on stderr, shown in terminals only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(first: str, total: int) -> Iterator[Callable[[str], None]]:
    """Yields the function to call after each of `total` steps, with what it was.

    Args:
        first: what is going on before the first step is done.
        total: steps to come.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task(first, total=total)
        yield lambda words: bar.update(task, description=words, advance=1)
