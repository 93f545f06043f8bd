"""Shortest paths in any graph, with costs on edges or on nodes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, Literal

import numpy as np

from imle.errors import ObjectiveError
from imle.solvers import BaseSolver, FindsNormalCones, NormalCones, PreparedSolver, SolveResult, SolveStatus
from imle.solvers.compiled import Flags, Floats, Longs, read_only
from imle_networkx.graph import read
from imle_networkx.kernels import Arcs
from imle_networkx.kernels.bidirectional import bidirectional
from imle_networkx.kernels.sweep import sweep
from imle_networkx.masks import closed, masks, read_mask
from imle_networkx.negatives import Negative
from imle_networkx.paths import Paths, numbers
from imle_networkx.plugin import SHORTEST_PATH
from imle_networkx.prepared import PreparedOnEdges, awaiting_graph

SMALL = 2048
"""Arcs up to which any graph is swept in lanes; beyond, bidirectional search wins where paths have few arcs."""

THIN, MEDIUM = 4, 8192
"""Arcs per node, and arcs, up to which graphs are swept all the same: in lattices, roads and trees no search is short.
All three measured: at these sizes the two methods are within a factor of two of each other on the wrong side."""

LANES = 32
"""Rows swept together, if the graph is small. Measured: 32 lanes amortise the loop over arcs best."""

CACHED = 2**19
"""Labels and costs (4 MB of float64) that all lanes may take together; larger graphs get fewer lanes."""


@dataclass(frozen=True)
class ShortestPathSolver(BaseSolver, spec=SHORTEST_PATH):
    """The cheapest path from source to target, as a 0/1 mask of its edges or of its nodes.

    Args:
        weights: "edge": one cost per edge; "node": one per node, where source and target count too.
        negative: what negative costs become in a graph with cycles: "clip" searches with zero instead and counts it,
            "raise" refuses them. Acyclic graphs take costs of any sign.

    Undirected edges can be walked both ways. Several shortest paths: one of them, the same one every time.
    """

    weights: Literal["edge", "node"] = "edge"
    negative: Negative = "clip"

    def prepare(
        self,
        graph: Any = None,
        source: Any = None,
        target: Any = None,
        edges: Any = None,
        nodes: Any = None,
        directed: bool | None = None,
        allowed: Any = None,
    ) -> PreparedSolver:
        """Bind to a graph and, where all rows share them, to the ends.

        Args:
            graph, edges, nodes, directed: the graph and the order of its edges, see `imle_networkx.graph.read`; costs
                of nodes follow `G.nodes` or `nodes`. This takes a snapshot: a later change of the graph needs a new
                `prepare`. Preparing an unchanged graph again is cheap.
            source, target: nodes; None if they are given per row when solving.
            allowed: `[E]` which edges a path may take, or `[V]` which nodes it may visit where costs belong to nodes;
                bool or 0/1. None is all.

        Raises:
            InstanceError: not a graph, an empty one, or it has no such node; or not such a mask.
        """
        found = read(SHORTEST_PATH.id, graph, edges, nodes, directed)
        if found is None:
            return awaiting_graph(SHORTEST_PATH.id)
        for name, end in (("source", source), ("target", target)):
            if end is not None:
                found.number(SHORTEST_PATH.id, name, end)
        prepared = PreparedShortestPath(self, found, source, target, None)
        if allowed is None:
            return prepared
        return replace(prepared, allowed=read_mask(SHORTEST_PATH.id, allowed, prepared.objective_shape))


@dataclass(frozen=True, eq=False)
class PreparedShortestPath(PreparedOnEdges):
    """A graph as arrays, with the ends and the mask that hold for all rows, if any."""

    solver: ShortestPathSolver
    source: Any
    target: Any
    allowed: Flags | None

    @property
    def by_node(self) -> bool:
        """Whether costs belong to nodes."""
        return self.solver.weights == "node"

    @property
    def objective_shape(self) -> tuple[int]:
        """`(E,)` or `(V,)`."""
        return (self.graph.nodes,) if self.by_node else super().objective_shape

    @property
    def labels(self) -> Sequence[Hashable]:
        """The edges `[E]` or nodes `[V]` as the user calls them."""
        return list(self.graph.node_labels) if self.by_node else super().labels

    @property
    def sweepable(self) -> bool:
        """Whether the structure favours sweeps in lanes; a choice by structure alone keeps ties reproducible."""
        if self.graph.topological is not None:
            return True
        arcs = self.graph.arcs.node.shape[1]
        return bool(arcs <= SMALL or (arcs <= MEDIUM and arcs <= THIN * self.graph.nodes))

    def solve(
        self,
        objective: Floats,
        *,
        source: Sequence[Any] | None = None,
        target: Sequence[Any] | None = None,
        allowed: Sequence[Any] | None = None,
    ) -> SolveResult:
        """Find a shortest path per row.

        Args:
            objective: `[N, E]` or `[N, V]` costs.
            source, target: `[N]` nodes, instead of the fixed ones.
            allowed: `[N, E]` or `[N, V]` masks, instead of the fixed one.

        Returns:
            masks `[N, E]` or `[N, V]`; source == target gives no edge, or that one node. A row whose target cannot be
            reached through what is allowed is infeasible. Objective values are sums of the costs as given, not as
            clipped.

        Raises:
            InstanceError: an end is missing, or not a node, or a mask is none; names the row.
            ObjectiveError: the wrong number of costs; negative ones under `negative="raise"`; names the row and the
                edge or node.
        """
        (items,) = self.objective_shape
        if objective.ndim != 2 or objective.shape[1] != items:  # kernels do not check bounds
            raise ObjectiveError(
                f"{SHORTEST_PATH.id}: expected objectives of shape [N, {items}], one number per {self.solver.weights}, "
                f"found {list(objective.shape)}"
            )
        rows, number = len(objective), self.graph.number
        sources = numbers(SHORTEST_PATH.id, "source", self.source, source, rows, number)
        targets = numbers(SHORTEST_PATH.id, "target", self.target, target, rows, number)
        own = masks(SHORTEST_PATH.id, self.allowed, allowed, rows, (items,))
        paths = self._search(closed(objective, own), sources, targets)
        shared = cache(self._failure)  # failed rows mostly share their ends

        def failure(row: int) -> tuple[SolveStatus, str]:
            ends = int(sources[row]), int(targets[row])
            return shared(*ends) if own is None else self._failure(*ends, own[row if len(own) > 1 else 0])

        return paths.result(SHORTEST_PATH.id, self.solver.negative, failure, self.place)

    @property
    def normal_cones(self) -> FindsNormalCones | None:
        """Of paths in directed graphs with costs of edges, as flows of one unit; others are no linear program."""
        return self._normal_cones if self.graph.directed and not self.by_node else None

    def _normal_cones(
        self,
        solutions: Floats,
        *,
        source: Sequence[Any] | None = None,
        target: Sequence[Any] | None = None,
        allowed: Sequence[Any] | None = None,
    ) -> NormalCones:
        """See `PreparedSolver.normal_cones`: each node but the ends is left as often as it is entered.

        Raises:
            ObjectiveError: a solution is no such flow of 0 and 1; with its row.
        """
        rows, number, edges = len(solutions), self.graph.number, np.arange(solutions.shape[1])
        nodes = np.zeros((self.graph.nodes, len(edges)))
        np.add.at(nodes, (self.graph.tails, edges), 1.0)
        np.add.at(nodes, (self.graph.heads, edges), -1.0)
        wanted = np.zeros((rows, len(nodes)))
        for name, fixed, own, side in (("source", self.source, source, 1.0), ("target", self.target, target, -1.0)):
            wanted[np.arange(rows), numbers(SHORTEST_PATH.id, name, fixed, own, rows, number)] += side
        mask = masks(SHORTEST_PATH.id, self.allowed, allowed, rows, edges.shape)
        closed_edges = np.broadcast_to(False if mask is None else ~mask, solutions.shape)
        zeros, ones = solutions == 0, solutions == 1
        wrong = (solutions @ nodes.T != wanted).any(axis=1) | ~(zeros | (ones & ~closed_edges)).all(axis=1)
        if wrong.any():
            raise ObjectiveError(
                f"{SHORTEST_PATH.id}: solution: expected a path from source to target, found other edges",
                row=int(wrong.argmax()),
            )
        shared = np.broadcast_to(nodes, (rows, *nodes.shape))
        return NormalCones(shared[:, :0], shared, zeros | closed_edges, ones | closed_edges)

    def _search(self, objective: Floats, sources: Longs, targets: Longs) -> Paths:
        paths = Paths.of(objective)
        if self.sweepable:
            floor = 0.0 if self.graph.topological is None else -np.inf
            width = max(1, min(LANES, CACHED // (self.graph.nodes + objective.shape[1])))
            sweep(*paths, floor, self.by_node, sources, targets, self.graph.order, *self._arcs, width)
        else:
            bidirectional(*paths, self.by_node, sources, targets, *self._arcs)
        if self.by_node:  # not all kernels look at the costs of sources
            lost = np.isposinf(objective[np.arange(len(objective)), sources])
            paths.found[lost], paths.solutions[lost] = False, 0
        return paths

    @cached_property
    def _arcs(self) -> Arcs:
        """Arcs by tail and by head; where nodes cost, an arc costs the node that it enters."""
        both = self.graph.arcs
        if not self.by_node:
            return both
        entered = np.arange(self.graph.nodes, dtype=np.int32).repeat(np.diff(both.start[1]))
        return both._replace(item=read_only(np.stack([both.node[0], entered])))

    def _failure(self, source: int, target: int, allowed: Flags | None = None) -> tuple[SolveStatus, str]:
        """Tell a target out of reach from costs too large to add: only the latter is in reach at no cost."""
        nodes = self.graph.node_labels
        free = closed(np.zeros((1, *self.objective_shape)), allowed)
        if self._search(free, np.array([source]), np.array([target])).found[0]:
            return SolveStatus.ERROR, (
                f"no path of finite cost from {nodes[source]!r} to {nodes[target]!r}: "
                "costs add up to infinity or are nan"
            )
        through = "" if allowed is None else f" through the {self.solver.weights}s that are allowed"
        return SolveStatus.INFEASIBLE, f"no path from {nodes[source]!r} to {nodes[target]!r}{through}"

    def place(self, item: int) -> str:
        """How messages call the n-th entry of an objective."""
        return f"position {item}, {self.solver.weights} {self.labels[item]!r}"
