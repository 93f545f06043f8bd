"""Minimum cuts between two nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError, ObjectiveError
from imle.solvers import ArrayKind, PreparedSolver, Sense, SolveResult
from imle_graphs import checks
from imle_graphs.graph import Arcs, Graph, arcs, read
from imle_graphs.kernels.compiling import read_only
from imle_graphs.kernels.cut import minimum_cuts
from imle_graphs.rows import Floats, Rows
from imle_graphs.unbound import Unbound

_WHO = "min-cut"
_BITS = 60
"""Capacities are whole numbers with a sum below 2**60: twice as much still fits easily."""

ADVICE = (
    "negative capacities were clipped to zero, where cuts tie and gradients mislead; keep capacities positive: a "
    "softplus on the network's output, noise that is multiplicative or small beside them, and small steps of the "
    "estimator"
)


@dataclass(frozen=True)
class MinCutSolver:
    """The cheapest edges that separate source and target, as a 0/1 mask.

    A solution marks all edges from the side of the source to the other one, those of capacity zero included.

    Args:
        negative: what negative capacities become: "clip" searches with zero instead and counts it, "raise" refuses
            them. With them the problem would be that of a maximum cut, which is NP-hard.

    Several minimum cuts: the one with the fewest nodes on the side of the source.

    Raises:
        OptionError: a value that is not listed.
    """

    negative: Literal["clip", "raise"] = "clip"

    sense: ClassVar[Sense] = "min"
    array: ClassVar[ArrayKind] = "numpy"

    def __post_init__(self) -> None:
        checks.choice(_WHO, "negative", self.negative, ("clip", "raise"))

    def prepare(
        self,
        source: Any,
        target: Any,
        graph: Any = None,
        edges: Any = None,
        nodes: int | None = None,
        directed: bool | None = None,
    ) -> PreparedSolver:
        """Bind to a graph and two of its nodes.

        Args:
            source, target: the nodes to separate.
            graph: any networkx graph; objectives follow the order of its edges.
            edges: `[E, 2]` node numbers instead, (tail, head).
            nodes: how many nodes there are; by default the largest number in `edges` plus one.
            directed: whether edges lead from tail to head only; by default what the graph says, and True for `edges`.

        Raises:
            InstanceError: not such a graph, or source and target are not two nodes of it.
        """
        given = read(_WHO, graph, edges, nodes, directed)
        if given is None:
            return Unbound(_WHO)
        ends = given.number(_WHO, "source", source), given.number(_WHO, "target", target)
        if ends[0] == ends[1]:
            raise InstanceError(f"{_WHO}: expected two nodes to separate, found {source!r} as source and target")
        return PreparedMinCut(self, given, *ends, _links(given))


@dataclass(frozen=True, eq=False)
class PreparedMinCut:
    """A graph with the numbers of its ends, and its edges as links (see `imle_graphs.kernels.cut`)."""

    solver: MinCutSolver
    graph: Graph
    source: int
    target: int
    links: Arcs
    any_size: ClassVar[bool] = True  # costs are compared, whatever they are

    @property
    def objective_shape(self) -> tuple[int]:
        """`(E,)`."""
        return (self.graph.edges,)

    def solve(self, objective: Floats, *, hint: Floats | None = None) -> SolveResult:
        """Find a minimum cut per row.

        Args:
            objective: `[N, E]` capacities.
            hint: not used; a solve costs less than checking one.

        Returns:
            masks `[N, E]`. Objective values are sums of the capacities as given, not as clipped.

        Raises:
            ObjectiveError: another shape; negative capacities under `negative="raise"`, with the row and the edge.
        """
        del hint
        rows = Rows.of(_WHO, objective, self.graph.edges)
        negative = rows.costs < 0
        counters: dict[str, int] = {}
        if negative.any():
            if self.solver.negative == "raise":
                self._refuse(rows.costs, negative)
            counters = {
                "clipped_rows": int(negative.any(axis=1).sum()),
                "clipped_entries": int(negative.sum()),
            }
        minimum_cuts(
            read_only(whole_numbers(np.maximum(rows.costs, 0.0))),
            self.graph.directed,
            self.source,
            self.target,
            self.graph.tails,
            self.graph.heads,
            self.links.start,
            self.links.node,
            self.links.item,
            rows.solutions,
        )
        return rows.result(counters, (ADVICE,) if counters else ())

    def close(self) -> None:
        """Nothing to free."""

    def _refuse(self, costs: Floats, negative: NDArray[np.bool_]) -> None:
        row, edge = (int(place) for place in np.argwhere(negative)[0])
        ends = self.graph.name(int(self.graph.tails[edge])), self.graph.name(int(self.graph.heads[edge]))
        raise ObjectiveError(
            f"{_WHO}: expected capacities >= 0, found {costs[row, edge]:g} at position {edge}, edge {ends!r}; "
            f"{int(negative.sum())} of {negative.size} entries are negative",
            hint='a softplus keeps capacities positive; negative="clip" replaces negative ones by zero',
            row=row,
        )


def whole_numbers(capacities: Floats) -> NDArray[np.int64]:
    """Each row times the largest power of two that is safe, rounded.

    Rounding moves the value of a cut by at most half a unit per edge, that is by E / 2**60 of the sum of all
    capacities: less than adding them up in float64 does.
    """
    exponents = np.frexp(capacities.max(axis=1, initial=0.0))[1].astype(np.int64)
    relative = np.ldexp(capacities, -exponents[:, None]).sum(axis=1)  # at most E; the sum itself might overflow
    shift = _BITS - np.frexp(relative)[1].astype(np.int64)
    scaled = np.ldexp(np.ldexp(capacities, -exponents[:, None]), shift[:, None])
    whole: NDArray[np.int64] = np.rint(scaled).astype(np.int64)
    return whole


def _links(graph: Graph) -> Arcs:
    """Links in both directions, whatever the graph: flow can be taken back."""
    edge = np.flatnonzero(graph.tails != graph.heads).astype(np.int32)
    tails, heads = graph.tails[edge], graph.heads[edge]
    own, other = np.concatenate([tails, heads]), np.concatenate([heads, tails])
    return arcs(graph.nodes, own, other, np.concatenate([2 * edge, 2 * edge + 1]).astype(np.int32))
