"""GurobiEngine: one Gurobi model, built once; then only costs change, and ends of rows and bounds where they differ."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import gurobipy
import numpy as np
import scipy.sparse
from gurobipy import GRB
from numpy.typing import NDArray

from imle.solvers import SolveStatus, progress
from imle.solvers.interruptible import interruptible
from imle_gurobi.environment import Settings, licensed, started
from imle_linear.arrays import Floats
from imle_linear.engines import Clock, Outcome, deadline, faint
from imle_linear.judging import reached
from imle_linear.program import LinearProgram, Rows

_LIMIT = 2000
"""Models with more variables or constraints need a licence."""
_LITTLE = 0.1
"""Gurobi's units of work, about a tenth of a second."""
_TOLERANCE, _LEAST = "OptimalityTol", 1e-9

_STOPPED = {
    GRB.TIME_LIMIT: "time limit",
    GRB.NODE_LIMIT: "node limit",
    GRB.ITERATION_LIMIT: "iteration limit",
    GRB.SOLUTION_LIMIT: "solution limit",
    GRB.WORK_LIMIT: "work limit",
    GRB.MEM_LIMIT: "memory limit",
    GRB.INTERRUPTED: "interrupt",
}
_INFEASIBLE = "no point satisfies all constraints and bounds"
_UNBOUNDED = "the feasible set is unbounded in the direction of the objective"
_NAMES = {value: name for name, value in vars(GRB.Status).items() if not name.startswith("_")}


class GurobiEngine:
    """Solves rows with Gurobi. For one thread at a time.

    Args:
        who: the solver, for messages.
        program: the feasible set; without integer variables it is solved by the simplex method.
        settings: Gurobi's parameters.
        warm: keep what was found for the row before: a basis, or a point to start from.
        finer: by what rows are multiplied, so that Gurobi's tolerances are so many times smaller than they can be set.

    Raises:
        InstanceError: the program is too large for the licence.
        OptionError: Gurobi refuses a parameter.
        SolverUnavailableError: there is no licence.
    """

    def __init__(
        self, who: str, program: LinearProgram, settings: Settings, *, warm: bool = False, finer: float = 1.0
    ) -> None:
        self.events: Counter[str] = Counter()
        self._who, self._warm = who, warm
        self._gap = float(settings.get("MIPGap", 0.0))
        self._limits: tuple[float, float] | None = None
        self._work = float(settings.get("WorkLimit", math.inf))
        self._tolerance: float | None = None if any(name.lower() == _TOLERANCE.lower() for name in settings) else 1e-6
        self._branches = bool(program.integer.any())
        self._program, self._rows = program, program.rows
        self._model = gurobipy.Model(env=started(who, settings))
        self._x: Any = self._model.addMVar(  # attributes are arrays, which its stubs do not know
            len(program.costs),
            lb=program.lower,
            ub=program.upper,
            vtype=np.where(program.integer, GRB.INTEGER, GRB.CONTINUOUS),
        )
        self._kinds = _Kinds(program, finer)
        self._constraints: Any = self._kinds.add(self._model, self._x, program)
        self._model.update()
        if max(len(program.costs), self._kinds.count) > _LIMIT:
            self._check_licence()

    def solve(self, costs: Floats, rows: Rows, seconds: float | None) -> Outcome:
        """Minimise `costs` `[n]` within the time limit, if there is one."""
        clock = deadline(seconds)
        if not self._warm:
            self._model.reset()
        self._set_rows(rows)
        self._x.Obj = costs
        self._suit(costs)
        status = self._run(clock)
        if status in (GRB.UNBOUNDED, GRB.INF_OR_UNBD):
            return self._feasible_or_not(costs, clock)
        return self._ended(status, costs)

    def _ended(self, status: int, costs: Floats) -> Outcome:
        """The outcome of a run."""
        if status == GRB.INFEASIBLE:
            return Outcome(SolveStatus.INFEASIBLE, message=_INFEASIBLE)
        point = self._point()
        bound = self._bound() if self._branches else math.nan
        if status == GRB.OPTIMAL and point is not None:
            if not self._branches:
                return Outcome(SolveStatus.OPTIMAL, point, duals=self._kinds.gathered(self._constraints.Pi))
            return reached(Outcome(SolveStatus.OPTIMAL, point, bound=bound), costs, self._gap)
        if status in _STOPPED:
            if point is not None:
                message = f"stopped at the {_STOPPED[status]} with a feasible point"
                return Outcome(SolveStatus.FEASIBLE, point, message, bound)
            message = f"stopped at the {_STOPPED[status]} without a feasible point"
            return Outcome(SolveStatus.TIMEOUT, message=message, bound=bound)
        message = f"Gurobi ended with status {_NAMES.get(status, status)}"
        return Outcome(SolveStatus.ERROR, message=message if point is not None else f"{message}, and without a point")

    def _feasible_or_not(self, costs: Floats, clock: Clock) -> Outcome:
        """Gurobi says "unbounded" of relaxations: without an objective, feasible or not is all there is to find out."""
        self.events["solved_again_for_any_point"] += 1
        self._model.reset()
        self._x.Obj = np.zeros_like(costs)
        status = self._run(clock)
        if self._model.SolCount:
            return Outcome(SolveStatus.UNBOUNDED, message=_UNBOUNDED)
        return self._ended(status, costs)._replace(bound=math.nan)

    def _run(self, clock: Clock) -> int:
        """Run Gurobi, and tell how it ended.

        To be stopped by Ctrl-C it has to run in another thread than the main one, and to hand a row over takes a share
        of what small programs take. So it begins where it is asked, for a little work that no one waits for.
        """
        model = self._model
        listens = self._branches and progress.is_requested()
        here = threading.current_thread() is threading.main_thread() and not listens and self._work > _LITTLE
        if here:
            self._limit(clock, _LITTLE)
            model.optimize()
            if model.Status != GRB.WORK_LIMIT:
                return int(model.Status)
        self._limit(clock, self._work)
        interruptible(_telling(model) if listens else model.optimize, model.terminate)
        return int(model.Status)

    def _limit(self, clock: Clock, work: float) -> None:
        """Set what is left of the time, and a limit of work, where they are not set already: that takes its time."""
        left = clock()
        limits = (math.inf if left is None else left), work
        if limits != self._limits:
            self._model.Params.TimeLimit, self._model.Params.WorkLimit = limits
            self._limits = limits

    def _suit(self, costs: Floats) -> None:
        """Set the tolerance that costs need, unless the user has set one."""
        needed = _LEAST if faint(costs) else 1e-6
        if self._tolerance is not None and self._tolerance != needed:
            self._model.Params.OptimalityTol = self._tolerance = needed

    def _set_rows(self, rows: Rows) -> None:
        """Change right sides and bounds, where they differ from those before."""
        before, self._rows = self._rows, rows
        if rows.least is not before.least or rows.most is not before.most:
            self._x.LB, self._x.UB = rows.least, rows.most
        if rows.lower is not before.lower or rows.upper is not before.upper:
            self._kinds.set(self._constraints, rows)

    def _bound(self) -> float:
        found = float(self._model.ObjBound)
        return found if math.isfinite(found) and abs(found) < GRB.INFINITY else math.nan

    def _point(self) -> Floats | None:
        """The best point of the last run `[n]`; of numbers out of range, Gurobi makes points that are not finite."""
        if not self._model.SolCount:
            return None
        point: Floats = self._x.X
        return point if np.isfinite(point).all() else None

    def _check_licence(self) -> None:
        """Gurobi looks at the size of a model when it is to be solved: here before the first row comes."""
        self._model.Params.TimeLimit = 0.0
        with licensed(self._who, len(self._program.costs), self._kinds.count):
            self._model.optimize()


