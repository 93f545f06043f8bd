"""`ortools-ilp`: integer programs over matrices, files or OR-Tools models, by the engine that suits them."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any, ClassVar

from imle.errors import InstanceError, OptionError
from imle.plugins.parameters import check_type
from imle.solvers import ArrayKind, PreparedSolver, Sense
from imle_highs.files import read
from imle_linear.engines import Engine
from imle_linear.instance import Instance, is_empty, refuse_beside_model
from imle_linear.prepared import PreparedProgram, Setup
from imle_linear.program import LinearProgram
from imle_linear.unbound import without_instance
from imle_ortools.arrays import check_positive
from imle_ortools.ilp.auto import AutoEngine, Settings
from imle_ortools.ilp.integers import whole_program
from imle_ortools.ilp.models import from_model
from imle_ortools.ilp.mp import MPEngine
from imle_ortools.plugin import ILP


@dataclass(frozen=True)
class ILPSolver:
    """argmin (or argmax) of <objective, x> over linear constraints, bounds and integrality.

    Args:
        sense: "min" for costs, "max" for scores.
        backend: "auto" takes, row by row, what suits: the assignment and knapsack algorithms where the matrix is one
            of theirs, the linear relaxation where it is whole-numbered, else HiGHS and CP-SAT in turn with growing
            budgets. "highs", "cp-sat", "scip" and "cbc" are themselves.
        time_limit: seconds per row.
        gap: relative gap at which the search may stop; 0 asks for a proof.
        threads: per solve.
        seed: of random choices.

    A row's answer depends on that row alone, ties included (with one thread and no time limit).

    Raises:
        OptionError: a value out of range.
    """

    sense: Sense = "min"
    backend: str = "auto"
    time_limit: float | None = None
    gap: float = 0.0
    threads: int = 1
    seed: int = 0

    array: ClassVar[ArrayKind] = "numpy"

    def __post_init__(self) -> None:
        for option in ILP.options:
            check_type(ILP.id, option, getattr(self, option.name))
        check_positive(ILP.id, "time_limit", self.time_limit)
        if not (math.isfinite(self.gap) and self.gap >= 0):
            raise OptionError(f"{ILP.id}: gap: expected a finite number >= 0, found {self.gap!r}")
        if self.threads < 1:
            raise OptionError(f"{ILP.id}: threads: expected an int >= 1, found {self.threads}")
        if not 0 <= self.seed < 2**31:
            raise OptionError(f"{ILP.id}: seed: expected an int in 0..2**31-1, found {self.seed}")

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
        instance = Instance(A_ub, b_ub, A_eq, b_eq, bounds, model, variables, costs)
        if is_empty(instance):
            return without_instance(ILP.id)
        if model is None or isinstance(model, (str, os.PathLike)):
            program = read(ILP.id, self.sense, instance, integrality=integrality, default_integrality=1)
        else:
            refuse_beside_model(ILP.id, instance, integrality)
            program = from_model(ILP.id, model, sense=self.sense, variables=variables, costs=costs)
        return PreparedProgram(program, Setup(ILP.id, self.sense, self.time_limit, self._engine))

    def _engine(self, program: LinearProgram) -> Engine:
        settings = Settings(self.gap, self.threads, self.seed)
        if self.backend == "auto":
            return AutoEngine(program, settings)
        if self.backend == "highs":
            return settings.highs(program)
        if self.backend == "cp-sat":
            whole = whole_program(program)
            if isinstance(whole, str):
                raise InstanceError(
                    f"{ILP.id}: backend='cp-sat': expected bounded integer variables and decimal coefficients, found "
                    f"that {whole}",
                    hint='backend="auto" takes CP-SAT where it can',
                )
            return settings.cp_sat(whole)
        return MPEngine(program, self.backend, self.gap, self.threads, self.seed)
