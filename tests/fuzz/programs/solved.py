"""Programs with continuous or unbounded variables: each objective is solved exactly."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from fuzz.exact.model import Program, Row
from fuzz.exact.solving import Answer, Solver
from fuzz.judging import Expected
from fuzz.programs.points import PRECISION, TOLERANCE, is_whole
from imle.solvers import SolveStatus

Floats = NDArray[np.float64]
STEEP = 1e-7
"""Solvers see a ray if the objective falls by this much along it, and rows grow by less, relative to their largest
coefficients."""

ROUNDING = 2.0**-52
"""Of the terms of a row."""
SIMPLEX = 1e-6
"""How far over a row with continuous variables a point may be, relative to the row's largest term there."""
FAR = 1e7
"""Best points beyond this size exist by the smallest of coefficients: what is right there is not asked of solvers."""
COSTS = 1e-9
"""How well solvers resolve the slope of an objective, relative to its largest coefficient."""


class Solved:
    """What exact branch and bound knows.

    Args:
        program: the feasible set, as its numbers are meant.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._meant = Solver(program)
        read = _as_floats(program)  # 1/3 is not a float: where that matters, both readings are right
        self._read = self._meant if read == program else Solver(read)
        self._nearly: bool | None = None

    def expected(self, objectives: Floats, sign: int) -> list[Expected]:
        return [self._row([Fraction(sign * c) for c in objective.tolist()], sign) for objective in objectives]

    def _row(self, costs: list[Fraction], sign: int) -> Expected:
        meant = self._meant.minimise(costs)
        read = meant if self._read is self._meant else self._read.minimise(costs)
        if meant.kind != read.kind or meant.kind == "open":
            return Expected("open", np.nan)
        if meant.kind == "infeasible" and self._nearly_feasible(costs):
            return Expected("open", np.nan)
        if max(map(abs, meant.point), default=0) > FAR:
            return Expected("open", np.nan)
        if meant.value is None:
            return Expected(meant.kind, np.nan)
        far = float(sum(map(abs, meant.point)) * max(map(abs, costs)))
        return Expected("optimal", sign * max(float(meant.value), _value(read)), COSTS * far)

    def _nearly_feasible(self, costs: list[Fraction]) -> bool:
        """Whether tolerances let points in where there are none."""
        if self._nearly is None:
            loose = Solver(_loosened(self._program))
            self._nearly = loose.minimise([Fraction(0)] * len(costs)).kind != "infeasible"
        return self._nearly

    def pardons(self, objective: Floats, status: SolveStatus, sign: int) -> bool:
        costs = [Fraction(sign * c) for c in objective.tolist()]
        if status == SolveStatus.INFEASIBLE:
            return not self._near_by()
        if status == SolveStatus.UNBOUNDED:
            return self._falls(costs, Fraction(STEEP))
        return status == SolveStatus.OPTIMAL and not self._falls(costs, Fraction(0))

    def _near_by(self) -> bool:
        """Whether there are points within the range that is asked of solvers."""
        far, program = Fraction(FAR), self._program
        lower = tuple(-far if low is None else max(low, -far) for low in program.lower)
        upper = tuple(far if high is None else min(high, far) for high in program.upper)
        inside = Solver(replace(program, lower=lower, upper=upper))
        return inside.minimise([Fraction(0)] * len(lower)).kind != "infeasible"

    def rounded(self, objective: Floats, solution: Floats, sign: int) -> float:
        """How far the best value moves where the terms of rows are rounded as floats: no solver knows it better."""
        costs = [Fraction(sign * c) for c in objective.tolist()]
        rows = []
        for row in self._program.rows:
            size = max(abs(float(c)) * abs(x) for c, x in zip(row.coefficients, solution.tolist(), strict=True))
            off = Fraction(ROUNDING * max(size, abs(float(row.right))))
            rows.append(Row(row.coefficients, row.right + off))
            if row.equal:
                rows.append(Row(tuple(-c for c in row.coefficients), off - row.right))
        loose, exact = Solver(replace(self._program, rows=tuple(rows))).minimise(costs), self._meant.minimise(costs)
        return abs(_value(loose) - _value(exact)) if loose.kind == exact.kind == "optimal" else math.inf

    def _falls(self, costs: list[Fraction], grows: Fraction) -> bool:
        """Whether the objective falls visibly along some ray, with rows that grow by no more than a share."""
        program = self._program
        rows = []
        for row in program.rows:
            slack = grows * max(map(abs, row.coefficients))
            rows.append(Row(row.coefficients, slack))
            if row.equal:
                rows.append(Row(tuple(-c for c in row.coefficients), slack))
        lower = tuple(Fraction(-1 if low is None else 0) for low in program.lower)
        upper = tuple(Fraction(1 if high is None else 0) for high in program.upper)
        steepest = Solver(Program(tuple(rows), lower, upper, program.integer)).minimise(costs, relaxed=True)
        return _value(steepest) < -STEEP * float(max(map(abs, costs)))

    def fault(self, solution: Floats) -> str:
        values = solution.tolist()
        program = self._program
        for place, (value, whole) in enumerate(zip(values, program.integer, strict=True)):
            low, high = program.lower[place], program.upper[place]
            if not np.isfinite(value) or (whole and value != round(value)):
                return f"variable {place} is {value!r}"
            if (low is not None and value < float(low)) or (high is not None and value > float(high)):
                return f"variable {place} is out of bounds"
        for number, row in enumerate(program.rows):
            over = _over(row, values)
            if over > _tolerated(row, values, program.integer):
                return f"row {number} is broken by {float(over)!r}"
        return ""

    def value(self, objective: Floats, solution: Floats, sign: int) -> float:
        return float(objective @ solution)

    def slack(self, objective: Floats, solution: Floats) -> float:
        terms = np.abs(objective) * np.maximum(1.0, np.abs(solution))
        return PRECISION * float(terms.max())


def _as_floats(program: Program) -> Program:
    rows = [
        Row(tuple(Fraction(float(c)) for c in row.coefficients), Fraction(float(row.right)), row.equal)
        for row in program.rows
    ]
    return replace(program, rows=tuple(rows))


def _loosened(program: Program) -> Program:
    rows = []
    for row in program.rows:
        if is_whole(row, program.integer):
            rows.append(row)
            continue
        slack = Fraction(SIMPLEX) * max(abs(row.right), *map(abs, row.coefficients))
        rows.append(Row(row.coefficients, row.right + slack))
        if row.equal:
            rows.append(Row(tuple(-c for c in row.coefficients), slack - row.right))
    return replace(program, rows=tuple(rows))


def _value(answer: Answer) -> float:
    assert answer.value is not None
    return float(answer.value)


def _over(row: Row, values: list[float]) -> Fraction:
    total = sum((c * Fraction(x) for c, x in zip(row.coefficients, values, strict=True)), Fraction(0)) - row.right
    return abs(total) if row.equal else total


def _tolerated(row: Row, values: list[float], integer: tuple[bool, ...]) -> float:
    """Nothing in whole rows, little where all variables are whole numbers. Elsewhere continuous variables count with
    at least 1: a simplex method's zeros are small numbers."""
    if is_whole(row, integer):
        return 0.0
    used = [(abs(float(c)), abs(x), whole) for c, x, whole in zip(row.coefficients, values, integer, strict=True) if c]
    terms = [size * (x if whole else max(1.0, x)) for size, x, whole in used]
    share = TOLERANCE if all(whole for _, _, whole in used) else SIMPLEX
    return share * max(*terms, abs(float(row.right)))
