"""Minimum cuts between two nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers import BaseSolver, PreparedSolver, RowResults
from imle.solvers.compiled import Floats, Longs, read_only
from imle_networkx.graph import read
from imle_networkx.kernels.cut import minimum_cuts
from imle_networkx.negatives import Negative, clipped
from imle_networkx.plugin import CUT
from imle_networkx.prepared import PreparedPerGraph, awaiting_graph

_BITS = 60
"""Capacities are whole numbers with a sum below 2**60: twice as much still fits easily."""


@dataclass(frozen=True)
class MinCutSolver(BaseSolver, spec=CUT):
    """The cheapest edges that separate source and target, as a 0/1 mask.

    A solution marks all edges from the side of the source to the other one, those of capacity zero included.

    Args:
        negative: what negative capacities become: "clip" searches with zero instead and counts it, "raise" refuses
            them. With them the problem would be that of a maximum cut, which is NP-hard.

    Several minimum cuts: the one with the fewest nodes on the side of the source.
    """

    negative: Negative = "clip"

    def prepare(
        self,
        source: Any,
        target: Any,
        graph: Any = None,
        edges: Any = None,
        nodes: Any = None,
        directed: bool | None = None,
    ) -> PreparedSolver:
        """Bind to a graph and two of its nodes.

        Args:
            source, target: the nodes to separate.
            graph, edges, nodes, directed: the graph and the order of its edges, see `imle_networkx.graph.read`.

        Raises:
            InstanceError: not such a graph, or source and target are not two nodes of it.
        """
        found = read(CUT.id, graph, edges, nodes, directed)
        if found is None:
            return awaiting_graph(CUT.id)
        ends = found.number(CUT.id, "source", source), found.number(CUT.id, "target", target)
        if ends[0] == ends[1]:
            raise InstanceError(f"{CUT.id}: expected two nodes to separate, found {source!r} as source and target")
        return PreparedMinCut(self, found, *ends)


@dataclass(frozen=True, eq=False)
class PreparedMinCut(PreparedPerGraph):
    """A graph with the numbers of its ends."""

    solver: MinCutSolver
    source: int
    target: int

    def choose(self, rows: RowResults) -> tuple[str, ...]:
        """Find a minimum cut of each row."""
        graph = self.graph
        negatives = np.count_nonzero(rows.objective < 0, axis=1)
        counters, advice = clipped(
            CUT.id, rows.objective, negatives, self.solver.negative, "capacities", "cuts", self.place
        )
        rows.counters.update(counters)
        minimum_cuts(
            read_only(whole_numbers(np.maximum(rows.objective, 0.0))),
            graph.directed,
            self.source,
            self.target,
            graph.tails,
            graph.heads,
            *graph.links,  # whatever the graph: flow can be taken back
            rows.solutions,
        )
        return advice


def whole_numbers(capacities: Floats) -> Longs:
    """Each row times the largest power of two that is safe, rounded.

    Rounding moves the value of a cut by at most half a unit per edge, that is by E / 2**60 of the sum of all
    capacities: less than adding them up in float64 does.
    """
    exponents = np.frexp(capacities.max(axis=1, initial=0.0))[1].astype(np.int64)
    relative = np.ldexp(capacities, -exponents[:, None]).sum(axis=1)  # at most E; the sum itself might overflow
    shift = _BITS - np.frexp(relative)[1].astype(np.int64)
    scaled = np.ldexp(np.ldexp(capacities, -exponents[:, None]), shift[:, None])
    whole: Longs = np.rint(scaled).astype(np.int64)
    return whole
