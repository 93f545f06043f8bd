"""The shortest tour of one vehicle."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from imle.errors import InstanceError, ObjectiveError
from imle.solvers import (
    BasePrepared,
    BaseSolver,
    FindsNormalCones,
    NormalCones,
    RowResults,
    Sense,
    Shape,
    SolveResult,
    SolveStatus,
)
from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.compiled import Flags, Floats, Longs, read_only
from imle_linear.arrays import mask as matrix_mask
from imle_networkx.graph import Graph, distances, read
from imle_networkx.masks import masks, read_mask
from imle_routes.branching import SearchLimits, best_tour, common_part, warm
from imle_routes.cones import normal_cones
from imle_routes.kernels.held_karp import held_karp
from imle_routes.plugin import TSP
from imle_routes.ways import Ways, all_ways, number, ways_of

_MOST = 13
"""Nodes of a tour, the place where an open one is closed included, up to which sets of them are tabled."""
_BLOCK = 1024
"""Rows in one call of the kernel: a few tenths of a second at the most."""
_UNLIMITED = 2**62
_VISIT = "True for a visit"
_FREE = -1
"""Stands for no node in particular."""


@dataclass(frozen=True)
class TSPSolver(BaseSolver, spec=TSP):
    """The tour of least cost that visits every node once.

    Up to 13 nodes by dynamic programming, a batch at a time; above by branch and bound with 1-trees, which takes tenths
    of a second at 60 nodes. It is fastest for costs that are the same in both directions.

    Args:
        sense: "min" for costs, "max" for scores.
        time_limit: seconds per row of more than 13 nodes; None for no limit. Time is not deterministic, so neither are
            rows that run out.
        node_limit: nodes of branch and bound per row; None for no limit. Rows that run out are deterministic.

    A row that runs out of either is `feasible`, with the best tour so far, and its bound; `timeout` without a tour.
    Several best tours: one of them, the same one every time.

    Raises:
        OptionError: another sense, or a limit that is not positive.
    """

    sense: Sense = "min"
    time_limit: float | None = None
    node_limit: int | None = None

    def prepare(
        self,
        visit: Any = None,
        closed: bool = True,
        start: Any = None,
        end: Any = None,
        graph: Any = None,
        edges: Any = None,
        nodes: Any = None,
        directed: bool | None = None,
        allowed: Any = None,
    ) -> PreparedTSP:
        """Bind to nodes and the ways between them.

        Objectives are costs `[n, n]`, from each node to each other; or, with a graph or edges, `[E]`.

        Args:
            visit: `[n]` of bool or 0/1, the nodes that the tour visits; None for all.
            closed: whether the tour comes back.
            start, end: of a tour that does not; None leaves the choice to the solver.
            graph, edges, nodes: the graph and the order of its edges, see `imle_networkx.graph.read`.
            directed: whether there and back are two ways. An undirected way takes both of its entries of `[n, n]`
                costs, or its edge of a list.
            allowed: `[n, n]` of bool or 0/1, the ways there are, with costs `[n, n]`; None for all.

        Raises:
            InstanceError: not such a graph, or such a mask; ends of a closed tour.
        """
        if closed and (start is not None or end is not None):
            given = "start" if start is not None else "end"
            raise InstanceError(
                f"{TSP.id}: {given}: expected None for a closed tour, which visits all nodes wherever it starts",
                hint="closed=False asks for a tour that does not come back",
            )
        found = read(TSP.id, graph, edges, nodes, directed)
        if found is not None and allowed is not None:
            raise InstanceError(
                f"{TSP.id}: allowed: expected None beside edges or a graph, whose edges say which ways there are"
            )
        ways = None
        if found is not None:
            ways = ways_of(TSP.id, found)
        elif allowed is not None:
            ways = all_ways(len(_square(allowed)), _square(allowed), directed is not False)
        size = None if ways is None else len(ways.entry)
        shown = None if visit is None else read_mask(TSP.id, visit, (size,), name="visit", hint=_VISIT)
        return PreparedTSP(self, found, ways, directed is not False, closed, shown, start, end)


@dataclass(frozen=True, eq=False)
class PreparedTSP(BasePrepared):
    """Nodes, and the ways between them if they are known.

    Attributes:
        solver: the options.
        graph: whose edges have costs; None for costs `[n, n]`.
        ways: None for costs `[n, n]` of any size.
        directed: whether there and back are two ways, where ways are not known.
        closed: whether tours come back.
        visit: `[n]` the nodes to visit, in all rows that have no mask of their own; None for all.
        start, end: of open tours, likewise, as the user calls them.
    """

    solver: TSPSolver
    graph: Graph | None
    ways: Ways | None
    directed: bool
    closed: bool
    visit: Flags | None
    start: Any
    end: Any

    @property
    def objective_shape(self) -> Shape:
        """`(n, n)`, or `(E,)`."""
        if self.graph is not None:
            return (len(self.graph.tails),)
        n = len(self.visit) if self.visit is not None else None if self.ways is None else len(self.ways.entry)
        return (n, n)

    @property
    def labels(self) -> Sequence[Hashable] | None:
        """`[E]` the edges as the user calls them; costs `[n, n]` have no names."""
        return None if self.graph is None else list(self.graph.edge_labels)

    def solve(
        self,
        objective: Floats,
        *,
        visit: Sequence[Any] | None = None,
        start: Sequence[Any] | None = None,
        end: Sequence[Any] | None = None,
    ) -> SolveResult:
        """Find a best tour per row.

        Args:
            objective: `[N, n, n]` or `[N, E]` costs, or scores if sense is "max"; entries that are no ways, such as
                those of the diagonal, do not matter.
            visit: `[N, n]`, instead of the fixed one.
            start, end: `[N]` nodes, likewise.

        Returns:
            `[N, n, n]` or `[N, E]`, 1 for the ways that the tour takes. Rows whose ends or ways leave no tour are
            infeasible.

        Raises:
            InstanceError: no such nodes; names the row. Or tours of all nodes, some of which cannot be reached.
            ObjectiveError: costs of another shape.
        """
        rows = RowResults(TSP.id, self.solver.sense, objective, self.objective_shape, dtype=np.int8)
        ways = self.ways or self._all(rows.objective.shape)
        count, n = len(rows.objective), len(ways.entry)
        if not n:
            return rows.result()
        visits = masks(TSP.id, self.visit, visit, count, (n,), name="visit", hint=_VISIT)
        starts, ends = self._ends("start", start, count, n), self._ends("end", end, count, n)
        if visits is None:  # rows may bring masks, so that this is not known before
            _ = self._connected
            visits = np.ones((1, n), np.bool_)
        visits = np.broadcast_to(visits, (count, n))
        sizes = visits.sum(axis=1)
        self._refuse_ends(rows, visits, sizes, starts, ends, ways.directed)
        costs = ways.distances(rows, self.solver.sense)
        for size in np.unique(sizes[rows.open]).tolist():
            if size > 1:
                members = rows.open[sizes[rows.open] == size]
                visited = np.nonzero(visits[members])[1].reshape(-1, size)
                for first in range(0, len(members), _BLOCK):
                    raise_if_cancelled()
                    part = slice(first, first + _BLOCK)
                    self._visit_all(rows, ways, costs, members[part], visited[part], starts, ends)
        return rows.result()

    @property
    def normal_cones(self) -> FindsNormalCones | None:
        """See `PreparedSolver`: those of closed tours."""
        return self._normal_cones if self.closed else None

    def _normal_cones(
        self, solutions: Any, *, visit: Sequence[Any] | None = None, start: Any = None, end: Any = None
    ) -> NormalCones:
        del start, end  # closed tours have none
        ways = self.ways or self._all(solutions.shape)
        count, n = len(solutions), len(ways.entry)
        visits = masks(TSP.id, self.visit, visit, count, (n,), name="visit", hint=_VISIT)
        visits = np.ones((1, n), np.bool_) if visits is None else visits
        return normal_cones(ways, solutions, np.broadcast_to(visits, (count, n)))

    def _visit_all(
        self, rows: RowResults, ways: Ways, costs: Floats, members: Longs, visited: Longs, starts: Longs, ends: Longs
    ) -> None:
        """Solve rows that visit as many nodes, `[R, size]`."""
        own = costs[members[:, None, None], visited[:, :, None], visited[:, None, :]]
        if not self.closed:
            own = _with_break(own, visited, starts[members], ends[members])
        count, m = own.shape[:2]
        orders, found = np.empty((count, m), np.int64), np.zeros(count, np.bool_)
        if m <= _MOST:
            held_karp(read_only(own), orders, found)
        else:
            warm()
            for k, member in enumerate(members.tolist()):
                fixed = [] if self.closed else [int(starts[member]), int(ends[member])]
                forced = [1 + int(np.searchsorted(visited[k], node)) for node in fixed if node != _FREE]
                found[k] = self._search(rows, member, own[k], forced, orders[k])
        missed = members[~found]
        for row in missed[rows.status[missed] == SolveStatus.OPTIMAL].tolist():
            rows.end(row, SolveStatus.INFEASIBLE, "the ways there are leave no tour of the nodes to visit")
        here = np.flatnonzero(found)
        if self.closed:
            tails = visited[here[:, None], orders[here]]
            heads = np.roll(tails, -1, axis=1)
        else:
            tours = visited[here[:, None], orders[here, 1:] - 1]
            tails, heads = tours[:, :-1], tours[:, 1:]
        ways.write(rows.solutions, members[here], tails, heads)

    def _search(self, rows: RowResults, row: int, distances: Floats, forced: list[int], order: Longs) -> bool:
        """Solve one row by branch and bound, from node 0 on; whether there is a tour, which is written to `order`.

        `distances` are written to.
        """
        base = distances if self.closed else distances[1:, 1:]
        common = common_part(base)
        base -= common  # tours take as many ways: only what differs may be told apart finely
        pairs = np.array([(0, node) for node in forced], np.int64).reshape(-1, 2)
        options = self.solver
        limits = SearchLimits(options.node_limit or _UNLIMITED, options.time_limit or math.inf)
        found = best_tour(distances, pairs, symmetric=np.array_equal(base, base.T), limits=limits)
        if found.order is not None:
            order[:] = np.roll(found.order, -int(np.argmin(found.order)))
        if not found.done:
            bound = found.bound + common * (len(base) - (not self.closed))
            if math.isfinite(bound):
                rows.bounds[row] = -bound if options.sense == "max" else bound
            if found.order is None:
                rows.end(row, SolveStatus.TIMEOUT, "stopped at a limit before any tour was found")
            else:
                rows.end(row, SolveStatus.FEASIBLE, "stopped at a limit with the best tour so far")
        return found.order is not None

    @cached_property
    def _connected(self) -> None:
        """Refuse graphs of which some node cannot be reached, or left again.

        Raises:
            InstanceError: names such a node.
        """
        graph = self.graph
        if graph is None or (graph.directed and not self.closed):
            return
        for outgoing, does in ((graph.out, "is not reached from"), (graph.into, "does not reach")):
            apart = np.flatnonzero(distances(outgoing, 0) < 0)
            if len(apart):
                node, first = graph.node_labels[int(apart[0])], graph.node_labels[0]
                raise InstanceError(
                    f"{TSP.id}: edges: expected a graph in which tours can reach all nodes, found that {node!r} {does} "
                    f"{first!r}",
                    hint="visit=... leaves nodes out",
                )
        if self.closed and not graph.directed and graph.nodes > 2:
            for node in np.flatnonzero(np.diff(graph.out.start) < 2)[:1].tolist():
                raise InstanceError(
                    f"{TSP.id}: edges: expected two edges or more at every node of a closed tour, "
                    f"found one at {graph.node_labels[node]!r}",
                    hint="visit=... leaves nodes out",
                )

    def _all(self, shape: tuple[int, ...]) -> Ways:
        """All ways between the nodes of `[N, n, n]` costs."""
        _, n, m = shape
        if n != m:
            raise ObjectiveError(f"{TSP.id}: expected costs of shape [N, n, n], found {list(shape)}")
        return all_ways(n, None, self.directed)

    def _ends(self, name: str, given: Sequence[Any] | None, count: int, n: int) -> Longs:
        """`[N]` where tours start, or end; `_FREE` where that is left open."""
        fixed = self.start if name == "start" else self.end
        if given is None:
            return np.full(count, self._number(name, fixed, n, None))
        if len(given) != count:
            raise InstanceError(f"{TSP.id}: {name}: expected one node per row, {count} in all, found {len(given)}")
        if self.closed and any(node is not None for node in given):
            raise InstanceError(
                f"{TSP.id}: {name}: expected None for closed tours, which visit all nodes wherever they start",
                hint="closed=False in imle.layer asks for tours that do not come back",
            )
        return np.array([self._number(name, node, n, row) for row, node in enumerate(given)], np.int64)

    def _number(self, name: str, node: Any, n: int, row: int | None) -> int:
        if node is None:
            return _FREE
        if self.graph is None:
            return number(TSP.id, name, node, n, row)
        try:
            return self.graph.number(TSP.id, name, node)
        except InstanceError as error:
            raise InstanceError(error.message, hint=error.hint, row=row) from None

    def _refuse_ends(
        self, rows: RowResults, visits: Flags, sizes: Longs, starts: Longs, ends: Longs, directed: bool
    ) -> None:
        """Rows are infeasible whose ends are not visited or are one node of several, or that go there and back."""
        every = np.arange(len(visits))
        for name, own in (("start", starts), ("end", ends)):
            for row in np.flatnonzero((own != _FREE) & ~visits[every, own]).tolist():
                rows.end(
                    row, SolveStatus.INFEASIBLE, f"{name} {self._label(own[row])!r} is not among the nodes to visit"
                )
        for row in np.flatnonzero((starts == ends) & (starts != _FREE) & (sizes > 1)).tolist():
            message = f"start and end are both {self._label(ends[row])!r}: closed=True asks for a tour that comes back"
            rows.end(row, SolveStatus.INFEASIBLE, message)
        if self.closed and not directed:
            for row in np.flatnonzero(sizes == 2).tolist():
                message = "2 nodes have no undirected tour: it would take their edge twice; directed=True has two ways"
                rows.end(row, SolveStatus.INFEASIBLE, message)

    def _label(self, node: Any) -> Hashable:
        return int(node) if self.graph is None else self.graph.node_labels[node]


def _square(allowed: Any) -> Flags:
    """`[n, n]` ways that are allowed."""
    found: Flags = matrix_mask(TSP.id, allowed)
    if found.shape[0] != found.shape[1]:
        raise InstanceError(f"{TSP.id}: allowed: expected a mask [n, n], found shape {list(found.shape)}")
    return found


def _with_break(distances: Floats, visited: Longs, starts: Longs, ends: Longs) -> Floats:
    """A node in front of all others that an open tour visits between its end and its start, at no cost: `[R, m, m]`."""
    count, size, _ = distances.shape
    wider = np.full((count, size + 1, size + 1), np.inf)
    wider[:, 1:, 1:] = distances
    wider[:, 0, 1:] = np.where((starts == _FREE)[:, None] | (visited == starts[:, None]), 0.0, np.inf)
    wider[:, 1:, 0] = np.where((ends == _FREE)[:, None] | (visited == ends[:, None]), 0.0, np.inf)
    return wider
