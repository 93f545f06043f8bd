"""Shortest paths with at most H edges, under costs of any sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError, OptionError
from imle.solvers import ArrayKind, PreparedSolver, Sense, SolveResult, SolveStatus
from imle.solvers.interruptible import interruptible
from imle.solvers.stopping import refuse_given_up
from imle_graphs.graph import Arcs, Graph, arcs, both_ways, distances, read
from imle_graphs.kernels.compiling import read_only
from imle_graphs.kernels.paths import cheapest_paths
from imle_graphs.kernels.walks import UNREACHED, WALK, cheapest_walks
from imle_graphs.rows import Floats, Rows
from imle_graphs.unbound import Unbound

_WHO = "bounded-path"

Place = tuple[int, int, int, NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]
"""The ends, the most arcs, and the arcs by head, as kernels take them."""

LANES = 16
"""Rows solved together, if the table of labels is small."""
CACHED = 2**18
"""Labels and costs (2 MB of float64) that all lanes may take together; larger ones get fewer lanes."""
LARGEST = 2**27
"""Labels (1 GB) a single row may take at most."""


@dataclass(frozen=True)
class BoundedPathSolver:
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

    sense: ClassVar[Sense] = "min"
    array: ClassVar[ArrayKind] = "numpy"

    def __post_init__(self) -> None:
        if isinstance(self.label_limit, bool) or not hasattr(self.label_limit, "__index__") or self.label_limit < 1:
            raise OptionError(f"{_WHO}: label_limit: expected an int >= 1, found {self.label_limit!r}")

    def prepare(
        self,
        source: Any,
        target: Any,
        hops: int,
        graph: Any = None,
        edges: Any = None,
        nodes: int | None = None,
        directed: bool | None = None,
    ) -> PreparedSolver:
        """Bind to a graph, two of its nodes and the number of edges.

        Args:
            source, target: the ends of the path.
            hops: the most edges it may have.
            graph: any networkx graph; objectives follow the order of its edges.
            edges: `[E, 2]` node numbers instead, (tail, head).
            nodes: how many nodes there are; by default the largest number in `edges` plus one.
            directed: whether edges lead from tail to head only; by default what the graph says, and True for `edges`.

        Raises:
            InstanceError: not such a graph, no such nodes, or the target is not within that many edges.
        """
        given = read(_WHO, graph, edges, nodes, directed)
        if given is None:
            return Unbound(_WHO)
        if isinstance(hops, bool) or not hasattr(hops, "__index__") or hops < 0:
            raise InstanceError(f"{_WHO}: hops: expected an int >= 0, found {hops!r}")
        ends = given.number(_WHO, "source", source), given.number(_WHO, "target", target)
        most = min(int(hops), given.nodes - 1)
        if (most + 1) * given.nodes > LARGEST:
            raise InstanceError(
                f"{_WHO}: hops: expected at most {LARGEST // given.nodes - 1} in a graph of {given.nodes} nodes, "
                f"found {hops}: the table of labels has (hops + 1) * nodes entries",
                hint="without a bound on the number of edges, networkx-shortest-path is the solver to use",
            )
        return PreparedBoundedPath(self, given, *ends, most, _useful(given, *ends, most))


@dataclass(frozen=True, eq=False)
class PreparedBoundedPath:
    """A graph with the numbers of its ends, and the arcs by head that paths within the bound can use."""

    solver: BoundedPathSolver
    graph: Graph
    source: int
    target: int
    hops: int
    arcs: Arcs
    any_size: ClassVar[bool] = True  # costs are compared, whatever they are

    @property
    def objective_shape(self) -> tuple[int]:
        """`(E,)`."""
        return (self.graph.edges,)

    def solve(self, objective: Floats, *, hint: Floats | None = None) -> SolveResult:
        """Find a cheapest path per row.

        Args:
            objective: `[N, E]` costs of any sign.
            hint: not used; a solve costs less than checking one.

        Returns:
            masks `[N, E]`; source == target gives no edge.

        Raises:
            ObjectiveError: another shape.
        """
        del hint
        rows = Rows.of(_WHO, objective, self.graph.edges)
        if self.source == self.target or not len(objective):
            return rows.result()
        rows.refuse_large(_WHO)
        costs = read_only(rows.costs)
        place: Place = (self.source, self.target, self.hops, self.arcs.start, self.arcs.node, self.arcs.item)
        size = (self.hops + 1) * self.graph.nodes + self.graph.edges
        found = np.zeros(len(costs), np.int8)
        cheapest_walks(costs, *place, max(1, min(LANES, CACHED // size)), rows.solutions, found)
        assert not (found == UNREACHED).any()  # the target is within reach, and sums do not overflow
        cyclic = np.flatnonzero((found == WALK) & rows.open)
        if len(cyclic):
            excess = self._among_cycles(costs, cyclic, place, rows.solutions)
            for row in np.flatnonzero(excess > 0):
                rows.fail(
                    int(row),
                    SolveStatus.FEASIBLE,
                    f"stopped at {self.solver.label_limit} labels with a path that costs at most {excess[row]:g} more "
                    "than the cheapest one; raise label_limit for a proof",
                )
        return rows.result({"negative_cycles": len(cyclic)} if len(cyclic) else {})

    def _among_cycles(
        self, costs: Floats, rows: NDArray[np.int64], place: Place, solutions: NDArray[np.int8]
    ) -> Floats:
        """Solve rows in which a cycle costs less than nothing; one of them may take long.

        Returns:
            `[N]` the most that the path found costs more than the cheapest one.

        Raises:
            GivenUpError: no caller waits any more.
        """
        excess, stopped = np.zeros(len(costs)), np.zeros(1, np.int8)
        limit = self.solver.label_limit
        interruptible(
            lambda: cheapest_paths(costs, rows, *place, limit, stopped, solutions, excess), lambda: stopped.fill(1)
        )
        refuse_given_up()
        return excess

    def close(self) -> None:
        """Nothing to free."""


def _useful(graph: Graph, source: int, target: int, hops: int) -> Arcs:
    """Arcs by head that a path from source to target with at most that many arcs can use.

    Raises:
        InstanceError: there is no such path.
    """
    tails, heads, item = both_ways(graph)
    ahead = distances(graph.nodes, arcs(graph.nodes, tails, heads, item), source)
    back = distances(graph.nodes, arcs(graph.nodes, heads, tails, item), target)
    if not 0 <= ahead[target] <= hops:
        first, last = graph.name(source), graph.name(target)
        least = "no path at all" if ahead[target] < 0 else f"a shortest one with {ahead[target]}"
        raise InstanceError(
            f"{_WHO}: hops: expected a path from {first!r} to {last!r} with at most {hops} edges, found {least}"
        )
    kept = (ahead[tails] >= 0) & (back[heads] >= 0) & (ahead[tails] + 1 + back[heads] <= hops)
    kept &= (heads != source) & (tails != target)  # no path comes back to its start, or goes on from its end
    return arcs(graph.nodes, heads[kept], tails[kept], item[kept])
