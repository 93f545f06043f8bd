"""The k shortest paths between two nodes, as a set: those that cost least in all, or those that share nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imle.errors import InstanceError
from imle.solvers import BaseSolver, PreparedSolver, RowResults
from imle.solvers.compiled import Floats, Ints, Longs, read_only
from imle_networkx.graph import Graph, read, whole
from imle_networkx.kernels.several import cheapest_disjoint, cheapest_several
from imle_networkx.negatives import Negative
from imle_networkx.plugin import K_PATHS
from imle_networkx.prepared import PreparedPerGraph, awaiting_graph

LARGEST = 2**26
"""Nodes of all paths together (1 GB, with their edges and those of as many that wait)."""


@dataclass(frozen=True)
class KShortestPathsSolver(BaseSolver, spec=K_PATHS):
    """The k different paths from source to target that cost least in all: how many of them use each edge.

    Args:
        disjoint: "edges": no two paths share an edge; "nodes": nor a node between the ends; "no": they only differ.
        negative: what negative costs become in a graph with cycles: "clip" searches with zero instead and counts it,
            "raise" refuses them. Acyclic graphs take costs of any sign.

    A path visits no node twice; parallel edges make different paths. A solution has the shape of an objective, `[E]`:
    numbers from 0 to k, or a 0/1 mask where paths are disjoint. So the costs of the paths are one sum of costs and
    numbers, which is what estimators and losses need; `PreparedKShortestPaths.paths` tells the paths one by one.
    Several best sets: one of them, the same one every time.
    """

    disjoint: Literal["no", "edges", "nodes"] = "no"
    negative: Negative = "clip"

    def prepare(
        self,
        source: Any,
        target: Any,
        k: int,
        graph: Any = None,
        edges: Any = None,
        nodes: Any = None,
        directed: bool | None = None,
    ) -> PreparedSolver:
        """Bind to a graph, two of its nodes and the number of paths.

        Args:
            source, target: the ends of the paths.
            k: how many paths, at least 1.
            graph, edges, nodes, directed: the graph and the order of its edges, see `imle_networkx.graph.read`.

        Raises:
            InstanceError: not such a graph, source and target are not two nodes of it, or there are not so many paths,
                or they do not fit into memory.
        """
        who = K_PATHS.id
        found = read(who, graph, edges, nodes, directed)
        if found is None:
            return awaiting_graph(who)
        count = whole(k)
        if count is None or count < 1:
            raise InstanceError(f"{who}: k: expected an int >= 1, found {k!r}")
        if count * found.nodes > LARGEST:
            raise InstanceError(
                f"{who}: k: expected at most {LARGEST // found.nodes} paths in a graph of {found.nodes} nodes, "
                f"found {count}"
            )
        ends = found.number(who, "source", source), found.number(who, "target", target)
        if ends[0] == ends[1]:
            raise InstanceError(f"{who}: expected two nodes to join, found {source!r} as source and target")
        prepared = PreparedKShortestPaths(self, found, *ends, count)
        most = prepared.count_paths()
        if not most:
            raise InstanceError(f"{who}: expected a path from {source!r} to {target!r}, found none")
        if most < count:
            kind = {"no": "", "edges": " that share no edge", "nodes": " that share only their ends"}[self.disjoint]
            raise InstanceError(
                f"{who}: k: expected at most {most}, the number of paths{kind} from {source!r} to {target!r}, "
                f"found {count}",
                hint="" if self.disjoint == "no" else 'disjoint="no" lets paths share edges and nodes',
            )
        return prepared


@dataclass(frozen=True, eq=False)
class PreparedKShortestPaths(PreparedPerGraph):
    """A graph with the numbers of its ends, and how many paths there are to be."""

    solver: KShortestPathsSolver
    source: int
    target: int
    k: int
    dtype: ClassVar[DTypeLike] = np.int32

    def choose(self, rows: RowResults) -> tuple[str, ...]:
        """Find the paths of each row."""
        costs, advice = self._costs(rows)
        self._search(costs, rows.solutions[:, None])
        return advice

    def paths(self, objective: Any) -> NDArray[np.int32]:
        """The paths one by one, 0/1 masks `[N, k, E]`: the cheapest one first, or in no order where they are disjoint.

        Args:
            objective: `[N, E]` costs.

        Raises:
            ObjectiveError: another shape, or negative costs where they are refused.
        """
        rows = RowResults(K_PATHS.id, "min", objective, self.objective_shape, dtype=self.dtype)
        found = np.zeros((len(rows.status), self.k, *self.objective_shape), np.int32)
        self._search(self._costs(rows)[0], found)
        found[rows.status > 0] = 0
        return found

    def count_paths(self) -> int:
        """How many paths there are, k at most."""
        nothing = read_only(np.zeros((1, len(self.graph.tails))))
        return int(self._search(nothing, np.zeros((1, *nothing.shape), np.int32))[0])

    def _costs(self, rows: RowResults) -> tuple[Floats, tuple[str, ...]]:
        if self.graph.topological is not None:
            return self.summable_costs(rows), ()
        return self.positive_costs(rows, self.solver.negative, "costs", "paths")

    def _search(self, costs: Floats, solutions: Ints) -> Longs:
        """Write the paths `[N, k, E]`, or their sum `[N, 1, E]`, and return how many there are."""
        found = np.zeros(len(costs), np.int64)
        if self.solver.disjoint == "no":
            cheapest_several(costs, self.k, self.source, self.target, *self._order(self.graph), solutions, found)
            return found
        edges, network, source = len(self.graph.tails), self.graph, self.source
        if self.solver.disjoint == "nodes":
            network, source = self._passages, self.source + self.graph.nodes
            both = costs if self.graph.directed else np.tile(costs, 2)
            costs = read_only(np.pad(both, ((0, 0), (0, self.graph.nodes))))
        chosen = np.zeros((*solutions.shape[:2], len(network.tails)), np.int32)
        where = *self._order(network), *network.links
        cheapest_disjoint(costs, network.directed, self.k, source, self.target, *where, chosen, found)
        solutions += chosen[..., :edges]
        if self.solver.disjoint == "nodes" and not self.graph.directed:
            solutions += chosen[..., edges : 2 * edges]
        return found

    @staticmethod
    def _order(graph: Graph) -> tuple[Ints, Ints, Ints, Ints]:
        order = np.zeros(0, np.int32) if graph.topological is None else graph.topological
        return read_only(order), *graph.arcs

    @cached_property
    def _passages(self) -> Graph:
        """Every node as an edge from its entrance, which has its number, to its exit.

        The edges of the graph come first, from exits to entrances, and once more in the other direction if it has none.
        """
        graph, count = self.graph, self.graph.nodes
        both = (
            [(graph.tails, graph.heads)] if graph.directed else [(graph.tails, graph.heads), (graph.heads, graph.tails)]
        )
        nodes = np.arange(count, dtype=np.int32)
        tails = np.concatenate([*(tail + count for tail, _ in both), nodes])
        heads = np.concatenate([*(head for _, head in both), nodes + count])
        return Graph(2 * count, read_only(tails.astype(np.int32)), read_only(heads.astype(np.int32)), directed=True)
