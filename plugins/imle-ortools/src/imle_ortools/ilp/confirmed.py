"""Two engines for one row: the proof of another engine, or a comparison with it."""

from __future__ import annotations

import time
from collections import Counter

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.engines import Engine, MakesEngine, Outcome
from imle_linear.judging import PROVEN, Judge, optimum
from imle_linear.program import LinearProgram, Rows

_LONGER, _MORE = 2.0, 1.0
"""A second engine that is to confirm has so many times the time that the first one took, and so many seconds more;"""
_SHARE, _LEAST = 0.2, 0.5
"""and with a time limit what is left of that, but this share of it and these seconds where the first one used it up."""


class _Pair:
    """Two engines.

    Args:
        first: whose points are preferred.
        second: the other.
        program: the feasible set.
        names: of both, for messages.
        relaxation: see `Judge`.
    """

    def __init__(
        self, first: Engine, second: Engine, program: LinearProgram, names: tuple[str, str], relaxation: MakesEngine
    ) -> None:
        self._first, self._second = first, second
        self._judge = Judge(program, relaxation=relaxation)
        self._names = names
        self._own: Counter[str] = Counter()

    @property
    def events(self) -> Counter[str]:
        """Those of both engines, and rows on which they disagree."""
        return self._own + self._judge.events + self._first.events + self._second.events


class ConfirmedEngine(_Pair):
    """Points of an engine whose word is not enough, such as SCIP and CBC as OR-Tools ships them.

    A point that the second engine proves to be as good as any keeps its row optimal, ties as the first engine chose
    them. Where the two differ, the second one is right; `disagreements` counts such rows. Where the second one ends
    without a proof, the better point is feasible, with the bound that it has proven.
    """

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one."""
        begun = time.perf_counter()
        claim = self._judge.sound(self._first.solve(costs, rows, seconds), costs, rows)
        taken = time.perf_counter() - begun
        patience = _LONGER * taken + _MORE
        if seconds is not None:
            patience = min(patience, max(seconds - taken, _SHARE * seconds, _LEAST))
        proof = self._judge.sound(self._second.solve(costs, rows, patience), costs, rows)
        if proof.status not in PROVEN:
            return self._unproven(claim, proof, costs)
        (_, value), (low, high) = optimum(claim, costs), optimum(proof, costs)
        near = self._judge.near(costs, value, low, high)
        if claim.point is not None and proof.status != SolveStatus.UNBOUNDED:
            if value < low - near:
                self._own["disagreements"] += 1
                first, second = self._names
                return Outcome(SolveStatus.FEASIBLE, claim.point, f"{first} has a better solution than {second} proves")
            if value <= high + near:
                return Outcome(SolveStatus.OPTIMAL, claim.point, bound=proof.bound, exact=proof.exact)
        worse = claim.point is not None and value > high + near
        self._own["disagreements"] += claim.status in PROVEN and (claim.status != proof.status or worse)
        return proof

    def _unproven(self, claim: Outcome, proof: Outcome, costs: Floats) -> Outcome:
        """The better point, as feasible."""
        better = claim
        if proof.point is not None and (claim.point is None or costs @ proof.point < costs @ claim.point):
            better = proof
        found = "without a feasible point" if better.point is None else "with a feasible point"
        status = SolveStatus.TIMEOUT if better.point is None else SolveStatus.FEASIBLE
        message = f"stopped at the time limit {found}"
        if claim.status in PROVEN:
            message = f"{self._names[0]} says {claim.status.name.lower()}, which could not be confirmed in time"
        return Outcome(status, better.point, message, proof.bound)


class CrossCheckedEngine(_Pair):
    """Solves by two engines and compares: where they contradict each other, the row is an error that quotes both."""

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]`, each engine within the time limit, if there is one."""
        found = self._judge.sound(self._first.solve(costs, rows, seconds), costs, rows)
        if found.status in (SolveStatus.TIMEOUT, SolveStatus.ERROR):
            return found
        other = self._judge.sound(self._second.solve(costs, rows, seconds), costs, rows)
        if self._judge.agree(found, other, costs):
            return found
        self._own["disagreements"] += 1
        first, second = self._names
        message = f"cross-check: {first} says {_said(found, costs)}, {second} says {_said(other, costs)}"
        return Outcome(SolveStatus.ERROR, message=f"{message} (of scaled costs)")


def _said(outcome: Outcome, costs: Floats) -> str:
    return outcome.status.name.lower() + (f" {costs @ outcome.point:.9g}" if outcome.point is not None else "")
