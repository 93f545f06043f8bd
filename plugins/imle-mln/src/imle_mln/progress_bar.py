"""A progress bar for long groundings, on stderr and only on terminals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from imle_mln.grounding.budget import GroundingProgress, grounding_options

if TYPE_CHECKING:
    from rich.console import Console

# Seconds before a bar is shown: most groundings are done by then.
_PATIENCE = 0.5


@contextmanager
def shown_progress(limit: int, console: Console | None = None, patience: float = _PATIENCE) -> Iterator[None]:
    """Ground inside this context with a progress bar.

    Args:
        limit: as in `grounding_options`.
        console: where the bar goes; by default stderr.
        patience: seconds before it appears.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = console or Console(stderr=True)
    if not console.is_terminal:
        with grounding_options(limit=limit):
            yield
        return
    columns = (
        TextColumn("grounding {task.fields[number]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[formula]}", style="dim", markup=False),
    )
    bar = Bar(*columns, console=console, transient=True)
    task = bar.add_task("", number="", formula="")
    begin = time.perf_counter()

    def watch(progress: GroundingProgress) -> None:
        if not bar.live.is_started and time.perf_counter() - begin > patience:
            bar.start()
        number = f"{progress.number}/{progress.formulas}"
        bar.update(task, completed=progress.seen, total=progress.expected, number=number, formula=progress.formula)

    try:
        with grounding_options(limit=limit, progress=watch):
            yield
    finally:
        if bar.live.is_started:
            bar.stop()
