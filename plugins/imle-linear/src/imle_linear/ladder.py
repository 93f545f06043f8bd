"""The ladder: engines in the order they are asked, where the answer of one before does not hold."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imle.solvers import SolveStatus, progress
from imle_linear.arrays import Floats
from imle_linear.duals import Duals, DualValues
from imle_linear.engines import Clock, Engine, MakesEngine, Outcome, deadline
from imle_linear.judging import Judge
from imle_linear.program import LinearProgram, Rows
from imle_linear.recession import Recession

_UNCONFIRMED = "whether the point is optimal is not known: two runs of the engine, with and without presolve, differ"
_UNFOUND = "no point was found, but variables have no bounds, so that the engine may have left one out"


class Ladder:
    """Asks one engine after the other until a row's answer holds; a point that does not hold is never passed on.

    That a delicate program is infeasible has to be said by all of them, and what is claimed of any by the witness,
    if there is one.

    Args:
        program: the feasible set.
        rungs: what builds the engines; the first is built at once, others when a row needs them.
        relative: see `SolutionChecker`.
        relaxation: builds what solves linear programs; see `Setup`.
        witness: builds an engine whose word is asked too; see `Setup`.
        doubted: see `Setup`.

    Raises:
        InstanceError: the first engine refuses the program.
    """

    def __init__(
        self,
        program: LinearProgram,
        rungs: Sequence[MakesEngine],
        relative: float,
        relaxation: MakesEngine | None,
        witness: MakesEngine | None = None,
        doubted: str = "",
    ) -> None:
        self._program = program
        self._rungs = rungs
        self._judge = Judge(program, relative, relaxation)
        self._built: dict[MakesEngine, Engine] = {rungs[0]: rungs[0](program)}
        self._recession = None if relaxation is None else Recession(program, relaxation)
        self._relaxation = relaxation
        self._relaxed: Engine | None = None
        self._duals: DualValues | None = None
        self._own: Counter[str] = Counter()
        self._doubtful = (SolveStatus.ERROR, SolveStatus.INFEASIBLE) if program.delicate else (SolveStatus.ERROR,)
        self._witness = witness
        self._doubted = doubted

    @property
    def events(self) -> Counter[str]:
        """What happened since the ladder was made, counted; those of engines among it."""
        return sum((engine.events for engine in self._built.values()), self._own + self._judge.events)

    def solve(self, asked: Sequence[tuple[Floats, Rows]], seconds: float | None) -> list[Outcome]:
        """Minimise costs `[n]` over constraint rows, one after the other.

        Args:
            asked: costs and rows.
            seconds: the time limit of each, if there is one.
        """
        outcomes, left = [], []
        first = self._built[self._rungs[0]]
        for costs, rows in asked:
            clock = deadline(seconds)
            outcomes.append(first.solve(costs, rows, seconds))
            left.append(clock())
            progress.report(1)
        sound = self._judge.all_sound(outcomes, asked)
        return [
            self._settled(outcome, costs, rows, rest)
            for outcome, (costs, rows), rest in zip(sound, asked, left, strict=True)
        ]

    def duals(self, outcome: Outcome, costs: Floats, rows: Rows, seconds: float | None) -> Duals | None:
        """Duals of an outcome that has a point, verified; None if none were found. See `DualValues.of`.

        Raises:
            ValueError: the ladder was built without a relaxation.
        """
        if self._duals is None:
            if self._relaxation is None:
                raise ValueError("duals need a Setup with a relaxation")
            self._duals = DualValues(self._program, self._relaxation)
        return self._duals.of(outcome, costs, rows, seconds)

    def _settled(self, outcome: Outcome, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """The outcome of the first engine whose answer holds, if the first one's does not."""
        clock = deadline(seconds)
        outcome = self._bounded_or_not(outcome, costs, rows, seconds)
        asked = self._rungs[0]
        for rung in self._rungs[1:]:
            left = clock()
            if outcome.status not in self._doubtful or outcome.exact or (left is not None and left <= 0):
                break
            asked = rung
            outcome = self._ask(rung, costs, rows, left)
        if self._witness is None or outcome.exact:
            return outcome
        return self._witnessed(outcome, asked, costs, rows, clock)

    def _ask(self, rung: MakesEngine, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """What one engine says, checked."""
        clock = deadline(seconds)
        if rung not in self._built:
            self._built[rung] = rung(self._program)
        found = self._judge.sound(self._built[rung].solve(costs, rows, seconds), costs, rows)
        return self._bounded_or_not(found, costs, rows, clock())

    def _witnessed(self, claim: Outcome, asked: MakesEngine, costs: Floats, rows: Rows, clock: Clock) -> Outcome:
        """A claim that a second engine confirms, which works in another way.

        Else the better point is feasible, without a bound: one of the two is wrong, and nothing says which.
        """
        assert self._witness is not None
        if claim.status not in (SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE):
            return claim._replace(bound=math.nan)  # proven by one engine alone
        left = clock()
        other = Outcome(SolveStatus.TIMEOUT)
        if asked != self._witness and (left is None or left > 0):
            other = self._ask(self._witness, costs, rows, left)
        if claim.point is None and other.point is None:
            return self._without_point(claim, rows, clock())
        better = claim.point
        if other.point is not None and (better is None or costs @ other.point < costs @ better):
            better = other.point
        agreed = other.status == claim.status and self._judge.agree(claim, other, costs)
        if agreed and not self._doubted:
            return claim._replace(point=better)
        self._own["unconfirmed"] += 1
        return Outcome(SolveStatus.FEASIBLE, better, self._doubted if agreed else _UNCONFIRMED)

    def _without_point(self, claim: Outcome, rows: Rows, seconds: float | None) -> Outcome:
        """Infeasible as engines say, unless what they have searched has no end: then the relaxation has to say it.

        Branch and bound cannot list an endless range, and has left out the part with the points. Rows of whole data
        and integers are believed: there no tolerance has a part in it.
        """
        program = self._program
        certain = program.integer.all() and not program.delicate
        if certain or np.isfinite([rows.least, rows.most]).all() or self._relaxation is None:
            return claim
        if self._relaxed is None:
            self._relaxed = self._relaxation(replace(program, integer=np.zeros_like(program.integer)))
        if self._relaxed.solve(np.zeros(len(program.costs)), rows, seconds).status == SolveStatus.INFEASIBLE:
            return claim
        return Outcome(SolveStatus.ERROR, message=_UNFOUND)

    def _bounded_or_not(self, outcome: Outcome, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Optimal points and unbounded programs exclude each other, which engines do not always see."""
        recession = self._recession
        if recession is None or outcome.bounded:
            return outcome
        if outcome.status == SolveStatus.OPTIMAL and recession.improves(costs, rows, seconds):
            self._own["unbounded_after_all"] += 1
            return Outcome(SolveStatus.UNBOUNDED, message="the feasible set is unbounded in the objective's direction")
        if outcome.status == SolveStatus.UNBOUNDED and not recession.improves(costs, rows, seconds):
            return Outcome(SolveStatus.ERROR, message="the engine calls unbounded what is not")
        return outcome
