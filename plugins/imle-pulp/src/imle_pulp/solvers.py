"""The two solvers: a PuLP problem is read once, HiGHS (or a solver of PuLP's) solves it for every objective."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import pulp  # type: ignore[import-untyped]

from imle.errors import InstanceError
from imle.solvers import AwaitingInstance, BaseSolver, PreparedSolver, Sense
from imle_highs.engines import LinearEngine
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_highs.options import passed
from imle_linear.engines import TIGHT, Engine
from imle_linear.options import EngineOptions
from imle_linear.prepared import PreparedProgram, Setup
from imle_linear.program import LinearProgram
from imle_pulp import solver_object
from imle_pulp.blueprint import Blueprint
from imle_pulp.native import DIGITS, NativeEngine
from imle_pulp.plugin import ILP, LP
from imle_pulp.problem import constraints, read


@dataclass(frozen=True)
class PulpLPSolver(BaseSolver, spec=LP):
    """argmin (or argmax) of <objective, x> over a continuous PuLP problem, at a vertex.

    Args:
        sense: "min" for costs, "max" for scores; the problem's own.
        time_limit: seconds per row.
        method: "dual", "primal", or "auto", as for highs-lp.
        warm: start from the basis of the row before, as for highs-lp.
        threads: per solve.
        seed: of HiGHS' random choices.
        options: HiGHS' own options by its names, such as `{"primal_feasibility_tolerance": 1e-9}`.
        solver: a pulp.LpSolver to solve rows with instead of HiGHS; of the other options, only `sense` goes with it.
    """

    sense: Sense = "min"
    time_limit: float | None = None
    method: Literal["auto", "primal", "dual"] = "auto"
    warm: bool = False
    threads: int = 1
    seed: int = 0
    options: EngineOptions | Mapping[str, Any] | None = None
    solver: pulp.LpSolver | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "options", passed(LP.id, self.options))
        if self.solver is not None:
            solver_object.check(LP.id, self)

    def prepare(self, problem: Any = None, variables: Any = None) -> PreparedSolver:
        """Bind to a problem.

        Args:
            problem: a pulp.LpProblem; it is not changed, and later changes to it have no effect here. Copies
                of a layer, and worker processes, read it again.
            variables: the learned variables, or their names, in the objective's order; by default
                `problem.variables()`.

        Raises:
            InstanceError: integer variables (names pulp-ilp), another sense, or anything that is not linear.
        """
        if problem is None:
            return _without_problem(LP.id)
        program = read(LP.id, self.sense, problem, variables)
        integer = np.flatnonzero(program.integer)
        if len(integer):
            raise InstanceError(
                f"{LP.id}: problem {problem.name!r}: expected continuous variables, found {len(integer)} integer ones, "
                f"the first being {program.names[integer[0]]!r}",
                hint="use pulp-ilp",
            )
        if self.solver is not None:
            return _bind(LP.id, self, problem, program)
        return HighsLPSolver(**_highs_options(self)).bind(program)


@dataclass(frozen=True)
class PulpILPSolver(BaseSolver, spec=ILP):
    """argmin (or argmax) of <objective, x> over a PuLP problem, integrality included.

    Args:
        sense: "min" for costs, "max" for scores; the problem's own.
        time_limit: seconds per row.
        gap: relative gap at which the search may stop; 0 asks for a proof.
        tuning: "auto", "default" or "lean", as for highs-ilp.
        threads: per solve.
        seed: of HiGHS' random choices.
        options: HiGHS' own options by its names, such as `{"primal_feasibility_tolerance": 1e-9}`.
        solver: a pulp.LpSolver to solve rows with instead of HiGHS; of the other options, only `sense` goes with it.
    """

    sense: Sense = "min"
    time_limit: float | None = None
    gap: float = 0.0
    tuning: Literal["auto", "default", "lean"] = "auto"
    threads: int = 1
    seed: int = 0
    options: EngineOptions | Mapping[str, Any] | None = None
    solver: pulp.LpSolver | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "options", passed(ILP.id, self.options))
        if self.solver is not None:
            solver_object.check(ILP.id, self)

    def prepare(self, problem: Any = None, variables: Any = None) -> PreparedSolver:
        """Bind to a problem.

        Args:
            problem: a pulp.LpProblem; it is not changed, and later changes to it have no effect here. Copies
                of a layer, and worker processes, read it again.
            variables: the learned variables, or their names, in the objective's order; by default
                `problem.variables()`.

        Raises:
            InstanceError: another sense, or anything that is not linear.
        """
        if problem is None:
            return _without_problem(ILP.id)
        program = read(ILP.id, self.sense, problem, variables)
        if self.solver is not None:
            return _bind(ILP.id, self, problem, program)
        return HighsILPSolver(**_highs_options(self)).bind(program)


def _highs_options(given: PulpLPSolver | PulpILPSolver) -> dict[str, Any]:
    return {option.name: getattr(given, option.name) for option in fields(given) if option.name != "solver"}


def _bind(who: str, given: PulpLPSolver | PulpILPSolver, problem: Any, program: LinearProgram) -> PreparedProgram:
    """Rows solved by the solver object that was given."""
    names = [name for name, _ in constraints(problem)]
    solver = solver_object.own(given.solver)

    def engine(program: LinearProgram) -> Engine:
        return NativeEngine(program, Blueprint(program, given.sense, problem.name, names), solver)

    return PreparedProgram(program, Setup(who, given.sense, None, engine, relative=DIGITS, relaxation=_relaxation))


def _relaxation(program: LinearProgram) -> Engine:
    return LinearEngine(program, {"threads": 1, **TIGHT})


def _without_problem(who: str) -> AwaitingInstance:
    return AwaitingInstance(who, "expected a problem, found none", "problem=...")
