"""The ways between nodes, and where the entries of an objective lie among them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers import RowResults, Sense, SolveStatus
from imle.solvers.compiled import Flags, Floats, Longs
from imle_networkx.graph import Graph, whole

_TOO_LARGE = 2.0**1000
"""Sums over a tour stay finite below this."""


@dataclass(frozen=True, eq=False)
class Ways:
    """Ways between n nodes.

    Attributes:
        entry: `[n, n]` which entry of an objective, in C order, the way from one node to another costs; -1 where there
            is no way.
        directed: whether there and back are two ways.
        mirrored: an undirected way costs two entries, there and back: both are part of the solution.
    """

    entry: Longs
    directed: bool
    mirrored: bool

    def distances(self, rows: RowResults, sense: Sense) -> Floats:
        """`[N, n, n]` what is to be minimised, infinite where there is no way; zeros in rows that are too large."""
        costs = rows.objective.reshape(len(rows.objective), math.prod(rows.objective.shape[1:]))
        large = np.abs(costs).max(axis=1, initial=0.0) > _TOO_LARGE
        for row in np.flatnonzero(large).tolist():
            rows.end(row, SolveStatus.ERROR, "a cost is larger than 2**1000 in size: sums over a tour would overflow")
        costs = np.where(large[:, None], 0.0, -costs if sense == "max" else costs)
        costs = np.concatenate([costs, np.full((len(costs), 1), np.inf)], axis=1)  # what -1 leads to
        found: Floats = costs[:, self.entry]
        return found + found.swapaxes(1, 2) if self.mirrored else found

    def write(self, solutions: Any, rows: Longs, tails: Longs, heads: Longs) -> None:
        """Take ways.

        Args:
            solutions: `[N, *shape]` zeros.
            rows: `[R]` which of them.
            tails, heads: `[R, k]` the nodes at the ends of each way.
        """
        flat = solutions.reshape(len(solutions), math.prod(solutions.shape[1:]))
        flat[rows[:, None], self.entry[tails, heads]] = 1
        if self.mirrored:
            flat[rows[:, None], self.entry[heads, tails]] = 1


def all_ways(n: int, allowed: Flags | None, directed: bool) -> Ways:
    """Costs `[n, n]`: each way has an entry of its own, and no node a way to itself.

    Args:
        n: how many nodes there are.
        allowed: `[n, n]` ways there are; None for all.
        directed: whether there and back are two ways.
    """
    there = ~np.eye(n, dtype=np.bool_) if allowed is None else allowed & ~np.eye(n, dtype=np.bool_)
    entry = np.where(there, np.arange(n * n).reshape(n, n), -1)
    return Ways(entry, directed, mirrored=not directed)


def ways_of(who: str, graph: Graph) -> Ways:
    """Costs `[E]`: ways are the edges of a graph. Self-loops are none.

    Raises:
        InstanceError: parallel edges.
    """
    entry = np.full((graph.nodes, graph.nodes), -1)
    pairs = zip(graph.tails.tolist(), graph.heads.tolist(), strict=True)
    for number, (tail, head) in enumerate(pairs):
        if tail == head:
            continue
        for one, other in ((tail, head),) if graph.directed else ((tail, head), (head, tail)):
            if entry[one, other] >= 0:
                twice = graph.edge_labels[number]
                raise InstanceError(
                    f"{who}: edges: expected at most one edge between two nodes, found {twice!r} at position {number} "
                    f"beside {graph.edge_labels[entry[one, other]]!r} at position {entry[one, other]}",
                    hint="only the cheaper one could be part of a tour: leave the other one out",
                )
            entry[one, other] = number
    return Ways(entry, graph.directed, mirrored=False)


def number(who: str, name: str, node: Any, n: int, row: int | None = None) -> int:
    """A node of `[n, n]` costs.

    Raises:
        InstanceError: no such node.
    """
    found = whole(node)
    if found is None or not 0 <= found < n:
        raise InstanceError(f"{who}: {name}: expected a node, 0 to {n - 1}, found {node!r}", row=row)
    return found
