"""ModelSolver: what solvers of modelling languages have in common, once a model is a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from imle.solvers import BaseSolver, PreparedSolver, Sense
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_highs.options import passed
from imle_highs.qp import HighsQPSolver
from imle_linear.arrays import Floats
from imle_linear.engines import AroundEngine
from imle_linear.options import EngineOptions
from imle_linear.program import LinearProgram


@dataclass(frozen=True)
class ModelSolver(BaseSolver):
    """Options of HiGHS for models; `imle_highs.plugin.MODEL_OPTIONS` announces them.

    Args:
        sense: "min" for costs, "max" for scores; the model's own.
        time_limit: seconds per row.
        gap: relative gap at which the search for whole numbers may stop; 0 asks for a proof.
        engine: "highs", or "auto" to solve assignments, knapsacks, flows and small linear programs by compiled
            kernels.
        tuning: "auto", "default" or "lean", as for highs-ilp.
        threads: per solve.
        seed: of HiGHS' random choices.
        options: HiGHS' own options by its names, such as `{"primal_feasibility_tolerance": 1e-9}`.
    """

    sense: Sense = "min"
    time_limit: float | None = None
    gap: float = 0.0
    engine: Literal["highs", "auto"] = "highs"
    tuning: Literal["auto", "default", "lean"] = "auto"
    threads: int = 1
    seed: int = 0
    options: EngineOptions | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "options", passed(self.spec.id, self.options))

    def bind(self, program: LinearProgram) -> PreparedSolver:
        """Bind to a linear or mixed-integer program."""
        around: AroundEngine | None = None
        if self.engine == "auto":
            from imle_kernels import structures  # loads numba, which takes seconds

            around = structures.StructureEngine
        if program.integer.any():
            return HighsILPSolver(gap=self.gap, tuning=self.tuning, **self._shared).bind(program, around)
        return HighsLPSolver(**self._shared).bind(program, around)

    def bind_quadratic(self, program: LinearProgram, Q: Floats) -> PreparedSolver:  # noqa: N803
        """Bind to a program without integers and `x'Qx/2`, see `HighsQPSolver.bind`."""
        return HighsQPSolver(**self._shared).bind(program, Q)

    @property
    def _shared(self) -> dict[str, Any]:
        """Options that all of HiGHS' solvers have."""
        return {name: getattr(self, name) for name in ("sense", "time_limit", "threads", "seed", "options")}
