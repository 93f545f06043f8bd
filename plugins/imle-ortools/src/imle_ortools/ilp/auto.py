"""The choice of an engine, row by row: from what the structure says, then by what is not done within its budget.

Every decision rests on the instance, the row's own objective and counted work (nodes, OR-Tools' deterministic time),
never on a clock or on rows before. So a row's answer is the same in any batch, on any thread, on any machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from imle.solvers import SolveStatus
from imle_highs.engines import IntegerEngine, LinearEngine
from imle_highs.presets import THOROUGH
from imle_kernels.structures import StructureEngine
from imle_linear.arrays import Floats
from imle_linear.engines import TIGHT, WITNESS, Clock, Outcome, deadline
from imle_linear.judging import PROVEN, Judge, better
from imle_linear.options import EngineOptions
from imle_linear.program import LinearProgram, Rows
from imle_ortools.ilp.cp_sat import CPSATEngine
from imle_ortools.ilp.integers import WholeProgram, whole_program

WORK, NODES, GROWTH = 0.05, 1000, 10
"""CP-SAT's first budget (deterministic seconds; about 0.1 s), HiGHS' first one with its own options, and the factor
from one round to the next. An instance that only one of them can solve costs little more than with that one alone."""


@dataclass(frozen=True)
class Settings:
    """What all engines are told.

    Attributes:
        gap: relative gap at which a search may stop.
        threads: per solve.
        seed: of random choices.
        highs_options, cp_sat_options: the engines' own options by name.
    """

    gap: float = 0.0
    threads: int = 1
    seed: int = 0
    highs_options: EngineOptions = ()
    cp_sat_options: EngineOptions = ()

    def highs(self, program: LinearProgram) -> IntegerEngine:
        """HiGHS with these settings."""
        return IntegerEngine(program, self._highs, "auto")

    def tight(self, program: LinearProgram) -> IntegerEngine:
        """HiGHS with the least tolerances that it takes."""
        return IntegerEngine(program, {**self._highs, **TIGHT}, "default")

    def witness(self, program: LinearProgram) -> IntegerEngine:
        """HiGHS by another way, for what has to be confirmed."""
        return IntegerEngine(program, {**self._highs, **WITNESS}, "default")

    def relaxation(self, program: LinearProgram) -> LinearEngine:
        """HiGHS for linear programs."""
        return LinearEngine(program, {"threads": self.threads, "random_seed": self.seed, **TIGHT})

    def cp_sat(self, whole: WholeProgram) -> CPSATEngine:
        """CP-SAT with these settings."""
        return CPSATEngine(whole, self.gap, self.threads, self.seed, self.cp_sat_options)

    @property
    def _highs(self) -> dict[str, Any]:
        own = {"threads": self.threads, "random_seed": self.seed, "mip_rel_gap": self.gap}
        return {**own, **dict(self.highs_options)}


def auto_engine(program: LinearProgram, settings: Settings) -> StructureEngine:
    """Dedicated algorithms where the matrix allows them; else the relaxation; else CP-SAT and HiGHS in turn."""
    return StructureEngine(program, partial(InTurnEngine, settings=settings))


class InTurnEngine:
    """The relaxation; else CP-SAT and HiGHS in turn.

    Args:
        program: the feasible set.
        settings: for the engines.
    """

    def __init__(self, program: LinearProgram, settings: Settings) -> None:
        self._settings = settings
        self._judge = Judge(program, relaxation=settings.relaxation)
        self._highs = settings.highs(program)
        whole = whole_program(program)
        self._whole = None if isinstance(whole, str) else whole
        self._kept: CPSATEngine | None = None

    @property
    def events(self) -> Counter[str]:
        """How many rows, or attempts at them, went to which algorithm."""
        return self._judge.events + self._highs.events + (self._kept.events if self._kept else Counter())

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one."""
        clock = deadline(seconds)
        return (
            self._highs.relax(costs, rows, clock())
            or self._highs.branch(costs, rows, clock)
            or self._in_turn(costs, rows, clock)
        )

    def _in_turn(self, costs: Floats, rows: Rows, clock: Clock) -> Outcome:
        cp_sat = self._cp_sat()
        best = Outcome(SolveStatus.TIMEOUT, bound=self._highs.relaxed_bound(costs))
        failed = 0
        for attempt in self._attempts(cp_sat, costs, rows, clock):
            outcome = self._judge.sound(attempt(), costs, rows)
            if outcome.status in PROVEN:
                return outcome
            best = better(outcome, best, costs)
            failed = failed + 1 if outcome.status == SolveStatus.ERROR else 0
            left = clock()
            if failed > 1 or (left is not None and left <= 0):
                break
        if best.point is None and failed:
            return outcome
        found = "with a feasible point" if best.point is not None else "without a feasible point"
        return best._replace(message=(cp_sat and cp_sat.unresolved) or f"stopped at the time limit {found}")

    def _attempts(
        self, cp_sat: CPSATEngine | None, costs: Floats, rows: Rows, clock: Clock
    ) -> Iterator[Callable[[], Outcome]]:
        """One after the other, until the row is done."""
        if cp_sat is None:
            yield partial(self._highs.search, costs, rows, clock, THOROUGH)
            return
        work, nodes = WORK, NODES
        while True:
            yield partial(cp_sat.attempt, costs, rows, clock(), work)
            yield partial(self._highs.search, costs, rows, clock, {**THOROUGH, "mip_max_nodes": nodes})
            if cp_sat.unresolved:
                return  # more work would not make it finer
            work, nodes = work * GROWTH, min(nodes * GROWTH, 2**31 - 1)

    def _cp_sat(self) -> CPSATEngine | None:
        """Built when the first row needs it: many instances never do."""
        if self._kept is None and self._whole is not None:
            self._kept = self._settings.cp_sat(self._whole)
        return self._kept
