"""Rows of quadratic programs: HiGHS finds the face that an optimum lies on, linear equations the optimum itself.

HiGHS adds 1e-7 to the diagonal of Q, and stops at tolerances. So what it finds is where to look: the optimum on that
face is computed, and passed on where it is proven, by a linear program: a point x is optimal if no other point y of the
feasible set has <c + Qx, y - x> below 0, which dual variables tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from highspy import HighsModelStatus

from imle.solvers import SolveStatus
from imle_highs.engines import LinearEngine
from imle_highs.faces import TOUCHES, Stationary, Tangent, face_of, optimum_near, walked
from imle_highs.native import Native, Settings
from imle_highs.together import DefiniteBatch
from imle_linear.arrays import Floats
from imle_linear.checking import SolutionChecker
from imle_linear.duals import Duals
from imle_linear.engines import TIGHT, Clock, deadline
from imle_linear.program import LinearProgram, Rows

_SIZE = 10
"""Q or, where it is 0, costs are brought to entries between 2^9 and 2^10: what HiGHS adds to Q is then 1e-10 of it."""
_NEAR = 1e-6
"""How far a point of HiGHS may be from the ends that it is at."""
_ITERATIONS = 20
"""How many iterations HiGHS has for each row and variable: it may go on for ever."""
_GAP = 1e-9
"""How far the value may be from the least one, relative to the terms of the objective."""

_LATE = "the time limit was reached"
_UNPROVEN = "no point was found that is proven optimal: is the program badly scaled?"


class QuadraticOutcome(NamedTuple):
    """How one row ended.

    Attributes:
        status: of the row.
        message: why it is not optimal.
        proof: its optimum, and duals of the linear program there, whose costs are the slope; None unless it is optimal.
    """

    status: SolveStatus
    message: str = ""
    proof: Duals | None = None


class QuadraticEngine:
    """Minimises <c, x> + x'Qx/2; one engine serves one thread at a time.

    Args:
        program: the feasible set.
        settings: HiGHS options.

    Raises:
        InstanceError: HiGHS refuses the model.
    """

    def __init__(self, program: LinearProgram, settings: Settings) -> None:
        self.events: Counter[str] = Counter()
        self._program = program
        self._settings = settings
        limit = _ITERATIONS * (len(program.costs) + program.matrix.shape[0]) + _ITERATIONS
        self._native = Native(program, {"qp_iteration_limit": limit, **TIGHT, **settings}, integer=False)
        self._checker = SolutionChecker(program)
        self.together = DefiniteBatch(program)
        self._linear: LinearEngine | None = None
        self._given: tuple[Floats, int] | None = None

    def solve_all(
        self,
        costs: Floats,
        terms: Sequence[Floats],
        rows: Sequence[Rows],
        seconds: float | None,
        guesses: Floats | None = None,
    ) -> list[QuadraticOutcome]:
        """Many rows: those that have one solution together, what is left one after the other.

        Args:
            costs: `[N, n]`.
            terms: Q of each row.
            rows: their ends.
            seconds: the time limit of each.
            guesses: `[N, n]`; see `solve`.
        """
        found: list[QuadraticOutcome | None] = [None] * len(costs)
        if chosen := self.together.taken(terms):
            asked = [rows[n] for n in chosen]
            points, multipliers = self.together.optima(costs[chosen], [terms[n] for n in chosen], asked)
            points, flaws = self._checker.mend_all(points, asked)
            for place, n in enumerate(chosen):
                if place not in flaws:
                    found[n] = self._optimal(points[place], multipliers[place], costs[n], terms[n], rows[n])
        return [
            self.solve(costs[n], terms[n], rows[n], seconds, None if guesses is None else guesses[n])
            if optimum is None
            else optimum
            for n, optimum in enumerate(found)
        ]

    def moved(
        self, optima: Sequence[QuadraticOutcome], vectors: Floats, terms: Sequence[Floats], rows: Sequence[Rows]
    ) -> Floats:
        """P times vectors `[N, n]`, on the faces that optima are on: how they move; 0 where there is none."""
        found = np.zeros_like(vectors)
        points = {n: one.proof.point for n, one in enumerate(optima) if one.proof is not None and vectors[n].any()}
        chosen = [n for n in self.together.taken(terms) if n in points]
        if chosen:
            here, asked = np.array([points.pop(n) for n in chosen]), [rows[n] for n in chosen]
            own = [terms[n] for n in chosen]
            found[chosen] = self.together.projected(vectors[chosen], own, asked, here, TOUCHES)
        for n, x in points.items():
            face = face_of(self._program, rows[n], x, TOUCHES)
            found[n] = Tangent.of(self._program, terms[n], face).projected(vectors[n])
        return found

    def solve(
        self, costs: Floats, quadratic: Floats, rows: Rows, seconds: float | None, guess: Floats | None = None
    ) -> QuadraticOutcome:
        """One row.

        Args:
            costs: `[n]` c.
            quadratic: `[n, n]` Q; the same array where it has not changed.
            rows: ends of constraint rows and variables.
            seconds: the time limit, if there is one.
            guess: `[n]` the optimum, rounded to float32: HiGHS is asked where it leads to none.
        """
        clock = deadline(seconds)
        if guess is not None:
            near = optimum_near(self._program, quadratic, costs, rows, guess, _NEAR)
            if (found := self._proven(near, costs, quadratic, rows)) is not None:
                return found
        status, point, duals = self._searched(costs, quadratic, rows, clock)
        if status == HighsModelStatus.kOptimal:
            near = optimum_near(self._program, quadratic, costs, rows, point, _NEAR)
            if (found := self._proven(near, costs, quadratic, rows, duals)) is not None:
                return found
        if status == HighsModelStatus.kTimeLimit:
            return QuadraticOutcome(SolveStatus.TIMEOUT, _LATE)
        return self._walked(costs, quadratic, rows, clock)

    def _searched(
        self, costs: Floats, quadratic: Floats, rows: Rows, clock: Clock
    ) -> tuple[HighsModelStatus, Floats, Floats]:
        """What HiGHS finds, from its own start."""
        native = self._native
        native.forget()
        if self._given is None or self._given[0] is not quadratic:
            largest = float(np.abs(quadratic).max())
            shift = _SIZE - int(np.frexp(largest)[1]) if largest else 0
            native.set_quadratic(np.ldexp(quadratic, shift))
            self._given = quadratic, shift
        native.set_costs(np.ldexp(costs, self._given[1]))
        native.set_rows(rows)
        status = native.run(clock())
        return status, native.point(), np.ldexp(native.duals(), -self._given[1])

    def _proven(
        self, found: Stationary, costs: Floats, quadratic: Floats, rows: Rows, duals: Floats | None = None
    ) -> QuadraticOutcome | None:
        """The optimum, if what was found is one by its own multipliers or by an engine's; else None."""
        if not np.isfinite(found.point).all():
            return None
        x, flaw = self._checker.mend(found.point, rows)
        if flaw:
            return None
        optimum = self._optimal(x, found.multipliers, costs, quadratic, rows)
        if optimum is None and duals is not None:
            optimum = self._optimal(x, duals, costs, quadratic, rows)
        return optimum

    def _optimal(
        self, x: Floats, multipliers: Floats, costs: Floats, quadratic: Floats, rows: Rows
    ) -> QuadraticOutcome | None:
        """A feasible point, if multipliers prove it optimal."""
        curved = quadratic @ x
        allowed = _GAP * max(np.abs(costs).max(), np.abs(curved).max(), np.abs(costs @ x), np.abs(curved @ x))
        proof = Duals.proven(self._program, costs + curved, rows, x, multipliers, allowed)
        return None if proof is None else QuadraticOutcome(SolveStatus.OPTIMAL, proof=proof)

    def _walked(self, costs: Floats, quadratic: Floats, rows: Rows, clock: Clock) -> QuadraticOutcome:
        """By our own active-set method, from a corner that a linear program finds: slower, but it always ends."""
        self.events["solved_by_active_sets"] += 1
        start = self._relaxed.solve(np.zeros_like(costs), rows, clock())
        if start.point is None:
            return QuadraticOutcome(start.status, start.message)
        try:
            found = walked(self._program, quadratic, costs, rows, start.point, clock)
        except TimeoutError:
            return QuadraticOutcome(SolveStatus.TIMEOUT, _LATE)
        except (ArithmeticError, np.linalg.LinAlgError):
            return QuadraticOutcome(SolveStatus.ERROR, _UNPROVEN)
        if found is None:
            return QuadraticOutcome(
                SolveStatus.UNBOUNDED, "the objective improves without limit along a direction in which Q is 0"
            )
        return self._proven(found, costs, quadratic, rows) or QuadraticOutcome(SolveStatus.ERROR, _UNPROVEN)

    @property
    def _relaxed(self) -> LinearEngine:
        if self._linear is None:
            self._linear = LinearEngine(self._program, {**self._settings, "presolve": "on", **TIGHT})
        return self._linear
