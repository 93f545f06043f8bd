"""Perfect matchings of general graphs, of least cost or greatest score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle.solvers import ArrayKind, PreparedSolver, Sense, SolveResult
from imle_graphs import checks
from imle_graphs.bipartite import Bipartite, sides
from imle_graphs.blossom import Blossom, has_perfect_matching
from imle_graphs.graph import Graph, arcs, read
from imle_graphs.rows import Floats, Rows
from imle_graphs.unbound import Unbound

_WHO = "perfect-matching"


class Engine(Protocol):
    """Solves one row: the cost of every pair in, the chosen pairs out."""

    def solve(self, costs: Floats, /) -> Any: ...


@dataclass(frozen=True)
class PerfectMatchingSolver:
    """The best perfect matching of an undirected graph, as a 0/1 mask of its edges: every node lies on one of them.

    Args:
        sense: "min" for costs, "max" for scores.

    Exact up to the rounding of float64, for objectives of any sign. Several best matchings: one of them, the same one
    every time; of parallel edges, the first of the best ones.

    Raises:
        OptionError: another sense.
    """

    sense: Sense = "min"

    array: ClassVar[ArrayKind] = "numpy"

    def __post_init__(self) -> None:
        checks.choice(_WHO, "sense", self.sense, ("min", "max"))

    def prepare(self, graph: Any = None, edges: Any = None, nodes: int | None = None) -> PreparedSolver:
        """Bind to an undirected graph.

        Args:
            graph: a networkx Graph or MultiGraph; objectives follow the order of its edges.
            edges: `[E, 2]` node numbers instead.
            nodes: how many nodes there are; by default the largest number in `edges` plus one.

        Raises:
            InstanceError: not such a graph, or its nodes cannot be paired up.
        """
        given = read(_WHO, graph, edges, nodes, directed=False)
        return Unbound(_WHO) if given is None else _prepared(self.sense, given)


@dataclass(frozen=True, eq=False)
class PreparedPerfectMatching:
    """A graph whose nodes can be paired up.

    Attributes:
        sense: how objectives are read.
        graph: with all its edges.
        parts: `[P']` edges sorted by the pair of nodes they join; self-loops are left out.
        starts: `[P]`, where in `parts` those of each pair begin.
        engine: matches pairs.
    """

    sense: Sense
    graph: Graph
    parts: NDArray[np.int64]
    starts: NDArray[np.int64]
    engine: Engine
    any_size: ClassVar[bool] = True  # costs are compared, whatever they are

    @property
    def objective_shape(self) -> tuple[int]:
        """`(E,)`."""
        return (self.graph.edges,)

    def solve(self, objective: Floats, *, hint: Floats | None = None) -> SolveResult:
        """Find the best perfect matching of each row.

        Args:
            objective: `[N, E]`.
            hint: not used; the methods start from nothing.

        Raises:
            ObjectiveError: another shape.
        """
        del hint
        rows = Rows.of(_WHO, objective, self.graph.edges)
        rows.refuse_large(_WHO)
        costs = rows.costs[:, self.parts]
        if self.sense == "max":
            np.negative(costs, out=costs)
        least = np.minimum.reduceat(costs, self.starts, axis=1)
        for row in np.flatnonzero(rows.open):
            pairs = np.asarray(self.engine.solve(least[row]), np.int64)
            rows.solutions[row, self.parts[self._first(costs[row], least[row], pairs)]] = 1
        return rows.result()

    def close(self) -> None:
        """Nothing to free."""

    def _first(self, costs: Floats, least: Floats, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where in `parts` the first of the best edges of each pair is."""
        if len(self.starts) == len(self.parts):
            return pairs
        ends = np.append(self.starts[1:], len(self.parts))
        return np.array(
            [self.starts[p] + int(np.argmax(costs[self.starts[p] : ends[p]] == least[p])) for p in pairs], np.int64
        )


def _prepared(sense: Sense, graph: Graph) -> PreparedPerfectMatching:
    if graph.nodes % 2:
        raise InstanceError(f"{_WHO}: expected an even number of nodes, found {graph.nodes}: one would be left over")
    low, high = np.minimum(graph.tails, graph.heads), np.maximum(graph.tails, graph.heads)
    order = np.lexsort((high, low))
    parts = order[low[order] != high[order]]
    ends = np.stack([low[parts], high[parts]], axis=1)
    fresh = np.ones(len(ends), np.bool_)
    fresh[1:] = (ends[1:] != ends[:-1]).any(axis=1)
    starts = np.flatnonzero(fresh)
    pairs = ends[starts]
    if not has_perfect_matching(graph.nodes, pairs):
        raise InstanceError(
            f"{_WHO}: expected a graph with a perfect matching, found none that covers all {graph.nodes} nodes"
        )
    numbers = np.arange(len(pairs), dtype=np.int32)
    both = np.concatenate([pairs, pairs[:, ::-1]])
    side = sides(graph.nodes, arcs(graph.nodes, both[:, 0], both[:, 1], np.concatenate([numbers, numbers])))
    engine: Engine = Blossom(graph.nodes, pairs) if side is None else Bipartite(side, pairs)
    return PreparedPerfectMatching(sense, graph, parts, starts, engine)
