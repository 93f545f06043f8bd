"""The choice of an engine, row by row: from what the structure says, then by what is not done within its budget.

Every decision rests on the instance, the row's own objective and counted work (nodes, OR-Tools' deterministic time),
never on a clock or on rows before. So a row's answer is the same in any batch, on any thread, on any machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from imle.solvers import SolveStatus
from imle_highs.engines import IntegerEngine
from imle_highs.tunings import THOROUGH
from imle_linear.arrays import Floats
from imle_linear.engines import Outcome, Rows, deadline
from imle_linear.program import LinearProgram
from imle_ortools.ilp.cp_sat import CPSATEngine
from imle_ortools.ilp.integers import WholeProgram, whole_program
from imle_ortools.ilp.special import solve_assignment, solve_knapsack, warm_assignment
from imle_ortools.ilp.structures import assignment, knapsack
from imle_ortools.packing import warm

WORK, NODES, GROWTH = 0.05, 1000, 10
"""CP-SAT's first budget (deterministic seconds; about 0.1 s), HiGHS' first one with its own options, and the factor
from one round to the next. An instance that only one of them can solve costs little more than with that one alone."""

_DONE = (SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE, SolveStatus.UNBOUNDED)
Clock = Callable[[], float | None]


@dataclass(frozen=True)
class Settings:
    """What all engines are told: relative gap, threads and seed."""

    gap: float
    threads: int
    seed: int

    def highs(self, program: LinearProgram) -> IntegerEngine:
        """HiGHS with these settings."""
        native = {"threads": self.threads, "random_seed": self.seed, "mip_rel_gap": self.gap}
        return IntegerEngine(program, native, "auto")

    def cp_sat(self, whole: WholeProgram) -> CPSATEngine:
        """CP-SAT with these settings."""
        return CPSATEngine(whole, self.gap, self.threads, self.seed)


class AutoEngine:
    """Dedicated algorithms where the matrix allows them; else the relaxation; else CP-SAT and HiGHS in turn.

    Args:
        program: the feasible set.
        settings: for the engines.
    """

    def __init__(self, program: LinearProgram, settings: Settings) -> None:
        self._own: Counter[str] = Counter()
        self._rows = program.row_lower, program.row_upper
        self._assignment = assignment(program)
        self._knapsack = knapsack(program)
        if self._assignment is not None:
            warm_assignment()
        if self._knapsack is not None:
            warm()
        self._limits = self._room = np.zeros(0)
        self._settings = settings
        self._highs = settings.highs(program)
        whole = whole_program(program)
        self._whole = None if isinstance(whole, str) else whole
        self._kept: CPSATEngine | None = None

    @property
    def events(self) -> Counter[str]:
        """How many rows, or attempts at them, went to which algorithm."""
        return self._own + self._highs.events + (self._kept.events if self._kept else Counter())

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one."""
        if self._assignment is not None and rows[0] is self._rows[0]:
            self._own["assignments"] += 1
            return solve_assignment(self._assignment, costs)
        if self._knapsack is not None:
            if rows[1] is not self._limits:
                self._limits, self._room = rows[1], self._knapsack.room(rows[1])
            packed = solve_knapsack(self._knapsack, costs, self._room)
            self._own["knapsacks" if packed else "knapsacks_too_large"] += 1
            if packed:
                return packed
        clock = deadline(seconds)
        return (
            self._highs.relax(costs, rows, clock())
            or self._highs.branch(costs, rows, clock)
            or self._in_turn(costs, rows, clock)
        )

    def _in_turn(self, costs: Floats, rows: Rows, clock: Clock) -> Outcome:
        best: Outcome | None = None
        for attempt in self._attempts(costs, rows, clock):
            outcome = attempt()
            if outcome.status in _DONE:
                return outcome
            if best is None or _better(outcome, best, costs):
                best = outcome
            left = clock()
            if outcome.status == SolveStatus.ERROR or (left is not None and left <= 0):
                break
        assert best is not None  # there is always a first attempt
        if best.status in (SolveStatus.FEASIBLE, SolveStatus.TIMEOUT):
            found = "with a feasible point" if best.point is not None else "without a feasible point"
            return best._replace(message=f"stopped at the time limit {found}")
        return best

    def _attempts(self, costs: Floats, rows: Rows, clock: Clock) -> Iterator[Callable[[], Outcome]]:
        cp_sat = self._cp_sat()
        if cp_sat is None:
            yield partial(self._highs.search, costs, rows, clock, THOROUGH)
            return
        work, nodes = WORK, NODES
        while True:
            yield partial(cp_sat.attempt, costs, rows, clock(), work)
            yield partial(self._highs.search, costs, rows, clock, {**THOROUGH, "mip_max_nodes": nodes})
            work, nodes = work * GROWTH, min(nodes * GROWTH, 2**31 - 1)

    def _cp_sat(self) -> CPSATEngine | None:
        """Built when the first row needs it: many instances never do."""
        if self._kept is None and self._whole is not None:
            self._kept = self._settings.cp_sat(self._whole)
        return self._kept


def _better(one: Outcome, other: Outcome, costs: Floats) -> bool:
    """Whether one incumbent is better than another; any point is better than none."""
    if one.point is None:
        return False
    return other.point is None or float(np.dot(costs, one.point)) < float(np.dot(costs, other.point))
