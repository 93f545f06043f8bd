"""What prepared solvers of one graph share, and what stands in for one as long as there is no graph."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from imle.errors import InstanceError
from imle.solvers import Shape, SolveResult
from imle_networkx.graph import Graph


@dataclass(frozen=True, eq=False)
class PreparedOnEdges:
    """Objectives have one number per edge, in the user's order.

    Attributes:
        graph: the graph, which every row of a batch shares.
    """

    graph: Graph
    any_size: ClassVar[bool] = True  # costs are compared, whatever they are

    @property
    def objective_shape(self) -> tuple[int]:
        """`(E,)`."""
        return (len(self.graph.tails),)

    @property
    def labels(self) -> Sequence[Hashable]:
        """`[E]` the edges as the user calls them."""
        return self.graph.edge_labels

    def place(self, item: int) -> str:
        """How messages call the n-th entry of an objective."""
        return f"position {item}, edge {self.labels[item]!r}"

    def close(self) -> None:
        """Nothing to free."""


class AwaitingGraph:
    """Stands in for a prepared solver as long as there is no graph, because every row brings its own.

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
