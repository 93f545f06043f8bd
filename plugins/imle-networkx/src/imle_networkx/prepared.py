"""What solvers share that choose edges of a graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from imle.solvers import AwaitingInstance, BasePrepared, BaseSolver, RowResults, SolveResult, SolveStatus
from imle.solvers.compiled import Floats, read_only
from imle_networkx.graph import Graph
from imle_networkx.negatives import Negative, clipped

_TOO_LARGE = 2.0**1000


def awaiting_graph(who: str) -> AwaitingInstance:
    """Stands in for a prepared solver as long as there is no graph, because every row brings its own."""
    return AwaitingInstance(who, "expected graph, or edges, found neither", "graph=... or edges=...")


@dataclass(frozen=True, eq=False)
class PreparedOnEdges(BasePrepared):
    """Objectives have one number per edge, in the user's order.

    Attributes:
        solver: the options.
        graph: the graph, which every row of a batch shares.
    """

    solver: BaseSolver
    graph: Graph
    any_size: ClassVar[bool] = True  # costs are compared, whatever they are

    @property
    def objective_shape(self) -> tuple[int]:
        """`(E,)`."""
        return (len(self.graph.tails),)

    @property
    def labels(self) -> Sequence[Hashable]:
        """`[E]` the edges as the user calls them."""
        return list(self.graph.edge_labels)  # the graph keeps its own

    def place(self, item: int) -> str:
        """How messages call the n-th entry of an objective."""
        return f"position {item}, edge {self.labels[item]!r}"


class PreparedPerGraph(PreparedOnEdges, ABC):
    """The graph is all that rows need. Subclasses add `choose`.

    Attributes:
        dtype: of solutions.
    """

    dtype: ClassVar[DTypeLike] = np.int8

    def solve(self, objective: Any) -> SolveResult:
        """Solve N rows.

        Args:
            objective: `[N, E]` costs, or scores under `sense="max"`.

        Returns:
            0/1 masks `[N, E]`; values are sums of the objective as given.

        Raises:
            ObjectiveError: another shape, or negative costs where they are refused.
        """
        rows = RowResults(self.solver.spec.id, self.solver.sense, objective, self.objective_shape, dtype=self.dtype)
        return rows.result(advice=self.choose(rows))

    def costs(self, rows: RowResults) -> Floats:
        """`[N, E]` what is to be minimised, for kernels."""
        return read_only(-rows.objective if self.solver.sense == "max" else rows.objective)

    def summable_costs(self, rows: RowResults) -> Floats:
        """`[N, E]` likewise, for kernels that add costs; rows whose sums could overflow fail, and are zeros."""
        costs = self.costs(rows)
        large = np.abs(costs).max(axis=1, initial=0.0) > _TOO_LARGE
        for row in np.flatnonzero(large).tolist():
            message = f"{self.solver.spec.id} adds costs: one is larger than 2**1000 in size"
            rows.end(row, SolveStatus.ERROR, message)
        return read_only(np.where(large[:, None], 0.0, costs)) if large.any() else costs

    def positive_costs(
        self, rows: RowResults, policy: Negative, what: str, ties: str
    ) -> tuple[Floats, tuple[str, ...]]:
        """`summable_costs` with zero in place of what is negative, and advice for the user where something is.

        Args:
            rows: get the counters.
            policy, what, ties: see `clipped`.

        Raises:
            ObjectiveError: there are negative costs, and they are refused.
        """
        costs = self.summable_costs(rows)
        negatives = np.count_nonzero(costs < 0, axis=1)
        counters, advice = clipped(self.solver.spec.id, costs, negatives, policy, what, ties, self.place)
        rows.counters.update(counters)
        return read_only(np.maximum(costs, 0.0)) if counters else costs, advice

    @abstractmethod
    def choose(self, rows: RowResults) -> tuple[str, ...]:
        """Write the solutions of all rows, and say which of them failed; returns advice for the user.

        Raises:
            ObjectiveError: negative costs are refused, and there are some.
        """
