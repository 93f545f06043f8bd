"""Shortest paths in any NetworkX graph, with costs on edges or on nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imle.errors import ObjectiveError
from imle.plugins.parameters import check_value
from imle.solvers import ArrayKind, Sense, SolveResult, SolveStatus
from imle_networkx.ends import numbers
from imle_networkx.graph import Snapshot, Weights, snapshot
from imle_networkx.kernels.bidirectional import bidirectional
from imle_networkx.kernels.sweep import sweep
from imle_networkx.outcome import Negative, Outcome
from imle_networkx.plugin import GRAPH

LANES = 32
"""Rows swept together, if the graph is small. Measured: 32 lanes amortise the loop over arcs best."""

CACHED = 2**19
"""Labels and costs (4 MB of float64) that all lanes may take together; larger graphs get fewer lanes."""


@dataclass(frozen=True)
class ShortestPathSolver:
    """The cheapest path from source to target, as a 0/1 mask of its edges or of its nodes.

    Args:
        weights: "edge": one cost per edge, in the order of `G.edges` (of `G.edges(keys=True)` for a multigraph);
            "node": one per node, in the order of `G.nodes`, where source and target count too.
        negative: what negative costs become in a graph with cycles: "clip" searches with zero instead and counts it,
            "raise" refuses them. Acyclic graphs take costs of any sign.

    Undirected edges can be walked both ways. Several shortest paths: one of them, the same one every time.

    Raises:
        OptionError: a value that is not listed.
    """

    weights: Weights = "edge"
    negative: Negative = "clip"

    sense: ClassVar[Sense] = "min"
    array: ClassVar[ArrayKind] = "numpy"

    def __post_init__(self) -> None:
        for option in GRAPH.options:
            check_value(GRAPH.id, option, getattr(self, option.name))

    def prepare(self, graph: Any, source: Any = None, target: Any = None) -> PreparedShortestPath:
        """Bind to a graph and, where all rows share them, to the ends.

        Args:
            graph: any networkx graph. This takes a snapshot: a later change of the graph needs a new `prepare`.
                Preparing an unchanged graph again is cheap.
            source, target: nodes; None if they are given per row when solving.

        Raises:
            InstanceError: not a graph, an empty one, or it has no such node.
        """
        taken = snapshot(graph)
        for name, end in (("source", source), ("target", target)):
            if end is not None:
                taken.number(name, end)
        return PreparedShortestPath(self, taken, source, target)


@dataclass(frozen=True, eq=False)
class PreparedShortestPath:
    """A graph as arrays, with the ends that hold for all rows, if any."""

    solver: ShortestPathSolver
    snapshot: Snapshot
    source: Any
    target: Any
    any_size: ClassVar[bool] = True  # costs are compared, whatever they are

    @property
    def objective_shape(self) -> tuple[int]:
        """`(E,)` or `(V,)`."""
        by_node = self.solver.weights == "node"
        return (len(self.snapshot.position if by_node else self.snapshot.edges),)

    def solve(
        self,
        objective: NDArray[np.float64],
        *,
        hint: NDArray[np.float64] | None = None,
        source: Sequence[Any] | None = None,
        target: Sequence[Any] | None = None,
    ) -> SolveResult:
        """Find a shortest path per row.

        Args:
            objective: `[N, E]` or `[N, V]` costs.
            hint: not used; a solve costs less than checking one.
            source, target: `[N]` nodes, instead of the fixed ones.

        Returns:
            masks `[N, E]` or `[N, V]`; source == target gives no edge, or that one node. A row whose target cannot be
            reached is infeasible. Objective values are sums of the costs as given, not as clipped.

        Raises:
            InstanceError: an end is missing, or not a node; names the row.
            ObjectiveError: the wrong number of costs; negative ones under `negative="raise"`; names the row and the
                edge or node.
        """
        del hint
        if objective.shape[1:] != self.objective_shape:  # kernels do not check bounds
            raise ObjectiveError(
                f"{GRAPH.id}: expected costs of shape [N, {self.objective_shape[0]}], one per {self.solver.weights}, "
                f"found {list(objective.shape)}"
            )
        rows = len(objective)
        sources = numbers(GRAPH.id, "source", self.source, source, rows, self.snapshot.number)
        targets = numbers(GRAPH.id, "target", self.target, target, rows, self.snapshot.number)
        outcome = self._search(np.ascontiguousarray(objective, np.float64), sources, targets)
        failure = cache(self._failure)  # failed rows mostly share their ends
        return outcome.result(
            GRAPH.id, self.solver.negative, lambda row: failure(int(sources[row]), int(targets[row])), self._place
        )

    def close(self) -> None:
        """Nothing to free: the snapshot goes with the graph."""

    def _search(
        self, objective: NDArray[np.float64], sources: NDArray[np.int64], targets: NDArray[np.int64]
    ) -> Outcome:
        by_node = self.solver.weights == "node"
        arcs = self.snapshot.node_arcs if by_node else self.snapshot.edge_arcs
        out = Outcome.of(objective)
        if self.snapshot.sweepable:
            sweep(
                out.objective,
                0.0 if self.snapshot.topological is None else -np.inf,
                by_node,
                sources,
                targets,
                self.snapshot.order,
                *arcs,
                max(1, min(LANES, CACHED // (len(self.snapshot.position) + objective.shape[1]))),
                out.solutions,
                out.values,
                out.found,
                out.negatives,
            )
        else:
            bidirectional(
                out.objective,
                by_node,
                sources,
                targets,
                *arcs,
                out.solutions,
                out.values,
                out.found,
                out.negatives,
            )
        return out

    def _failure(self, source: int, target: int) -> tuple[SolveStatus, str]:
        """Tell a target out of reach from costs too large to add: only the latter is in reach at no cost."""
        nodes = list(self.snapshot.position)
        free = np.zeros((1, *self.objective_shape))
        if self._search(free, np.array([source]), np.array([target])).found[0]:
            return SolveStatus.ERROR, (
                f"no path of finite cost from {nodes[source]!r} to {nodes[target]!r}: "
                "costs add up to infinity or are nan"
            )
        return SolveStatus.INFEASIBLE, f"no path from {nodes[source]!r} to {nodes[target]!r}"

    def _place(self, item: int) -> str:
        if self.solver.weights == "node":
            return f"position {item}, node {list(self.snapshot.position)[item]!r}"
        return f"position {item}, edge {self.snapshot.edges[item]!r}"
