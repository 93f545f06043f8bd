"""Answers: the outcomes of a batch, in the protocol's form."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from imle.solvers import Sense, SolveResult, SolveStatus
from imle_linear.arrays import Floats
from imle_linear.engines import Outcome
from imle_linear.program import LinearProgram


class Answers:
    """Outcomes of a batch, collected row by row. What all rows have in common is done once, at the end.

    Args:
        objective: `[N, k]`.
        program: the feasible set.
        sense: how objectives are read.
        all_learned: whether objectives have one coefficient per variable, in their order.
    """

    def __init__(self, objective: Floats, program: LinearProgram, sense: Sense, all_learned: bool) -> None:
        self._objective = objective
        self._program = program
        self._sign = -1.0 if sense == "max" else 1.0
        self._all_learned = all_learned
        self._solutions = np.zeros_like(objective)
        self._status: list[SolveStatus] = []
        self._messages: dict[int, str] = {}
        self._rest = np.full(len(objective), program.offset)  # what variables that are not learned add
        self._none: list[int] = []
        self._bounds: dict[int, float] = {}

    def add(self, outcome: Outcome, shift: int) -> None:
        """The outcome of the next row, whose costs are 2**shift times its objective."""
        n = len(self._status)
        status, point, message, bound, _ = outcome
        if math.isfinite(bound):
            self._bounds[n] = self._sign * math.ldexp(bound, -shift) + self._program.offset
        self._status.append(status)
        if status != SolveStatus.OPTIMAL:
            self._messages[n] = message
        if point is None:
            self._none.append(n)
            return
        if not self._all_learned:
            self._rest[n] += point @ self._program.costs
            point = point[self._program.learned]
        self._solutions[n] = point

    def result(self, events: Counter[str]) -> SolveResult:
        """All rows in the protocol's form."""
        values = np.einsum("ij,ij->i", self._solutions, self._objective) + self._rest
        values[self._none] = np.nan
        return SolveResult(
            self._solutions,
            status=np.array(self._status, dtype=np.int8),
            values=values,
            messages=self._messages,
            counters=dict(events),
            bound=self._bound(values) if self._bounds else None,
        )

    def _bound(self, values: Floats) -> Floats:
        """Proven limits `[N]`, each on its side of the value, which is computed anew; nan where there is none."""
        found = np.full(len(values), np.nan)
        for n, bound in self._bounds.items():
            found[n] = bound if np.isnan(values[n]) else self._sign * min(self._sign * bound, self._sign * values[n])
        return found
