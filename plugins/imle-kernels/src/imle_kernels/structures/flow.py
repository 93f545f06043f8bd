"""Flows: matrices of 0, 1 and -1 with at most two entries in a column, which some change of signs makes a network."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imle.solvers import SolveStatus
from imle.solvers.cancellation import raise_if_cancelled
from imle.solvers.compiled import Masks
from imle_kernels.compiled.flow import OPTIMAL, UNBOUNDED, UNFINISHED, plant, simplex
from imle_kernels.structures.base import INFEASIBLE, Ints, is_whole, two_sides
from imle_linear.arrays import Floats
from imle_linear.engines import Clock, Outcome, deadline
from imle_linear.program import LinearProgram, Rows

_STEPS = 10_000_000
"""Of one call of the kernel, about: some hundredths of a second."""
_PIVOTS = 50
"""For each node and arc; the simplex method takes a few at most, unless round-off has it go round in circles."""
_OFF = 1e-9
"""Flow that may be left on artificial arcs where numbers are not whole, relative to the largest one."""


class _Basis(NamedTuple):
    """Where the simplex method stands; see `imle_kernels.compiled.flow`."""

    tails: Ints
    heads: Ints
    lower: Floats
    upper: Floats
    flow: Floats
    state: Masks
    tree: Ints


class _Start(NamedTuple):
    """What all costs over the same ends and bounds begin with.

    Attributes:
        rows: those ends and bounds.
        whole: whether they are whole numbers.
        basis: with as little flow on artificial arcs as possible; None if it was not found in time.
        feasible: whether there is none on them.
    """

    rows: Rows
    whole: bool
    basis: _Basis | None
    feasible: bool


class FlowStructure:
    """A network: nodes are the rows and a root, arcs the variables and, from the root to each row, what that may be.

    A column with one entry is an arc to or from the root. Ends and bounds may differ between rows of a batch.

    Args:
        signs: `[rows]` 1 or -1, by which rows are multiplied: columns then have a 1, where the arc begins, and a -1.
        tails, heads: `[n]` where arcs of the variables begin and end; `rows` is the root.
        integer: whether any variable has to be a whole number.
    """

    name = "flows"

    def __init__(self, signs: Floats, tails: Ints, heads: Ints, integer: bool) -> None:
        rows, n = len(signs), len(tails)
        self._signs, self._turned, self._integer = signs, signs < 0, integer
        self._arcs, self._loops = np.flatnonzero(tails != heads), np.flatnonzero(tails == heads)
        every, root = np.arange(rows), np.full(rows, rows)
        self._tails = np.concatenate([tails[self._arcs], root, every])  # variables, ends of rows, artificial arcs
        self._heads = np.concatenate([heads[self._arcs], every, root])
        # loads or compiles the kernel, which is no part of any time limit
        self._start = self._planted(Rows(np.zeros(rows), np.zeros(rows), np.zeros(n), np.zeros(n)), deadline(None))

    @classmethod
    def of(cls, program: LinearProgram) -> FlowStructure | None:
        """The program as a flow, if it is one."""
        matrix = program.matrix
        entries = np.diff(matrix.start)
        if not matrix.shape[0] or not (entries <= 2).all() or not (np.abs(matrix.value) == 1.0).all():
            return None
        rows, n = matrix.shape
        index = matrix.index.astype(np.int64)
        one = matrix.start[:-1][entries == 2]
        sides = two_sides(rows, index[one], index[one + 1], matrix.value[one] == matrix.value[one + 1])
        if sides is None:
            return None
        signs: Floats = np.where(sides[0] == 0, 1.0, -1.0)
        tails, heads = np.full(n, rows), np.full(n, rows)
        leaves = matrix.value * signs[index] > 0
        tails[matrix.column[leaves]], heads[matrix.column[~leaves]] = index[leaves], index[~leaves]
        return cls(signs, tails, heads, bool(program.integer.any()))

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome | None:
        """A cheapest flow that is a vertex, as a point `[n]`; of whole numbers only where ends and bounds are whole."""
        clock = deadline(seconds)
        start = self._start
        if any(now is not before for now, before in zip(rows, start.rows, strict=True)):
            start = self._start = self._planted(rows, clock)
        if start.basis is None or (self._integer and not start.whole):
            return None
        if not start.feasible:
            return INFEASIBLE._replace(exact=start.whole)
        given = start.basis
        basis = given._replace(flow=given.flow.copy(), state=given.state.copy(), tree=given.tree.copy())
        every, prices = np.zeros(len(self._arcs) + len(self._signs)), np.empty(len(self._signs) + 1)
        every[: len(self._arcs)] = costs[self._arcs]
        found = _run(basis, every, prices, clock)
        point = np.empty(len(costs))
        point[self._arcs] = basis.flow[: len(self._arcs)]
        if len(self._loops):
            point[self._loops] = _ends(costs[self._loops], rows.least[self._loops], rows.most[self._loops])
        if found == UNBOUNDED or not np.isfinite(point).all():
            message = "the feasible set is unbounded in the direction of the objective"
            return Outcome(SolveStatus.UNBOUNDED, message=message)
        if found == UNFINISHED:
            return None
        return Outcome(SolveStatus.OPTIMAL, point, exact=start.whole, duals=self._signs * prices[:-1])

    def _planted(self, rows: Rows, clock: Clock) -> _Start:
        """A tree from which all costs are solved, so that a row's answer depends on no other row."""
        turned, artificial = self._turned, np.zeros(len(self._signs))
        lower = np.concatenate([rows.least[self._arcs], np.where(turned, -rows.upper, rows.lower), artificial])
        upper = np.concatenate([rows.most[self._arcs], np.where(turned, -rows.lower, rows.upper), artificial])
        whole = is_whole(lower) and is_whole(upper)
        nodes, size = len(turned) + 1, len(lower)
        state, tree = np.empty(size, np.int8), np.empty((7, nodes), np.int64)
        basis = _Basis(self._tails.copy(), self._heads.copy(), lower, upper, np.empty(size), state, tree)
        plant(*basis)
        found = _run(basis, np.zeros(size - len(turned)), np.empty(nodes), clock)
        left = basis.flow[size - len(turned) :].max()
        feasible = bool(left <= (0.0 if whole else _OFF * max(1.0, float(np.abs(basis.flow).max()))))
        return _Start(rows, whole, basis if found == OPTIMAL else None, feasible)


def _run(basis: _Basis, costs: Floats, prices: Floats, clock: Clock) -> int:
    """The simplex method from a basis, which it changes; unfinished where time is over, or round-off leaves no end."""
    left = _PIVOTS * (len(prices) + len(costs))
    at_once = max(10, _STEPS // (len(prices) + int(len(costs) ** 0.5)))
    tails, heads, lower, upper, flow, state, tree = basis
    found = UNFINISHED
    while found == UNFINISHED and left > 0 and clock() != 0.0:
        raise_if_cancelled()  # Ctrl-C is heard between two calls
        found = simplex(tails, heads, lower, upper, costs, flow, state, tree, prices, min(left, at_once))
        left -= at_once
    return found


def _ends(costs: Floats, lower: Floats, upper: Floats) -> Floats:
    """Where variables of no row are best; those that cost nothing at an end that there is."""
    free = np.where(np.isfinite(lower), lower, np.where(np.isfinite(upper), upper, 0.0))
    return np.where(costs > 0, lower, np.where(costs < 0, upper, free))
