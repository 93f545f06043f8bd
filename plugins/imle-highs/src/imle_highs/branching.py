"""Branching on the relaxation alone: for rows that a few nodes decide.

HiGHS' own branch and bound starts with cuts, probing and a model of its own. Where the relaxation is nearly whole, as
in set covers, a plain depth-first search is done before that: a node is a few dual simplex steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from highspy import HighsModelStatus

from imle_highs.native import Native
from imle_linear.arrays import Floats
from imle_linear.program import LinearProgram

CLOSE = 1e-6
"""How much better a node must be than the best solution: 1e-9 of the largest cost (see `prepared`)."""


class Found(NamedTuple):
    """A finished search: the best point `[n]`, or None if there is none."""

    point: Floats | None


class _Child(NamedTuple):
    """A node still to be visited: how many bounds of its ancestors hold, and the one it changes."""

    depth: int
    variable: int
    lower: float
    upper: float


class Branching:
    """A depth-first search whose nodes are bounds of one HiGHS model of the relaxation.

    Args:
        native: the relaxation.
        program: the feasible set.
        nodes: how many nodes may be visited.
        gap: relative gap at which a node is not worth visiting.
    """

    def __init__(self, native: Native, program: LinearProgram, nodes: int, gap: float) -> None:
        self._native = native
        self._nodes = nodes
        self._gap = gap
        self._integer = np.flatnonzero(program.integer)
        self._lower, self._upper = program.lower.copy(), program.upper.copy()
        self._changed: list[tuple[int, float, float]] = []

    def solve(
        self,
        costs: Floats,
        root: Floats,
        rounded: Callable[[Floats], Floats | None],
        clock: Callable[[], float | None],
    ) -> Found | None:
        """Search from the optimum the relaxation has just been solved to.

        Args:
            costs: `[n]`, to be minimised.
            root: `[n]`, that optimum.
            rounded: makes a point whole, or tells that it breaks a constraint then.
            clock: seconds left.

        Returns:
            None if the search was not finished; the bounds of the relaxation are then as they were, too.
        """
        try:
            return self._search(costs, root, rounded, clock)
        finally:
            self._undo(0)

    def _search(
        self,
        costs: Floats,
        root: Floats,
        rounded: Callable[[Floats], Floats | None],
        clock: Callable[[], float | None],
    ) -> Found | None:
        best, cutoff = None, np.inf
        point: Floats | None = root
        todo: list[_Child] = []
        for _ in range(self._nodes):
            if point is not None and costs @ point < cutoff:
                children = self._children(point)
                todo += children
                if not children:
                    best = rounded(point)
                    if best is None:
                        return None
                    value = float(costs @ best)
                    cutoff = value - max(CLOSE, self._gap * abs(value))
            if not todo:
                return Found(best)
            self._enter(todo.pop())
            found = self._native.run(clock())
            if found not in (HighsModelStatus.kOptimal, HighsModelStatus.kInfeasible):
                return None
            point = self._native.point() if found == HighsModelStatus.kOptimal else None
        return None

    def _children(self, point: Floats) -> list[_Child]:
        """Both sides of the variable furthest from a whole number, the nearer one last; none if all are whole."""
        values = point[self._integer]
        away = np.abs(values - np.rint(values))
        most = int(np.argmax(away))
        if away[most] <= CLOSE:
            return []
        variable, floor = int(self._integer[most]), float(np.floor(values[most]))
        depth = len(self._changed)
        down = _Child(depth, variable, float(self._lower[variable]), floor)
        up = _Child(depth, variable, floor + 1.0, float(self._upper[variable]))
        return [down, up] if values[most] >= floor + 0.5 else [up, down]

    def _enter(self, node: _Child) -> None:
        self._undo(node.depth)
        old = float(self._lower[node.variable]), float(self._upper[node.variable])
        self._changed.append((node.variable, *old))
        self._bound(node.variable, node.lower, node.upper)

    def _undo(self, depth: int) -> None:
        """Take back all changes of bounds but the first ones."""
        while len(self._changed) > depth:
            self._bound(*self._changed.pop())

    def _bound(self, variable: int, lower: float, upper: float) -> None:
        self._lower[variable], self._upper[variable] = lower, upper
        self._native.set_bounds(variable, lower, upper)
