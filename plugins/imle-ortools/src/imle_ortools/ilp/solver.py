"""`ortools-ilp`: integer programs over matrices, files or OR-Tools models, by the engine that suits them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imle.errors import OptionError
from imle.solvers import BaseSolver, PreparedSolver, Sense
from imle_highs.files import read
from imle_linear.engines import Engine
from imle_linear.instance import ProgramInput, awaiting, is_empty, refuse_beside_model
from imle_linear.options import EngineOptions
from imle_linear.prepared import PreparedProgram, Setup
from imle_linear.program import LinearProgram
from imle_ortools.ilp.auto import Settings
from imle_ortools.ilp.backends import cross_checked, engine_of, options_of
from imle_ortools.ilp.integers import whole_program
from imle_ortools.ilp.models import from_model
from imle_ortools.plugin import ILP

_BACKENDS = next(option.choices for option in ILP.options if option.name == "backend") or ()


@dataclass(frozen=True)
class ILPSolver(BaseSolver, spec=ILP):
    """argmin (or argmax) of <objective, x> over linear constraints, bounds and integrality.

    Args:
        sense: "min" for costs, "max" for scores.
        backend: "auto" takes, row by row, what suits: the assignment and knapsack algorithms where the matrix is one
            of theirs, the linear relaxation where it is whole-numbered, else HiGHS and CP-SAT in turn with growing
            budgets. "highs" and "cp-sat" are themselves. So are "scip" and "cbc", but what they prove only counts
            once "auto" has proven it too, in three times their time or so; else rows are feasible, with a bound.
        time_limit: seconds per row.
        gap: relative gap at which the search may stop; 0 asks for a proof.
        threads: per solve.
        seed: of random choices.
        options: the engine's own options by its names, such as `{"primal_feasibility_tolerance": 1e-9}`: HiGHS' for
            "auto" and "highs", CP-SAT's parameters, SCIP's parameters; none for "cbc".
        cross_check: solve by a second engine too, with its own time limit, and compare; a name says which. Rows for
            which the two contradict each other are errors.

    A row's answer depends on that row alone, ties included (with one thread and no time limit; whether "scip" and "cbc"
    are confirmed also depends on the time that takes).

    Raises:
        OptionError: a value out of range.
    """

    sense: Sense = "min"
    backend: str = "auto"
    time_limit: float | None = None
    gap: float = 0.0
    threads: int = 1
    seed: int = 0
    options: EngineOptions | Mapping[str, Any] | None = None
    cross_check: bool | str = False

    def __post_init__(self) -> None:
        super().__post_init__()
        others = [name for name in _BACKENDS if name != self.backend]
        if not isinstance(self.cross_check, bool) and self.cross_check not in others:
            raise OptionError(
                f"{ILP.id}: cross_check: expected a bool or one of {', '.join(others)}, found {self.cross_check!r}"
            )
        object.__setattr__(self, "options", options_of(self.backend, self.options))

    def prepare(
        self,
        A_ub: Any = None,  # noqa: N803 - scipy's names are the field's
        b_ub: Any = None,
        A_eq: Any = None,  # noqa: N803
        b_eq: Any = None,
        bounds: Any = (0, None),
        integrality: Any = None,
        model: Any = None,
        variables: Any = None,
        costs: Any = None,
    ) -> PreparedSolver:
        """Bind to `A_ub @ x <= b_ub`, `A_eq @ x == b_eq`, bounds and integrality, or to a model.

        Args:
            A_ub: `[rows, n]`, dense or scipy.sparse.
            b_ub: `[rows]`; may be left out here and given per row when solving.
            A_eq: `[rows, n]`.
            b_eq: `[rows]`, likewise.
            bounds: one pair (lower, upper) for all variables or one per variable; None is infinite.
            integrality: 1 for integer, 0 for continuous, for all variables or one per variable; by default 1.
            model: a model_builder.Model, mathopt.Model, pywraplp.Solver, the proto of one, or the path of an MPS or LP
                file, instead of all of the above. It is read once and never changed.
            variables: the k learned variables: numbers, names, or the model's own; by default all.
            costs: `[n]` coefficients of the variables that are not learned; by default 0, or the model's.

        Raises:
            InstanceError: the parts do not fit together, or the backend cannot hold them.
            SolverUnavailableError: OR-Tools comes without the backend.
        """
        instance = ProgramInput(A_ub, b_ub, A_eq, b_eq, bounds, model, variables, costs)
        if is_empty(instance):
            return awaiting(ILP.id)
        if model is None or isinstance(model, (str, os.PathLike)):
            program = read(ILP.id, self.sense, instance, integrality=integrality, default_integrality=1)
        else:
            refuse_beside_model(ILP.id, instance, integrality)
            program = from_model(ILP.id, model, sense=self.sense, variables=variables, costs=costs)
        settings = self._settings
        # a contradiction found by a cross-check is the answer; no other engine is asked
        further = () if self.cross_check else (settings.highs, settings.tight)
        witness = settings.witness if program.delicate and not self.cross_check else None
        setup = Setup(
            ILP.id,
            self.sense,
            self.time_limit,
            self._engine,
            further,
            relaxation=settings.relaxation,
            witness=witness,
        )
        return PreparedProgram(program, setup)

    @property
    def _own(self) -> EngineOptions:
        return tuple(dict(self.options or ()).items())

    @property
    def _settings(self) -> Settings:
        highs = self._own if self.backend in ("auto", "highs") else ()
        return Settings(self.gap, self.threads, self.seed, highs, self._own if self.backend == "cp-sat" else ())

    def _engine(self, program: LinearProgram) -> Engine:
        settings = self._settings
        engine = engine_of(self.backend, program, settings, self._own if self.backend == "scip" else ())
        if not self.cross_check:
            return engine
        other = self.cross_check if isinstance(self.cross_check, str) else self._another(program)
        return cross_checked(engine, (self.backend, other), program, settings)

    def _another(self, program: LinearProgram) -> str:
        """A backend that is not behind the solver's own."""
        if self.backend not in ("auto", "highs"):
            return "highs"
        return "scip" if isinstance(whole_program(program), str) else "cp-sat"
