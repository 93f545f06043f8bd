"""Steiner trees: the cheapest trees that join some of the nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers import BaseSolver, PreparedSolver, RowResults, SolveStatus
from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.compiled import Floats, Ints, Masks, read_only
from imle.solvers.interruptible import interruptible
from imle_networkx.graph import Graph, distances, read
from imle_networkx.kernels.settle import unreached
from imle_networkx.kernels.steiner import cells, prune, steiner_trees
from imle_networkx.kernels.tree import spanning_trees
from imle_networkx.negatives import Negative
from imle_networkx.plugin import STEINER_TREE
from imle_networkx.prepared import PreparedPerGraph, awaiting_graph

LONG = 2**27
"""Pairs of labels, within a factor of six, from which on a row is long enough to be stopped."""
LARGEST = 2**26
"""Labels (1 GB, with the ways they came from) that all sets of terminals may take together."""


@dataclass(frozen=True)
class SteinerTreeSolver(BaseSolver, spec=STEINER_TREE):
    """The cheapest tree that joins all terminals, as a 0/1 mask of its edges. It may pass through other nodes.

    Args:
        exact_terminals: up to so many terminals trees are the cheapest ones; time triples with each terminal. With more
            of them a row is `feasible`: its tree costs at most twice as much, and the bound says what none is below.
        negative: what negative costs become: "clip" searches with zero instead and counts it, "raise" refuses them.

    Several cheapest trees: one of them, the same one every time. All leaves are terminals.
    """

    exact_terminals: int = 10
    negative: Negative = "clip"

    def prepare(
        self, terminals: Sequence[Any], graph: Any = None, edges: Any = None, nodes: Any = None
    ) -> PreparedSolver:
        """Bind to an undirected graph and the nodes to join.

        Args:
            terminals: at least one node, each once.
            graph, edges, nodes: the graph and the order of its edges, see `imle_networkx.graph.read`.

        Raises:
            InstanceError: not such a graph, not such nodes, or there is no way from one to another; or more labels than
                fit into memory.
        """
        found = read(STEINER_TREE.id, graph, edges, nodes, directed=False)
        if found is None:
            return awaiting_graph(STEINER_TREE.id)
        numbers = _terminals(found, terminals)
        labels = found.nodes * 2 ** (len(numbers) - 1)
        if len(numbers) <= self.exact_terminals and labels > LARGEST:
            raise InstanceError(
                f"{STEINER_TREE.id}: terminals: expected at most {LARGEST} labels, found {labels}: "
                f"2**{len(numbers) - 1} sets of terminals at each of {found.nodes} nodes",
                hint=f"exact_terminals={len(numbers) - 1} takes a tree that costs at most twice as much",
            )
        return PreparedSteinerTree(self, found, numbers)


@dataclass(frozen=True, eq=False)
class PreparedSteinerTree(PreparedPerGraph):
    """A graph, and the numbers of its terminals."""

    solver: SteinerTreeSolver
    terminals: Ints

    def choose(self, rows: RowResults) -> tuple[str, ...]:
        """Find a tree of each row."""
        costs, advice = self.positive_costs(rows, self.solver.negative, "costs", "trees")
        if len(self.terminals) < 2:
            return advice
        if len(self.terminals) <= self.solver.exact_terminals:
            self._join(costs, rows.solutions)
        else:
            self._approximate(costs, rows)
        return advice

    def _join(self, costs: Floats, solutions: Masks) -> None:
        """Find the cheapest trees.

        Raises:
            CancelledError: no caller waits any more.
        """
        stopped = np.zeros(1, np.int8)
        if 3 ** len(self.terminals) * self.graph.nodes < LONG:
            steiner_trees(costs, self.terminals, *self.graph.out, stopped, solutions)
            return
        interruptible(
            lambda: steiner_trees(costs, self.terminals, *self.graph.out, stopped, solutions), lambda: stopped.fill(1)
        )
        raise_if_cancelled()

    def _approximate(self, costs: Floats, rows: RowResults) -> None:
        """Join terminals by the cheapest tree of ways between them; those between neighbouring cells are enough
        (Mehlhorn 1988). It costs at most 2 - 2 / T times as much as the best one (Kou, Markowsky and Berman 1981)."""
        graph, count = self.graph, len(self.terminals)
        labels = np.empty((len(costs), graph.nodes))
        owner, by = np.empty(labels.shape, np.int32), np.empty(labels.shape, np.int32)
        cells(costs, self.terminals, *graph.out, labels, owner, by)
        inside = ~np.isin(np.arange(graph.nodes), self.terminals)
        room = unreached(graph.nodes, len(graph.out.node))
        for row in rows.open.tolist():
            own = owner[row]
            tails, heads = read_only(np.maximum(own[graph.tails], 0)), read_only(np.maximum(own[graph.heads], 0))
            bridges = np.where(tails == heads, 0.0, labels[row, graph.tails] + costs[row] + labels[row, graph.heads])
            chosen = np.zeros((1, len(bridges)), np.int8)
            spanning_trees(read_only(bridges[None]), count, tails, heads, chosen)
            if (rows.objective[row] >= 0).all():
                rows.bounds[row] = (bridges @ chosen[0]) / (2 - 2 / count)
            chosen[0, by[row, inside & (own >= 0)]] = 1
            prune(self.terminals, *graph.out, room, chosen[0])
            rows.solutions[row] = chosen[0]
            rows.end(
                row,
                SolveStatus.FEASIBLE,
                f"{count} terminals are more than exact_terminals={self.solver.exact_terminals}: a tree that costs at "
                "most twice as much as the cheapest one",
            )


def _terminals(graph: Graph, terminals: Any) -> Ints:
    """The numbers of the terminals.

    Raises:
        InstanceError: none, one that is no node or is listed twice, or two without a way between them.
    """
    who = STEINER_TREE.id
    if isinstance(terminals, (str, bytes)) or not hasattr(terminals, "__iter__"):
        raise InstanceError(f"{who}: terminals: expected a sequence of nodes, found {terminals!r}")
    given = terminals.tolist() if hasattr(terminals, "tolist") else list(terminals)
    numbers = [graph.number(who, "terminals", node) for node in given]
    if not numbers:
        raise InstanceError(f"{who}: terminals: expected at least one node, found none")
    first: dict[int, int] = {}
    for place, number in enumerate(numbers):
        if number in first:
            raise InstanceError(
                f"{who}: terminals: expected every node once, found {given[place]!r} at positions {first[number]} and "
                f"{place}"
            )
        first[number] = place
    apart = np.flatnonzero(distances(graph.out, numbers[0])[numbers] < 0)
    if len(apart):
        raise InstanceError(
            f"{who}: terminals: expected nodes of one component, found no path from {given[0]!r} to "
            f"{given[int(apart[0])]!r}"
        )
    return read_only(np.array(numbers, np.int32))