class _Kinds:
    """Rows of a program as Gurobi's: with one end each, so that a row with two has two of them.

    Args:
        program: whose rows they are; which have two ends, or one, does not change.
        finer: see `GurobiEngine`.
    """

    def __init__(self, program: LinearProgram, finer: float) -> None:
        lower, upper = program.row_lower, program.row_upper
        equal = (lower == upper) | (np.isnan(lower) & np.isnan(upper))
        self._below = np.flatnonzero(~equal & ~np.isneginf(lower))
        self._above = np.flatnonzero(~equal & ~np.isposinf(upper))
        self._equal = np.flatnonzero(equal)
        self._order = np.concatenate([self._equal, self._above, self._below])
        self._factors = program.matrix.row_factors * finer

    @property
    def count(self) -> int:
        """How many rows Gurobi has."""
        return len(self._order)

    def add(self, model: gurobipy.Model, x: gurobipy.MVar, program: LinearProgram) -> gurobipy.MConstr:
        """Give the rows to a model, brought to one size as `Columns.row_factors` has it."""
        matrix = program.matrix
        scaled = scipy.sparse.csc_array(
            (matrix.value * self._factors[matrix.index], matrix.index, matrix.start), matrix.shape
        )
        kinds = [(self._equal, GRB.EQUAL), (self._above, GRB.LESS_EQUAL), (self._below, GRB.GREATER_EQUAL)]
        senses = np.concatenate([np.full(len(rows), sense) for rows, sense in kinds])
        ends = np.nan_to_num(self._ends(program.rows))  # zeros for right sides that come with each row of a batch
        return model.addMConstr(scaled.tocsr()[self._order], x, senses, ends)

    def set(self, constraints: Any, rows: Rows) -> None:
        """Change right sides."""
        constraints.RHS = self._ends(rows)

    def gathered(self, duals: NDArray[np.float64]) -> Floats:
        """`[rows]` of Gurobi's values per row."""
        found: Floats = np.bincount(self._order, weights=duals, minlength=len(self._factors)) * self._factors
        return found

    def _ends(self, rows: Rows) -> Floats:
        lower, upper, factors = rows.lower, rows.upper, self._factors
        ends = [lower[self._equal], upper[self._above], lower[self._below]]
        found: Floats = np.concatenate(ends) * factors[self._order]
        return found


def _telling(model: gurobipy.Model) -> Callable[[], None]:
    """What runs a model and passes its gaps on."""

    def told(model: gurobipy.Model, where: int) -> None:
        if where == GRB.Callback.MIP:
            best, bound = (model.cbGet(what) for what in (GRB.Callback.MIP_OBJBST, GRB.Callback.MIP_OBJBND))
            if abs(best) < GRB.INFINITY and abs(bound) < GRB.INFINITY:
                progress.report(gap=abs(best - bound) / max(abs(best), 1e-10))

    return lambda: model.optimize(told)
