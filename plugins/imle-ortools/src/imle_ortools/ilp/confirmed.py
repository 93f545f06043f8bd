"""SCIP and CBC with proofs by another engine: both are wrong now and then, on tiny programs too."""

from __future__ import annotations

import math
import time
from collections import Counter

import numpy as np

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.checking import SolutionChecker
from imle_linear.engines import Engine, Outcome, Rows
from imle_linear.program import LinearProgram
from imle_ortools.ilp.auto import PROVEN

_SAME, _SAME_MIXED = 1e-9, 1e-6
"""Two values are the same up to this share of the largest cost, or of the value: what engines resolve where variables
are integer, and where some are continuous, whose constraints hold up to a tolerance."""
_LONGER, _MORE = 2.0, 1.0
"""The second engine has so many times the time that the first one took, and so many seconds more;"""
_SHARE = 0.2
"""and with a time limit what is left of that, but this share of it at least, where the first one has used it up."""


class ConfirmedEngine:
    """One engine's points with the proof of another.

    A point that the second engine proves to be as good as any keeps its row optimal, ties as the first engine chose
    them. Where the two differ, the second one is right; `disagreements` counts such rows. Where the second one ends
    without a proof, the better point is feasible, with the bound that it has proven.

    Args:
        first: whose points are preferred, and whose word is not enough.
        second: whose proofs are believed.
        program: the feasible set.
        name: of the first engine.
    """

    def __init__(self, first: Engine, second: Engine, program: LinearProgram, name: str) -> None:
        self._first, self._second = first, second
        self._checker = SolutionChecker(program)
        self._same = _SAME if program.integer.all() else _SAME_MIXED
        self._name = name
        self._own: Counter[str] = Counter()

    @property
    def events(self) -> Counter[str]:
        """Those of both engines, and rows on which they disagree."""
        return self._own + self._first.events + self._second.events

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one."""
        begun = time.perf_counter()
        claim = self._first.solve(costs, rows, seconds)
        point = self._sound(claim, rows)
        taken = time.perf_counter() - begun
        patience = _LONGER * taken + _MORE
        if seconds is not None:
            patience = min(patience, max(seconds - taken, _SHARE * seconds))
        proof = self._second.solve(costs, rows, patience)
        value = math.inf if point is None else float(costs @ point)
        if proof.status not in PROVEN:
            return self._unproven(claim, proof, point, value, costs)
        best = float(costs @ proof.point) if proof.point is not None else math.inf
        near = self._same * max(float(np.abs(costs).max()), abs(best)) if proof.point is not None else 0.0
        least = best if math.isnan(proof.bound) else proof.bound
        if point is not None and proof.status != SolveStatus.UNBOUNDED:
            if value < least - near:
                self._own["disagreements"] += 1
                message = f"{self._name} has a solution that refutes the engine which was to confirm it"
                return Outcome(SolveStatus.FEASIBLE, point, message)
            if value <= best + near:
                return Outcome(SolveStatus.OPTIMAL, point, bound=proof.bound)
        worse = proof.point is not None and value > best + near
        self._own["disagreements"] += claim.status in PROVEN and (claim.status != proof.status or worse)
        return proof

    def _sound(self, claim: Outcome, rows: Rows) -> Floats | None:
        """The point, if it is a solution."""
        if claim.point is None:
            return None
        point, flaw = self._checker.mend(claim.point, rows)
        self._own["rejected_points"] += bool(flaw)
        return None if flaw else point

    def _unproven(self, claim: Outcome, proof: Outcome, point: Floats | None, value: float, costs: Floats) -> Outcome:
        """The better point, as feasible."""
        if proof.point is not None and not value <= float(costs @ proof.point):
            point = proof.point
        found = "without a feasible point" if point is None else "with a feasible point"
        status = SolveStatus.TIMEOUT if point is None else SolveStatus.FEASIBLE
        message = f"stopped at the time limit {found}"
        if claim.status in PROVEN:
            message = f"{self._name} says {claim.status.name.lower()}, which could not be confirmed"
        return Outcome(status, point, message, bound=proof.bound)
