"""Branch and bound on a warm relaxation, depth first: for vertices that a few more nodes decide.

Where a relaxation is nearly whole, a handful of nodes proves the optimum, each of them some dual simplex steps away
from the one before. A MIP solver's presolve, cuts, heuristics and first relaxation cost many times as much.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.engines import Clock

_CLOSE = 1e-6
"""How far whole numbers may be off, and how much better a node must be than the best point to be looked at. Costs are
a thousand to a million in size, see `imle_linear.prepared`."""


class NodeRelaxation(Protocol):
    """A linear program that is solved again and again under other bounds."""

    def set_bounds(self, variable: int, lower: float, upper: float) -> None:
        """Change the bounds of one variable."""

    def solve(self, clock: Clock) -> Floats | SolveStatus:
        """An optimal vertex `[n]`; or INFEASIBLE; or any other status, if it has not been solved."""


class _Node(NamedTuple):
    """How many changes of bounds above it hold, the one it adds to them, and what no point below can cost less than."""

    depth: int
    variable: int
    lower: float
    upper: float
    bound: float


class NodeSearch:
    """Looks for the best whole-numbered point under some costs.

    Args:
        relaxation: whose costs are set.
        integer: those of the variables that must be whole numbers.
        lower, upper: `[n]` its bounds, before and after.
        costs: `[n]`, to be minimised; zero for variables that are not looked at.
        gap: relative gap that is good enough.
        rounded: makes a nearly whole point whole, or tells that it breaks a constraint then.

    Attributes:
        best: the best point found `[n]`, or None.
        value: its cost.
        bound: no point costs less than this.
    """

    def __init__(
        self,
        relaxation: NodeRelaxation,
        integer: NDArray[np.integer[Any]],
        lower: Floats,
        upper: Floats,
        costs: Floats,
        gap: float,
        rounded: Callable[[Floats], Floats | None] = lambda point: point,
    ) -> None:
        self._relaxation, self._integer, self._costs, self._gap = relaxation, integer, costs, gap
        self._rounded = rounded
        self._lower, self._upper = lower.copy(), upper.copy()
        self._changed: list[tuple[int, float, float]] = []
        self._open: list[_Node] = []
        self._cutoff = np.inf
        self.best: Floats | None = None
        self.value, self.bound = np.inf, np.inf

    def run(self, root: Floats, nodes: int, clock: Clock) -> bool:
        """Search from the optimum the relaxation has just been solved to, for so many nodes.

        Returns:
            Whether the search was finished: without a best point, there is none.
        """
        left = nodes
        try:
            finished = self._branch(root, -np.inf)
            while finished and self._open:
                node = self._open.pop()
                if node.bound >= self._cutoff:
                    self.bound = min(self.bound, node.bound)
                    continue
                finished = left > 0 and clock() != 0.0 and self._visit(node, clock)
                left -= 1
                if not finished:
                    self._open.append(node)
        finally:
            self._undo(0)
        self.bound = min([self.bound, self.value, *(node.bound for node in self._open)])
        return finished

    def _visit(self, node: _Node, clock: Clock) -> bool:
        """Solve a node, and branch on its vertex; whether that was possible."""
        self._undo(node.depth)
        variable = node.variable
        self._changed.append((variable, float(self._lower[variable]), float(self._upper[variable])))
        self._bound(variable, node.lower, node.upper)
        found = self._relaxation.solve(clock)
        if isinstance(found, SolveStatus):
            return found == SolveStatus.INFEASIBLE
        return self._branch(found, node.bound)

    def _branch(self, point: Floats, bound: float) -> bool:
        """Both sides of the variable furthest from a whole number, the nearer one last; none if all are whole.

        Returns:
            Whether they, or a better point, were found where there are any.
        """
        bound = max(bound, float(self._costs @ point))
        if bound >= self._cutoff:
            self.bound = min(self.bound, bound)
            return True
        values = point[self._integer]
        away = np.abs(values - np.rint(values))
        if away.max(initial=0.0) <= _CLOSE:
            best = self._rounded(point)
            if best is None:
                return False
            self.best, self.value = best, float(self._costs @ best)
            self._cutoff = self.value - max(_CLOSE, self._gap * abs(self.value))
            return True
        most = int(away.argmax())
        variable, floor, depth = int(self._integer[most]), float(np.floor(values[most])), len(self._changed)
        down = _Node(depth, variable, float(self._lower[variable]), floor, bound)
        up = _Node(depth, variable, floor + 1.0, float(self._upper[variable]), bound)
        self._open += [down, up] if values[most] >= floor + 0.5 else [up, down]
        return True

    def _undo(self, depth: int) -> None:
        """Take back all changes of bounds but the first ones."""
        while len(self._changed) > depth:
            self._bound(*self._changed.pop())

    def _bound(self, variable: int, lower: float, upper: float) -> None:
        self._lower[variable], self._upper[variable] = lower, upper
        self._relaxation.set_bounds(variable, lower, upper)
