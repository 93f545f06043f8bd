"""What one MAP solve returns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from imle.solvers import SolveStatus
from imle_mln.inference.truths import Bools


@dataclass(frozen=True, eq=False)
class MAPResult:
    """A most probable state.

    Attributes:
        state: `[A]` truths of the atoms; all false if the status is not ok.
        truths: `[C]` truths of the clauses in that state.
        status: optimal; feasible, if the time limit came first; infeasible, if hard clauses and blocks cannot hold
            together; or timeout, if not even a state that keeps them was found in time.
        objective: `unary . state + weights . truths`; nan without a state.
        bound: no state has a greater objective; nan without a state. For an optimal one it exceeds the objective by the
            rounding to fixed point or the breaking of ties, typically less than 1e-9 of the coefficients' sum.
        engines: how many components each engine solved, and what HiGHS did.
        message: why there is no state.
    """

    state: Bools
    truths: Bools
    status: SolveStatus
    objective: float
    bound: float
    engines: Counter[str] = field(default_factory=Counter)
    message: str = ""

    @property
    def gap(self) -> float:
        """How far the objective can be from optimal, relative to its size, or to 1 if that is more."""
        return (self.bound - self.objective) / max(1.0, abs(self.objective))
