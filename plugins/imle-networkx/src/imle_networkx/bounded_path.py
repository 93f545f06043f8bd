"""Shortest paths with at most H edges, under costs of any sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers import RowResults, SolveStatus
from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.compiled import Floats, Ints, Longs, Masks
from imle.solvers.interruptible import interruptible
from imle_networkx.bases import GraphSolver, PreparedPerGraph
from imle_networkx.graph import Graph, both_ways, distances, sort, whole
from imle_networkx.kernels import Arcs
from imle_networkx.kernels.paths import cheapest_paths, cheapest_walks
from imle_networkx.plugin import BOUNDED_PATH

Place = tuple[int, int, int, Ints, Ints, Ints]
"""The ends, the most arcs, and the arcs by head, as kernels take them."""

LANES = 16
"""Rows solved together, if the table of labels is small."""
CACHED = 2**18
"""Labels and costs (2 MB of float64) that all lanes may take together; larger ones get fewer lanes."""
LARGEST = 2**27
"""Labels (1 GB) a single row may take at most."""


@dataclass(frozen=True)
class BoundedPathSolver(GraphSolver, spec=BOUNDED_PATH):
    """The cheapest path from source to target with at most `hops` edges, as a 0/1 mask.

    A path visits no node twice. Costs may have any sign.

    Args:
        label_limit: labels (of 8 bytes) a row may take where cycles of negative cost compete with paths. Such a row is
            solved exactly as long as they suffice; beyond that it is `feasible`, with a message that says how much
            more than the cheapest path the one found may cost at most.

    Several cheapest paths: one with the fewest edges, the same one every time.

    Raises:
        OptionError: a limit below 1.
    """

    label_limit: int = 2**20

    def bind(self, graph: Graph, /, source: Any, target: Any, hops: int) -> PreparedBoundedPath:
        """Bind to a graph, two of its nodes and the number of edges.

        Args:
            graph: of any kind.
            source, target: the ends of the path.
            hops: the most edges it may have.

        Raises:
            InstanceError: no such nodes, or the target is not within that many edges.
        """
        given = whole(hops)
        if given is None or given < 0:
            raise InstanceError(f"{BOUNDED_PATH.id}: hops: expected an int >= 0, found {hops!r}")
        ends = graph.number(BOUNDED_PATH.id, "source", source), graph.number(BOUNDED_PATH.id, "target", target)
        most = min(given, graph.nodes - 1)
        if (most + 1) * graph.nodes > LARGEST:
            raise InstanceError(
                f"{BOUNDED_PATH.id}: hops: expected at most {LARGEST // graph.nodes - 1} in a graph of {graph.nodes} "
                f"nodes, found {hops}: the table of labels has (hops + 1) * nodes entries",
                hint="without a bound on the number of edges, networkx-shortest-path is the solver to use",
            )
        return PreparedBoundedPath(self, graph, *ends, most, _useful(graph, *ends, most))


@dataclass(frozen=True, eq=False)
class PreparedBoundedPath(PreparedPerGraph):
    """A graph with the numbers of its ends, and the arcs by head that paths within the bound can use."""

    solver: BoundedPathSolver
    source: int
    target: int
    hops: int
    arcs: Arcs

    def choose(self, rows: RowResults) -> tuple[str, ...]:
        """Find a cheapest path of each row; source == target gives no edge."""
        costs = self.summable_costs(rows)
        if self.source == self.target or not len(costs):
            return ()
        place: Place = (self.source, self.target, self.hops, *self.arcs)
        size = (self.hops + 1) * self.graph.nodes + len(self.graph.tails)
        cyclic = np.zeros(len(costs), np.bool_)
        cheapest_walks(costs, *place, max(1, min(LANES, len(costs), CACHED // size)), rows.solutions, cyclic)
        if cyclic.any():
            excess = self._among_cycles(costs, np.flatnonzero(cyclic), place, rows.solutions)
            for row in np.flatnonzero(excess > 0).tolist():
                rows.end(
                    row,
                    SolveStatus.FEASIBLE,
                    f"stopped at {self.solver.label_limit} labels with a path that costs at most {excess[row]:g} more "
                    "than the cheapest one; raise label_limit for a proof",
                )
            rows.counters["negative_cycles"] = int(cyclic.sum())
        return ()

    def _among_cycles(self, costs: Floats, rows: Longs, place: Place, solutions: Masks) -> Floats:
        """Solve rows in which a cycle costs less than nothing; one of them may take long.

        Returns:
            `[N]` the most that the path found costs more than the cheapest one.

        Raises:
            CancelledError: no caller waits any more.
        """
        excess, stopped = np.zeros(len(costs)), np.zeros(1, np.int8)
        limit = self.solver.label_limit
        interruptible(
            lambda: cheapest_paths(costs, rows, *place, limit, stopped, solutions, excess), lambda: stopped.fill(1)
        )
        raise_if_cancelled()
        return excess


def _useful(graph: Graph, source: int, target: int, hops: int) -> Arcs:
    """Arcs by head that a path from source to target with at most that many arcs can use.

    Raises:
        InstanceError: there is no such path.
    """
    ahead, back = distances(graph.out, source), distances(graph.into, target)
    if not 0 <= ahead[target] <= hops:
        first, last = graph.node_labels[source], graph.node_labels[target]
        least = "no path at all" if ahead[target] < 0 else f"a shortest one with {ahead[target]}"
        raise InstanceError(
            f"{BOUNDED_PATH.id}: hops: expected a path from {first!r} to {last!r} with at most {hops} edges, "
            f"found {least}"
        )
    tails, heads, item = both_ways(graph, directed=graph.directed)
    kept = (ahead[tails] >= 0) & (back[heads] >= 0) & (ahead[tails] + 1 + back[heads] <= hops)
    kept &= (heads != source) & (tails != target)  # no path comes back to its start, or goes on from its end
    return sort(graph.nodes, heads[kept], tails[kept], item[kept])
