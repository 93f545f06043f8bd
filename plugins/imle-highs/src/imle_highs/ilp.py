"""Integer and mixed-integer linear programs: relaxation first, then branch and bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from imle.solvers import BaseSolver, PreparedSolver, Sense
from imle_highs.engines import IntegerEngine, LinearEngine
from imle_highs.files import read
from imle_highs.native import Settings
from imle_highs.options import passed
from imle_highs.plugin import ILP
from imle_linear.engines import TIGHT, WITNESS, AroundEngine, Engine
from imle_linear.instance import ProgramInput, awaiting, is_empty
from imle_linear.options import EngineOptions
from imle_linear.prepared import PreparedProgram, Setup
from imle_linear.program import LinearProgram


@dataclass(frozen=True)
class HighsILPSolver(BaseSolver, spec=ILP):
    """argmin (or argmax) of <objective, x> over linear constraints, bounds and integrality.

    Args:
        sense: "min" for costs, "max" for scores.
        time_limit: seconds per row.
        gap: relative gap at which the search may stop; 0 asks for a proof.
        tuning: "default" are HiGHS' own options; "lean" drops presolve and heuristics, which easy problems do not
            need; "auto" takes options for knapsacks where at least half of all coefficients are not 0, and elsewhere
            lean ones for a fixed number of branch-and-bound nodes, then thorough ones.
        threads: per solve.
        seed: of HiGHS' random choices.
        options: HiGHS' own options by its names, such as `{"primal_feasibility_tolerance": 1e-9}`.
    """

    sense: Sense = "min"
    time_limit: float | None = None
    gap: float = 0.0
    tuning: Literal["auto", "default", "lean"] = "auto"
    threads: int = 1
    seed: int = 0
    options: EngineOptions | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "options", passed(ILP.id, self.options))

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
        """Bind to `A_ub @ x <= b_ub`, `A_eq @ x == b_eq`, bounds and integrality, or to an MPS or LP file.

        Args:
            A_ub: `[rows, n]`, dense or scipy.sparse.
            b_ub: `[rows]`; may be left out here and given per row when solving.
            A_eq: `[rows, n]`.
            b_eq: `[rows]`, likewise.
            bounds: one pair (lower, upper) for all variables or one per variable; None is infinite.
            integrality: 1 for integer, 0 for continuous, for all variables or one per variable; by default 1.
            model: path of a file, instead of all of the above.
            variables: the k learned variables, by index or (in files) name; by default all.
            costs: `[n]` coefficients of the variables that are not learned; by default 0, or the file's.

        Raises:
            InstanceError: the parts do not fit together.
        """
        instance = ProgramInput(A_ub, b_ub, A_eq, b_eq, bounds, model, variables, costs)
        if is_empty(instance):
            return awaiting(ILP.id)
        return self.bind(read(ILP.id, self.sense, instance, integrality=integrality, default_integrality=1))

    def bind(self, program: LinearProgram, around: AroundEngine | None = None) -> PreparedProgram:
        """Bind to a program that is already in HiGHS' form.

        Args:
            program: the feasible set.
            around: builds the engine that is asked first, such as `imle_kernels.structures.StructureEngine`; HiGHS
                solves what it leaves.
        """
        return PreparedProgram(
            program,
            Setup(
                ILP.id,
                self.sense,
                self.time_limit,
                self._engine if around is None else partial(around, rest=self._engine),
                (self._tight,),
                relaxation=self._relaxation,
                witness=self._witness if program.delicate else None,
                bounds=True,
            ),
        )

    def _engine(self, program: LinearProgram) -> Engine:
        return IntegerEngine(program, self._settings, self.tuning)

    def _relaxation(self, program: LinearProgram) -> Engine:
        return LinearEngine(program, {**self._settings, **TIGHT})

    def _tight(self, program: LinearProgram) -> Engine:
        return IntegerEngine(program, {**self._settings, **TIGHT}, "default")

    def _witness(self, program: LinearProgram) -> Engine:
        return IntegerEngine(program, {**self._settings, **WITNESS}, "default")

    @property
    def _settings(self) -> Settings:
        own = {"threads": self.threads, "random_seed": self.seed, "mip_rel_gap": self.gap}
        return {**own, **dict(self.options or ())}
