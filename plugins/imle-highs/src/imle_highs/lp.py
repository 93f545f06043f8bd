"""Linear programs by the simplex method: solutions are vertices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from imle.errors import InstanceError
from imle.solvers import BaseSolver, PreparedSolver, Sense
from imle_highs.engines import DUAL, PRIMAL, LinearEngine
from imle_highs.files import read
from imle_highs.native import Settings
from imle_highs.options import passed
from imle_highs.plugin import LP
from imle_linear.engines import TIGHT, AroundEngine, Engine
from imle_linear.instance import ProgramInput, awaiting, is_empty
from imle_linear.options import EngineOptions
from imle_linear.prepared import PreparedProgram, Setup
from imle_linear.program import LinearProgram

_STRATEGIES = {"dual": DUAL, "primal": PRIMAL}
_DENSE = 0.75
"""Share of nonzero coefficients from which a packing program is solved by the primal simplex."""


@dataclass(frozen=True)
class HighsLPSolver(BaseSolver, spec=LP):
    """argmin (or argmax) of <objective, x> over linear constraints and bounds, at a vertex.

    Args:
        sense: "min" for costs, "max" for scores.
        time_limit: seconds per row.
        method: "dual", "primal", or "auto": dual, but primal for warm starts where all coefficients are 0, 1 or -1,
            and without them for dense packing programs.
        warm: start from the basis of the row before. Faster where objectives resemble each other, but which of
            several optimal vertices is returned then depends on the rows before.
        threads: per solve.
        seed: of HiGHS' random choices.
        options: HiGHS' own options by its names, such as `{"primal_feasibility_tolerance": 1e-9}`.
    """

    sense: Sense = "min"
    time_limit: float | None = None
    method: Literal["auto", "primal", "dual"] = "auto"
    warm: bool = False
    threads: int = 1
    seed: int = 0
    options: EngineOptions | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "options", passed(LP.id, self.options))

    def prepare(
        self,
        A_ub: Any = None,  # noqa: N803 - scipy's names are the field's
        b_ub: Any = None,
        A_eq: Any = None,  # noqa: N803
        b_eq: Any = None,
        bounds: Any = (0, None),
        model: Any = None,
        variables: Any = None,
        costs: Any = None,
    ) -> PreparedSolver:
        """Bind to `A_ub @ x <= b_ub`, `A_eq @ x == b_eq` and bounds, or to an MPS or LP file.

        Args:
            A_ub: `[rows, n]`, dense or scipy.sparse.
            b_ub: `[rows]`; may be left out here and given per row when solving.
            A_eq: `[rows, n]`.
            b_eq: `[rows]`, likewise.
            bounds: one pair (lower, upper) for all variables or one per variable; None is infinite.
            model: path of a file, instead of all of the above.
            variables: the k learned variables, by index or (in files) name; by default all.
            costs: `[n]` coefficients of the variables that are not learned; by default 0, or the file's.

        Raises:
            InstanceError: the parts do not fit together; integer variables in the file.
        """
        instance = ProgramInput(A_ub, b_ub, A_eq, b_eq, bounds, model, variables, costs)
        if is_empty(instance):
            return awaiting(LP.id)
        return self.bind(read(LP.id, self.sense, instance, integrality=None, default_integrality=0))

    def bind(self, program: LinearProgram, around: AroundEngine | None = None) -> PreparedProgram:
        """Bind to a program that is already in HiGHS' form.

        Args:
            program: the feasible set.
            around: builds the engine that is asked first, such as `imle_kernels.structures.StructureEngine`; HiGHS
                solves what it leaves.

        Raises:
            InstanceError: it has integer variables.
        """
        integer = np.flatnonzero(program.integer)
        if len(integer):
            first = program.names[integer[0]] if program.names else int(integer[0])
            raise InstanceError(
                f"{LP.id}: expected continuous variables, found {len(integer)} integer ones, the first being {first!r}",
                hint="use highs-ilp",
            )
        return PreparedProgram(
            program,
            Setup(
                LP.id,
                self.sense,
                self.time_limit,
                self._engine if around is None else partial(around, rest=self._engine),
                (self._tight,),
                relaxation=self._tight,
                bounds=True,
            ),
        )

    def _tight(self, program: LinearProgram) -> Engine:
        return LinearEngine(program, {"threads": self.threads, "random_seed": self.seed, "presolve": "on", **TIGHT})

    def _engine(self, program: LinearProgram) -> Engine:
        settings: Settings = {"threads": self.threads, "random_seed": self.seed}
        strategy = _STRATEGIES.get(self.method, DUAL)
        if self.method == "auto" and self.warm:
            network = bool((np.abs(program.matrix.value) == 1.0).all())
            strategy = PRIMAL if network else DUAL
        elif self.method == "auto" and _packs(program):
            strategy = PRIMAL
            # where little is degenerate, HiGHS spends more on perturbed bounds than they save
            settings = {**settings, "primal_simplex_bound_perturbation_multiplier": 0.0}
        return LinearEngine(program, {**settings, **dict(self.options or ())}, strategy=strategy, warm=self.warm)


def _packs(program: LinearProgram) -> bool:
    """Whether these are dense rows sum_j a_ij x_j <= b_i, a > 0, over a box whose lowest corner fits.

    From there every step of the primal simplex is feasible. With at least half as many rows as variables it is about
    a tenth faster than the dual simplex; with fewer rows, sparser ones or both signs the dual one wins, up to 7 times.
    """
    matrix = program.matrix
    rows, n = matrix.shape
    return bool(
        2 * rows >= n
        and len(matrix.value) >= _DENSE * rows * n
        and (matrix.value > 0).all()
        and np.isneginf(program.row_lower).all()
        and np.isfinite([program.lower, program.upper]).all()
        and (np.abs(program.lower) < np.abs(program.upper)).all()  # HiGHS starts at the ends nearer to 0
        and (matrix.times(program.lower) <= program.row_upper).all()  # false where right sides are still to come
    )
