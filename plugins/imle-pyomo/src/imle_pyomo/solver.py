"""The solver: a Pyomo model is read once, HiGHS or a compiled kernel solves it for every objective."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from imle.solvers import AwaitingInstance, BaseSolver, PreparedSolver, Sense
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_highs.options import passed
from imle_linear.engines import AroundEngine
from imle_linear.options import EngineOptions
from imle_linear.parametric import PreparedModel, Values
from imle_linear.prepared import PreparedProgram
from imle_linear.program import LinearProgram
from imle_pyomo.model import read
from imle_pyomo.plugin import PYOMO


@dataclass(frozen=True)
class PyomoSolver(BaseSolver, spec=PYOMO):
    """argmin (or argmax) of the objective of a Pyomo model, as its learned Params or Vars have it.

    Args:
        sense: "min" for costs, "max" for scores; the model's own.
        time_limit: seconds per row.
        gap: relative gap at which the search for whole numbers may stop; 0 asks for a proof.
        engine: "highs", or "auto" to solve assignments, knapsacks and flows by compiled kernels.
        threads: per solve.
        seed: of HiGHS' random choices.
        options: HiGHS' own options by its names, such as `{"primal_feasibility_tolerance": 1e-9}`.
    """

    sense: Sense = "min"
    time_limit: float | None = None
    gap: float = 0.0
    engine: Literal["highs", "auto"] = "highs"
    threads: int = 1
    seed: int = 0
    options: EngineOptions | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "options", passed(PYOMO.id, self.options))

    def prepare(
        self, model: Any = None, parameters: Any = None, variables: Any = None, values: Any = None
    ) -> PreparedSolver:
        """Bind to a model.

        Args:
            model: a ConcreteModel, or a constructed block; it is not changed, and later changes to it have no effect.
            parameters: the learned mutable Params, which the objective has and nothing else: one, several, or their
                names; by default all such Params.
            variables: learned Vars instead, whose coefficients then come from objectives alone; by default all if there
                are no learned Params.
            values: of mutable Params that are not learned, a mapping from names, or all in one vector; by default their
                own.

        Raises:
            InstanceError: another sense; what is not linear in Vars; or values for Params that do not stand affinely.
        """
        who = PYOMO.id
        if model is None:
            return AwaitingInstance(who, "expected a model, found none", "model=...")
        found = read(who, self.sense, model, parameters, variables)
        given = Values(who, found.parameters, found.program.width, values, found.refused)
        return PreparedModel(who, self.sense, found.program, found.learned, given, self._bind)

    def _bind(self, program: LinearProgram) -> PreparedProgram:
        around: AroundEngine | None = None
        if self.engine == "auto":
            from imle_kernels import structures  # loads numba, which takes seconds

            around = structures.StructureEngine
        shared = {name: getattr(self, name) for name in ("sense", "time_limit", "threads", "seed", "options")}
        if program.integer.any():
            return HighsILPSolver(gap=self.gap, **shared).bind(program, around)
        return HighsLPSolver(**shared).bind(program, around)
