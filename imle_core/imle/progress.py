"""Bars that show how far something is, where somebody watches: a terminal, or a notebook.

tqdm draws them where it is installed (`pip install tqdm ipywidgets` for notebooks), else rich.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

__all__ = ["Bar", "bar", "open_bar"]

PATIENCE = 0.5
"""Seconds before a bar appears: what is done by then needs none."""


class Bar:
    """How far something is. This one is not shown; see `bar`."""

    def __init__(self) -> None:
        self._done = 0

    def advance(self, note: str = "") -> None:
        """One more unit is done.

        Args:
            note: what it was, or what comes next.
        """
        self.set(self._done + 1, note=note)

    def set(self, done: int, total: int | None = None, note: str = "") -> None:
        """So many units are done.

        Args:
            done: of all.
            total: how many there are, where that has changed.
            note: what is being done.
        """
        self._done = done
        self._show(done, total, note)

    def _show(self, done: int, total: int | None, note: str) -> None:
        """Draw it."""

    def close(self) -> None:
        """Take it off the screen."""


class _TqdmBar(Bar):
    def __init__(self, what: str, total: int | None, patience: float, file: TextIO) -> None:
        from tqdm.auto import tqdm

        super().__init__()
        self._bar = tqdm(desc=what, total=total, delay=patience, file=file, leave=False, miniters=1)
        self._begin = time.perf_counter() + patience

    def _show(self, done: int, total: int | None, note: str) -> None:
        if total is not None:
            self._bar.total = total
        self._bar.set_postfix_str(note, refresh=False)
        self._bar.update(done - self._bar.n)
        if done == self._bar.total and time.perf_counter() >= self._begin:
            self._bar.refresh()  # the end is drawn, however soon it comes after what was drawn last

    def close(self) -> None:
        self._bar.close()


class _RichBar(Bar):
    def __init__(self, what: str, total: int | None, patience: float, file: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        super().__init__()
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
        )
        self._bar = Progress(*columns, console=Console(file=file), transient=True)
        self._task = self._bar.add_task(what, total=total, note="")
        self._begin = time.perf_counter() + patience

    def _show(self, done: int, total: int | None, note: str) -> None:
        if not self._bar.live.is_started and time.perf_counter() > self._begin:
            self._bar.start()
        changed: dict[str, Any] = {} if total is None else {"total": total}
        self._bar.update(self._task, completed=done, note=note, **changed)

    def close(self) -> None:
        if self._bar.live.is_started:
            self._bar.stop()


@contextmanager
def bar(
    what: str,
    total: int | None = None,
    *,
    shown: bool = True,
    patience: float | None = None,
    file: TextIO | None = None,
) -> Iterator[Bar]:
    """A bar for the time of a `with` block, on terminals and in notebooks; elsewhere nothing is written.

    Args:
        what: stands before it.
        total: how many units there are; None if that is not known yet.
        shown: False for a bar that is not.
        patience: seconds before it appears, by default `PATIENCE`.
        file: where it goes, by default stderr.

    Example::

        >>> from imle.progress import bar
        >>> with bar("solving", total=3) as shown:
        ...     for _ in range(3):
        ...         shown.advance()
    """
    drawn = open_bar(what, total, patience=patience, file=file) if shown else Bar()
    try:
        yield drawn
    finally:
        drawn.close()


def open_bar(what: str, total: int | None = None, *, patience: float | None = None, file: TextIO | None = None) -> Bar:
    """A bar that the caller closes; see `bar`.

    Args:
        what: stands before it.
        total: how many units there are; None if that is not known yet.
        patience: seconds before it appears, by default `PATIENCE`.
        file: where it goes, by default stderr.
    """
    stream = sys.stderr if file is None else file
    patience = PATIENCE if patience is None else patience
    if not (stream.isatty() or _in_notebook()):
        return Bar()
    try:
        return _TqdmBar(what, total, patience, stream)
    except ImportError:
        return _RichBar(what, total, patience, stream)


def _in_notebook() -> bool:
    """Whether cells of a notebook run here, which show bars though they are no terminal."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and "IPKernelApp" in shell.config
