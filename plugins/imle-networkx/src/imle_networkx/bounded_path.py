"""Shortest paths with at most H edges, under costs of any sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers import BaseSolver, PreparedSolver, RowResults, SolveStatus
from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.interruptible import interruptible
from imle_networkx.graph import Graph, both_ways, distances, read, sort, whole
from imle_networkx.kernels import Arcs
from imle_networkx.kernels.paths import cheapest_paths, cheapest_walks
from imle_networkx.plugin import BOUNDED_PATH
from imle_networkx.prepared import PreparedPerGraph, awaiting_graph

LANES = 16
"""Rows solved together, if the table of labels is small."""
CACHED = 2**18
"""Labels and costs (2 MB of float64) that all lanes may take together; larger ones get fewer lanes."""
LARGEST = 2**27
"""Labels (1 GB) a single row may take at most."""


@dataclass(frozen=True)
class BoundedPathSolver(BaseSolver, spec=BOUNDED_PATH):
    """The cheapest path from source to target with at most `hops` edges, as a 0/1 mask.

    A path visits no node twice. Costs may have any sign.

    Args:
        label_limit: labels (of 8 bytes) a row may take where cycles of negative cost compete with paths. Such a row is
            solved exactly as long as they suffice; beyond that it is `feasible`, with a message that says how much
            more than the cheapest path the one found may cost at most.

    Several cheapest paths: one with the fewest edges, the same one every time.
    """

    label_limit: int = 2**20

    def prepare(
        self,
        source: Any,
        target: Any,
        hops: int,
        graph: Any = None,
        edges: Any = None,
        nodes: Any = None,
        directed: bool | None = None,
    ) -> PreparedSolver:
        """Bind to a graph, two of its nodes and the number of edges.

        Args:
            source, target: the ends of the path.
            hops: the most edges it may have.
            graph, edges, nodes, directed: the graph and the order of its edges, see `imle_networkx.graph.read`.

        Raises:
            InstanceError: not such a graph, no such nodes, or the target is not within that many edges.
        """
        found = read(BOUNDED_PATH.id, graph, edges, nodes, directed)
        if found is None:
            return awaiting_graph(BOUNDED_PATH.id)
        given = whole(hops)
        if given is None or given < 0:
            raise InstanceError(f"{BOUNDED_PATH.id}: hops: expected an int >= 0, found {hops!r}")
        ends = found.number(BOUNDED_PATH.id, "source", source), found.number(BOUNDED_PATH.id, "target", target)
        most = min(given, found.nodes - 1)
        if (most + 1) * found.nodes > LARGEST:
            raise InstanceError(
                f"{BOUNDED_PATH.id}: hops: expected at most {LARGEST // found.nodes - 1} in a graph of {found.nodes} "
                f"nodes, found {hops}: the table of labels has (hops + 1) * nodes entries",
                hint="without a bound on the number of edges, networkx-shortest-path is the solver to use",
            )
        return PreparedBoundedPath(self, found, *ends, most, _useful(found, *ends, most))


@dataclass(frozen=True, eq=False)
class PreparedBoundedPath(PreparedPerGraph):
    """A graph with the numbers of its ends, and the arcs by head that paths within the bound can use."""

    solver: BoundedPathSolver
    source: int
    target: int
    hops: int
    arcs: Arcs

    def choose(self, rows: RowResults) -> tuple[str, ...]:
        """Find a cheapest path of each row; source == target gives no edge.

        Raises:
            CancelledError: no caller waits any more.
        """
        costs = self.summable_costs(rows)
        if self.source == self.target or not len(costs):
            return ()
        place = self.source, self.target, self.hops, *self.arcs
        size = (self.hops + 1) * self.graph.nodes + len(self.graph.tails)
        cyclic = np.zeros(len(costs), np.bool_)
        cheapest_walks(costs, *place, max(1, min(LANES, len(costs), CACHED // size)), rows.solutions, cyclic)
        if cyclic.any():
            limit, hard = self.solver.label_limit, np.flatnonzero(cyclic)
            excess, stopped = np.zeros(len(costs)), np.zeros(1, np.int8)
            interruptible(  # one of these rows may take long
                lambda: cheapest_paths(costs, hard, *place, limit, stopped, rows.solutions, excess),
                lambda: stopped.fill(1),
            )
            raise_if_cancelled()
            for row in np.flatnonzero(excess > 0).tolist():
                rows.end(
                    row,
                    SolveStatus.FEASIBLE,
                    f"stopped at {limit} labels with a path that costs at most {excess[row]:g} more than the cheapest "
                    "one; raise label_limit for a proof",
                )
            rows.counters["negative_cycles"] = len(hard)
        return ()


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
