"""What engines are asked and what they answer: one row at a time, one thread at a time."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple, Protocol

from imle.solvers import SolveStatus
from imle_linear.arrays import Floats
from imle_linear.program import LinearProgram, Rows

TIGHT = dict.fromkeys(
    ("primal_feasibility_tolerance", "dual_feasibility_tolerance", "mip_feasibility_tolerance"), 1e-10
)
"""The least HiGHS takes, alone or in SciPy: for rows whose first answer is no solution."""

DELICATE = {**TIGHT, "presolve": "off"}
"""HiGHS' options for delicate programs. Its presolve takes small differences of large numbers for nothing, and has
called points optimal that are far from it."""

WITNESS: dict[str, float | str] = {**TIGHT, "presolve": "on"}
"""HiGHS' options where another run of it is to confirm what one without presolve says of a delicate program."""


class Outcome(NamedTuple):
    """How one row ended.

    Attributes:
        status: of the row.
        point: `[n]`; None unless the status is ok.
        message: why it is not optimal.
        bound: no point of the feasible set costs less; nan if that is not known.
        exact: whether it was found in whole numbers or by listing, so that no tolerance has a part in it.
        duals: `[rows]` of an optimal point of a linear program, how much the optimum grows with one more unit of the
            ends of each row; None where the engine does not tell. Nothing of it is checked, see `imle_linear.duals`.
        bounded: whether the engine has checked that they prove it, so that the program is not unbounded.
    """

    status: SolveStatus
    point: Floats | None = None
    message: str = ""
    bound: float = math.nan
    exact: bool = False
    duals: Floats | None = None
    bounded: bool = False


class Engine(Protocol):
    """Solves rows one by one."""

    @property
    def events(self) -> Counter[str]:
        """What happened since the engine was made, counted."""

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one."""


MakesEngine = Callable[[LinearProgram], Engine]
"""Builds an engine for a program."""


class AroundEngine(Protocol):
    """Builds an engine that leaves some rows, or all of some programs, to another."""

    def __call__(self, program: LinearProgram, rest: MakesEngine) -> Engine:
        """`rest` builds the other one."""


Clock = Callable[[], float | None]
"""Seconds that are left, 0 where time is over, or None if there is no limit."""


def deadline(seconds: float | None) -> Clock:
    """Start the clock of a time limit."""
    if seconds is None:
        return lambda: None
    end = time.perf_counter() + seconds
    return lambda: max(end - time.perf_counter(), 0.0)
