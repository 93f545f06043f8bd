"""Branch and bound on a warm relaxation, depth first: for vertices that need a few more nodes only.

Where a relaxation is almost tight, a handful of nodes proves the optimum, each of them some dual simplex steps away
from the one before. A MIP solver's presolve, heuristics and first relaxation cost many times as much. Rows that nodes
break are added for good: they hold everywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imle.solvers import SolveStatus
from imle_mln.engines.relaxation import LazyRelaxation
from imle_mln.inference.components import Clock, over
from imle_mln.inference.encoding import BROKEN
from imle_mln.network import Floats, Index

_ROOM = 1e-6
"""Nodes that can gain no more than this are not looked at; the largest cost is about a million."""

Fixed = dict[int, float]


class Node(NamedTuple):
    """Columns that are fixed, and what no point below can cost less than."""

    fixed: Fixed
    bound: float


class NodeSearch:
    """Looks for the best whole-numbered point of one component.

    Args:
        relaxation: whose costs are set; its bounds are 0 and 1 before and after.
        columns: of the component; the rest of the model stays at its optimum.
        atoms: `[k]` those of the columns that must be whole numbers.
        costs: `[all columns]`.
        gap: relative gap that is good enough.

    Attributes:
        best: the best point found, all columns, or None.
        value: its cost in the component's columns.
        bound: no point costs less than this.
    """

    def __init__(self, relaxation: LazyRelaxation, columns: Index, atoms: Index, costs: Floats, gap: float) -> None:
        self._relaxation, self._columns, self._atoms, self._gap = relaxation, columns, atoms, gap
        self._costs = costs[columns]
        self._fixed: Fixed = {}
        self.best: Floats | None = None
        self.value, self.bound = np.inf, np.inf

    def run(self, x: Floats, nodes: int, clock: Clock) -> SolveStatus | None:
        """Search, starting with the relaxation's vertex, for so many nodes.

        Returns:
            OPTIMAL; FEASIBLE if time ran out after a point was found; INFEASIBLE; or None: others have to go on.
        """
        stack = self._children(Node({}, self._cost(x)), x)
        left = nodes
        try:
            while stack:
                node = stack.pop()
                if node.bound >= self.value - self._room:
                    self.bound = min(self.bound, node.bound)
                    continue
                if left == 0 or over(clock):
                    stack.append(node)
                    break
                left -= 1
                self._fix(node.fixed)
                found = self._relaxation.solve(clock)
                if isinstance(found, SolveStatus):
                    if found == SolveStatus.INFEASIBLE:
                        continue
                    stack.append(node)
                    break
                stack += self._children(node, found)
        finally:
            self._fix({})
        self.bound = min([self.bound, self.value, *(node.bound for node in stack)])
        if not stack:
            return SolveStatus.INFEASIBLE if self.best is None else SolveStatus.OPTIMAL
        return SolveStatus.FEASIBLE if self.best is not None and over(clock) else None

    @property
    def _room(self) -> float:
        return max(_ROOM, self._gap * abs(self.value)) if self.best is not None else 0.0

    def _cost(self, x: Floats) -> float:
        return float((x[self._columns] * self._costs).sum())

    def _children(self, node: Node, x: Floats) -> list[Node]:
        """The two halves, the nearer one last; or none, if the point is whole or cannot lead to a better one."""
        cost = self._cost(x)
        own = x[self._atoms]
        off = np.abs(own - np.rint(own))
        if off.max(initial=0.0) <= BROKEN:
            if cost < self.value:
                self.best, self.value = x, cost
            return []
        bound = max(node.bound, cost)
        at = int(off.argmax())
        column, up = int(self._atoms[at]), float(own[at] > 0.5)
        return [Node({**node.fixed, column: value}, bound) for value in (1.0 - up, up)]

    def _fix(self, wanted: Fixed) -> None:
        for column in self._fixed.keys() - wanted.keys():
            self._relaxation.set_bounds(column, 0.0, 1.0)
        for column, value in wanted.items():
            if self._fixed.get(column) != value:
                self._relaxation.set_bounds(column, value, value)
        self._fixed = wanted
