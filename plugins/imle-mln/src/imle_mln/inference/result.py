"""What one MAP solve returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray

from imle.solvers import SolveStatus
from imle_mln.network import Bools, Floats


@dataclass(frozen=True, eq=False)
class MAPResult:
    """A most probable state.

    Attributes:
        state: `[A]` truths of the atoms; all false if the status is not ok.
        truths: `[C]` truths of the clauses in that state.
        status: optimal; feasible, if the time limit came first; infeasible, if hard clauses and blocks cannot hold
            together; or timeout, if not even a state that keeps them was found in time.
        objective: `unary . state + weights . truths`; nan without a state.
        slack: no state is better by more than this; nan without a state. For an optimal one it is what the rounding to
            fixed point or the breaking of ties can have cost, typically less than 1e-9 of the coefficients' sum.
        engines: how many components each engine solved.
        events: what HiGHS did: integral relaxations, reduced ones, searches, branch and bound, rows added.
        message: why there is no state, or no proof.
    """

    state: Bools
    truths: Bools
    status: SolveStatus
    objective: float
    slack: float
    engines: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    message: str = ""

    @property
    def bound(self) -> float:
        """No state has a greater objective; nan without a state."""
        return self.objective + self.slack

    @property
    def gap(self) -> float:
        """How far the objective can be from optimal, relative to its size, or to 1 if that is more."""
        return self.slack / max(1.0, abs(self.objective))


@dataclass(frozen=True, eq=False)
class MAPRows:
    """Most probable states for N objectives; see `MAPResult`.

    Attributes:
        states: `[N, A]`.
        truths: `[N, C]`.
        status: `[N]` codes of `SolveStatus`.
        objective: `[N]`.
        slack: `[N]`.
        engines: how many components each engine solved in a row; dominance where it came first, and decided most atoms.
        events: of each row.
        messages: by row number, where there is no state, or no proof.
    """

    states: Bools
    truths: Bools
    status: NDArray[np.int8]
    objective: Floats
    slack: Floats
    engines: Counter[str]
    events: list[Counter[str]]
    messages: Mapping[int, str] = field(default_factory=dict)

    def row(self, number: int) -> MAPResult:
        """One of them."""
        return MAPResult(
            self.states[number],
            self.truths[number],
            SolveStatus(int(self.status[number])),
            float(self.objective[number]),
            float(self.slack[number]),
            self.engines,
            self.events[number],
            self.messages.get(number, ""),
        )


def joined(parts: list[MAPRows]) -> MAPRows:
    """Rows one after the other."""
    count = [len(part.status) for part in parts]
    first = np.concatenate([[0], np.cumsum(count)]).tolist()
    return MAPRows(
        np.concatenate([part.states for part in parts]),
        np.concatenate([part.truths for part in parts]),
        np.concatenate([part.status for part in parts]),
        np.concatenate([part.objective for part in parts]),
        np.concatenate([part.slack for part in parts]),
        reduce(or_, (part.engines for part in parts)),
        [events for part in parts for events in part.events],
        {at + row: text for at, part in zip(first, parts, strict=False) for row, text in part.messages.items()},
    )
