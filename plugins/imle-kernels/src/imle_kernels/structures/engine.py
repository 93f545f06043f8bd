"""StructureEngine: the kernel of a structure where the program has one, and another engine for the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from imle.solvers import SolveStatus
from imle_kernels.structures.assignment import AssignmentStructure
from imle_kernels.structures.base import ProgramStructure
from imle_kernels.structures.flow import FlowStructure
from imle_kernels.structures.knapsack import KnapsackStructure
from imle_kernels.structures.small import SmallStructure
from imle_linear.arrays import Floats
from imle_linear.engines import MakesEngine, Outcome, deadline
from imle_linear.judging import PROVEN, better
from imle_linear.program import LinearProgram, Rows


class StructureEngine:
    """Solves rows of assignments, knapsacks, flows and small linear programs by a kernel; what is left, by an engine.

    What is recognised depends on the program alone, and so does a row's answer on that row.

    Args:
        program: the feasible set.
        rest: builds the engine for all else.
    """

    def __init__(self, program: LinearProgram, rest: MakesEngine) -> None:
        self._own: Counter[str] = Counter()
        self._structure = recognised(program)
        self._rest = rest(program)

    @property
    def events(self) -> Counter[str]:
        """How many rows went to which algorithm; `knapsacks_too_large` and the like were not done by theirs."""
        return self._own + self._rest.events

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one."""
        clock = deadline(seconds)
        structure = self._structure
        first = None if structure is None else structure.solve(costs, rows, seconds)
        if structure is None or first is None:
            return self._rest.solve(costs, rows, clock())
        if first.status in PROVEN:
            self._own[structure.name] += 1
            return first
        self._own[f"{structure.name}_too_large"] += 1
        outcome = self._rest.solve(costs, rows, clock())
        if outcome.status in PROVEN or first.point is None:
            return outcome
        message = "stopped at the time limit with a feasible point" if outcome.point is None else outcome.message
        return better(outcome, first, costs)._replace(status=SolveStatus.FEASIBLE, message=message)


def recognised(program: LinearProgram) -> ProgramStructure | None:
    """The structure of a program, if it has one; to be small is the last that is looked for."""
    kinds = AssignmentStructure, KnapsackStructure, FlowStructure, SmallStructure
    found: Iterator[ProgramStructure | None] = (kind.of(program) for kind in kinds)
    return next(filter(None, found), None)
