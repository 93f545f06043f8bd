"""A solver whose graph comes with every row; there is nothing to solve until it does."""

from __future__ import annotations

from typing import Any, ClassVar

from imle.errors import InstanceError
from imle.solvers import Shape, SolveResult


class Unbound:
    """Stands in for a prepared solver as long as there is no graph.

    Args:
        who: the solver, for messages.
    """

    objective_shape: ClassVar[Shape] = (None,)

    def __init__(self, who: str) -> None:
        self._who = who

    def solve(self, objective: Any, **rows: Any) -> SolveResult:
        """Say that the graph is missing.

        Raises:
            InstanceError: always.
        """
        raise InstanceError(
            f"{self._who}: expected graph, or edges, found neither",
            hint="give it to imle.layer for all rows, or to the call, one per row",
        )

    def close(self) -> None:
        """Nothing to free."""
