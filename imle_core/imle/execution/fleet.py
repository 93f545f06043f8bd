"""Fleet: the executor that a solver was given, for as long as it works."""

from __future__ import annotations

from concurrent.futures import Executor

from imle.execution.processes import Processes
from imle.solvers.forks import renew_in_children


class Fleet:
    """Where the rows of all instances of a solver are sent.

    Attributes:
        executor: the one that was given; None if there is none, or if it was lost: then imle's own workers.
    """

    def __init__(self, executor: Executor | None) -> None:
        self.executor = executor
        renew_in_children(self)

    def renew(self) -> None:
        """Give up an executor that a forked child cannot use: its threads and connections are those of the parent."""
        if not isinstance(self.executor, Processes):
            self.executor = None

    def __reduce__(self) -> tuple[type[Fleet], tuple[None]]:
        return Fleet, (None,)
