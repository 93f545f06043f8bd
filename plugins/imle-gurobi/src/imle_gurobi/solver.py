"""Linear and mixed-integer programs, solved by Gurobi."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import gurobipy
from gurobipy import GRB

from imle.errors import InstanceError
from imle.solvers import BaseSolver, PreparedSolver, Sense
from imle_gurobi import pickling as pickling  # layers that hold models can be copied and sent
from imle_gurobi.engine import GurobiEngine
from imle_gurobi.environment import Settings, started
from imle_gurobi.model import from_file, from_model, parameters_of
from imle_gurobi.plugin import GUROBI
from imle_linear.checking import RELATIVE
from imle_linear.engines import Engine, MakesEngine
from imle_linear.instance import ProgramInput, awaiting, is_empty, refuse_beside_model
from imle_linear.listing import ListingEngine, few_points
from imle_linear.options import EngineOptions, engine_options
from imle_linear.prepared import PreparedProgram, Setup
from imle_linear.program import LinearProgram, from_matrices

_SCALED = "objectives are scaled before Gurobi sees them; gap= is relative"
_NOT_A_ROW_EACH = "rows of a batch would all write to the same file"
_KEPT = {
    "Threads": "give threads=...",
    "Seed": "give seed=...",
    "TimeLimit": "give time_limit=...",
    "MIPGap": "give gap=...",
    **dict.fromkeys(("MIPGapAbs", "Cutoff", "BestObjStop", "BestBdStop", "ObjScale"), _SCALED),
    **dict.fromkeys(("ResultFile", "SolFiles"), _NOT_A_ROW_EACH),
}
"""Parameters that imle sets, and what to do instead."""
_TIGHT = {"FeasibilityTol": 1e-9, "IntFeasTol": 1e-9, "OptimalityTol": 1e-9}
"""The least tolerances that Gurobi takes,"""
_EXACT = {**_TIGHT, "Presolve": 0, "NumericFocus": 3}
"""and no presolve, which takes small differences for nothing: as `imle_linear.engines.DELICATE` has it for HiGHS."""
_FINER = 2.0**10
"""Tolerances are absolute: of rows that are so many times larger, Gurobi sees more."""


@dataclass(frozen=True)
class GurobiILPSolver(BaseSolver, spec=GUROBI):
    """argmin (or argmax) of <objective, x> over linear constraints, bounds and integrality, by Gurobi.

    Args:
        sense: "min" for costs, "max" for scores; where a model says it, the model's own.
        time_limit: seconds per row.
        gap: relative gap at which the search may stop; 0 asks for a proof.
        warm: start from the basis and the solution of the row before. Faster where objectives resemble each other, but
            which of several optimal solutions is returned then depends on the rows before.
        threads: per solve.
        seed: of Gurobi's random choices.
        options: Gurobi's own parameters by its names, such as `{"MIPFocus": 1}`.
    """

    sense: Sense = "min"
    time_limit: float | None = None
    gap: float = 0.0
    warm: bool = False
    threads: int = 1
    seed: int = 0
    options: EngineOptions | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        known = [name for name in dir(GRB.Param) if not name.startswith("_")]
        object.__setattr__(self, "options", engine_options(GUROBI.id, self.options, known, _KEPT))

    def prepare(
        self,
        model: Any = None,
        variables: Any = None,
        A_ub: Any = None,  # noqa: N803 - scipy's names are the field's
        b_ub: Any = None,
        A_eq: Any = None,  # noqa: N803
        b_eq: Any = None,
        bounds: Any = (0, None),
        integrality: Any = None,
        costs: Any = None,
    ) -> PreparedSolver:
        """Bind to a model, or to `A_ub @ x <= b_ub`, `A_eq @ x == b_eq`, bounds and integrality.

        Args:
            model: a gurobipy.Model, or the path of a file that Gurobi reads (MPS, LP), instead of all that follows but
                costs. It is read once and never changed; parameters that were set on it hold here, too.
            variables: the k learned variables: the model's own (an MVar, a list or a dictionary of Vars), their names
                or numbers; by default all.
            A_ub: `[rows, n]`, dense or scipy.sparse.
            b_ub: `[rows]`; may be left out here and given per row when solving.
            A_eq: `[rows, n]`.
            b_eq: `[rows]`, likewise.
            bounds: one pair (lower, upper) for all variables or one per variable; None is infinite.
            integrality: 1 for integer, 0 for continuous, for all variables or one per variable; by default 1.
            costs: `[n]` coefficients of the variables that are not learned; by default 0, or the model's.

        Raises:
            InstanceError: the parts do not fit together, the model is not linear, or it is too large for the licence.
            OptionError: Gurobi refuses a parameter.
            SolverUnavailableError: Gurobi has no licence.
        """
        instance = ProgramInput(A_ub, b_ub, A_eq, b_eq, bounds, model, variables, costs)
        if is_empty(instance):
            return awaiting(GUROBI.id)
        if model is None:
            program = from_matrices(
                GUROBI.id,
                A_ub=A_ub,
                b_ub=b_ub,
                A_eq=A_eq,
                b_eq=b_eq,
                bounds=bounds,
                integrality=1 if integrality is None else integrality,
                variables=variables,
                costs=costs,
            )
            return self._bind(program, {})
        refuse_beside_model(GUROBI.id, instance, integrality)
        if isinstance(model, (str, os.PathLike)):
            environment = started(GUROBI.id, dict(self.options or ()))
            model = from_file(GUROBI.id, model, environment)
        if not isinstance(model, gurobipy.Model):
            raise InstanceError(
                f"{GUROBI.id}: model: expected a gurobipy.Model or the path of a file, found {type(model).__name__}"
            )
        own = parameters_of(GUROBI.id, model, _KEPT)
        return self._bind(from_model(GUROBI.id, model, sense=self.sense, variables=variables, costs=costs), own)

    def _bind(self, program: LinearProgram, own: Settings) -> PreparedProgram:
        """Bind to a program.

        Args:
            program: as it was read.
            own: Gurobi's parameters of the model that it was read from.
        """
        settings = {
            "Threads": self.threads,
            "Seed": self.seed,
            "MIPGap": self.gap,
            "MIPGapAbs": 0.0,
            **own,
            **dict(self.options or ()),
        }
        tight, witness = (partial(_engine, settings={**settings, **kind}, finer=_FINER) for kind in (_EXACT, _TIGHT))
        listing = partial(_listing, otherwise=witness)
        first = partial(_engine, settings={**settings, **(_EXACT if program.delicate else {})}, warm=self.warm)
        return PreparedProgram(
            program,
            Setup(
                GUROBI.id,
                self.sense,
                self.time_limit,
                first,
                (tight, listing),
                relaxation=tight,
                witness=witness if program.delicate else None,
                bounds=True,
            ),
        )


def _engine(program: LinearProgram, settings: Settings, *, warm: bool = False, finer: float = 1.0) -> GurobiEngine:
    return GurobiEngine(GUROBI.id, program, settings, warm=warm, finer=finer)


def _listing(program: LinearProgram, otherwise: MakesEngine) -> Engine:
    """Whole numbers are such up to 1e-9 for Gurobi, whatever it is told: where points are few, the list is exact."""
    return ListingEngine(program, RELATIVE) if few_points(program) else otherwise(program)
