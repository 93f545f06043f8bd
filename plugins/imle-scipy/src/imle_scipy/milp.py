"""Mixed-integer linear programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from imle.errors import OptionError
from imle.solvers import BaseSolver, PreparedSolver, Sense
from imle_linear.apart import ApartEngine
from imle_linear.engines import TIGHT, Engine
from imle_linear.instance import ProgramInput, awaiting, is_empty
from imle_linear.options import EngineOptions, engine_options
from imle_linear.prepared import PreparedProgram, Setup
from imle_linear.program import LinearProgram, from_matrices
from imle_scipy.engine import ScipyEngine
from imle_scipy.linprog import LinprogEngine
from imle_scipy.plugin import MILP

_DOUBTED = (
    "SciPy's HiGHS misses better points, with presolve and without, where integer variables have no bounds and rows "
    "have large coefficients: bounds on all variables, or the solver highs-ilp, make it a proof"
)


@dataclass(frozen=True)
class ScipyMILPSolver(BaseSolver, spec=MILP):
    """argmin (or argmax) of <objective, x> over linear constraints, bounds and integrality, by scipy.optimize.milp.

    Args:
        sense: "min" for costs, "max" for scores.
        time_limit: seconds per row.
        gap: relative gap at which the search may stop; 0 asks for a proof (scipy's own default is 1e-4).
        node_limit: nodes of branch and bound per row.
        presolve: whether HiGHS simplifies each row first.
        own_process: solve in another process, where a crash is an error of its row: SciPy's HiGHS ends with a
            segmentation fault even on some programs of two variables. False saves about 1 ms per row.
        options: tolerances of HiGHS by its names, such as `{"primal_feasibility_tolerance": 1e-9}`.

    Integer variables come back as whole numbers. Several optimal solutions: one of them, the same one every time.

    Raises:
        OptionError: a value out of range.
    """

    sense: Sense = "min"
    time_limit: float | None = None
    gap: float = 0.0
    node_limit: int | None = None
    presolve: bool = True
    own_process: bool = True
    options: EngineOptions | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        given = engine_options(MILP.id, self.options, TIGHT, {})
        for name, value in given or ():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= TIGHT[name]:
                raise OptionError(
                    f"{MILP.id}: options: expected a number >= {TIGHT[name]:g} for {name!r}, found {value!r}"
                )
        object.__setattr__(self, "options", given)

    def prepare(
        self,
        A_ub: Any = None,  # noqa: N803 - scipy's names are the field's
        b_ub: Any = None,
        A_eq: Any = None,  # noqa: N803
        b_eq: Any = None,
        bounds: Any = (0, None),
        integrality: Any = None,
    ) -> PreparedSolver:
        """Bind to `A_ub @ x <= b_ub`, `A_eq @ x == b_eq`, bounds and integrality.

        Args:
            A_ub: `[rows, n]`, dense or scipy.sparse.
            b_ub: `[rows]`; may be left out here and given per row when solving.
            A_eq: `[rows, n]`.
            b_eq: `[rows]`, likewise.
            bounds: one pair (lower, upper) for all variables, one per variable, or scipy's Bounds; None is infinite.
            integrality: 1 for integer, 0 for continuous, for all variables or one per variable; by default 1.

        Raises:
            InstanceError: the parts do not fit together.
        """
        instance = ProgramInput(A_ub, b_ub, A_eq, b_eq, bounds, None, None, None)
        if is_empty(instance):
            return awaiting(MILP.id)
        whole = 1 if integrality is None else integrality
        program = from_matrices(MILP.id, A_ub=A_ub, b_ub=b_ub, A_eq=A_eq, b_eq=b_eq, bounds=bounds, integrality=whole)
        further = (self._other_way, self._tight)
        # where variables have no bounds, SciPy's HiGHS calls points optimal that are not
        open_ended = program.integer.any() and not np.isfinite([program.lower, program.upper]).all()
        return PreparedProgram(
            program,
            Setup(
                MILP.id,
                self.sense,
                self.time_limit,
                self._engine,
                further,
                relaxation=self._relaxation,
                witness=self._challenger if open_ended else self._other_way if program.delicate else None,
                doubted=_DOUBTED if program.delicate and open_ended else "",
            ),
        )

    def _engine(self, program: LinearProgram) -> Engine:
        return self._made(program, self._options(self.presolve and not program.delicate))

    def _other_way(self, program: LinearProgram) -> Engine:
        """HiGHS has faults: points that violate a constraint (scipy#24141), and no answer on tiny infeasible programs
        that presolve alone would refute. The other way to begin mostly avoids both.
        """
        return self._made(program, self._options(program.delicate or not self.presolve))

    def _challenger(self, program: LinearProgram) -> Engine:
        return self._made(program, self._options(program.delicate or not self.presolve), challenges=True)

    def _tight(self, program: LinearProgram) -> Engine:
        return self._made(program, {**self._options(presolve=False), **TIGHT})

    def _relaxation(self, program: LinearProgram) -> Engine:
        return self._placed(program, LinprogEngine)

    def _made(self, program: LinearProgram, options: Mapping[str, Any], *, challenges: bool = False) -> Engine:
        return self._placed(program, ScipyEngine, options=dict(options), challenges=challenges)

    def _placed(self, program: LinearProgram, engine: type[ScipyEngine], **arguments: Any) -> Engine:
        """An engine where it is to run."""
        if not self.own_process:
            return engine(program, leave=True, **arguments)
        return ApartEngine(program, "SciPy's HiGHS", partial(engine, **arguments))

    def _options(self, presolve: bool) -> dict[str, Any]:
        """HiGHS' names for ours."""
        limit = {} if self.node_limit is None else {"node_limit": self.node_limit}
        return {"mip_rel_gap": self.gap, "presolve": presolve, **limit, **dict(self.options or ())}
