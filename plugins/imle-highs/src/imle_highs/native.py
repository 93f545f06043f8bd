"""One HiGHS model: built once, then only costs and right sides change. Every return status is read."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle.solvers import SolveStatus, progress
from imle.solvers.interruptible import interruptible
from imle_linear.arrays import LEAST, Floats
from imle_linear.engines import DELICATE, Clock
from imle_linear.program import LinearProgram, Rows

Settings = Mapping[str, bool | int | float | str]
_PART = 256
"""How many costs are changed at once: HiGHS sorts their columns each time, and a few short sorts beat a long one."""


class QuietHighs(highspy.Highs):
    """HiGHS without a word on stdout."""

    def __init__(self) -> None:
        # highspy.Highs.__init__ enables callbacks, which prints a banner before output can be turned off
        super(highspy.Highs, self).__init__()
        self.silent()


class Native:
    """A HiGHS model of a linear program.

    Args:
        program: the feasible set.
        settings: HiGHS options that stay.
        integer: whether integrality is part of the model, or relaxed.

    Raises:
        InstanceError: HiGHS refuses the model.
    """

    def __init__(self, program: LinearProgram, settings: Settings, *, integer: bool) -> None:
        self._highs = QuietHighs()
        self._settings: dict[str, Any] = {}
        self._stays: dict[str, Any] = {}
        if program.delicate:
            self._stays = {name: settings.get(name, value) for name, value in DELICATE.items()}
        self.configure({**settings, "small_matrix_value": LEAST})
        if not pass_model(self._highs, program, integer=integer):
            raise InstanceError("HiGHS refuses the model: its numbers are out of range, or it is too large")
        active = np.union1d(program.learned, np.flatnonzero(program.costs))
        self._branches = integer and bool(program.integer.any())
        self._all_active = len(active) == len(program.costs)
        self._active = active.astype(np.int32)
        self._parts = [slice(start, start + _PART) for start in range(0, len(active), _PART)]
        self._rows = program.rows
        self._factors, self._widened = program.matrix.row_factors, program.widened
        self._rounds = bool(program.round_off.any())  # then ends of constraint rows depend on the bounds

    def configure(self, settings: Settings) -> None:
        """Set HiGHS options, where they are not set already; those of delicate programs stay."""
        for name, value in {**settings, **self._stays}.items():
            if self._settings.get(name) != value:
                if self._highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
                    raise InstanceError(f"HiGHS refuses the option {name}={value!r}")
                self._settings[name] = value

    def set_costs(self, costs: Floats) -> None:
        """Change the objective: `[n]`, to be minimised. Variables that never have a cost keep none."""
        some = costs if self._all_active else costs[self._active]
        for part in self._parts:
            columns = self._active[part]
            self._highs.changeColsCost(len(columns), columns, some[part])

    def set_rows(self, rows: Rows) -> None:
        """Change right sides and bounds, where they differ from those before."""
        before, self._rows = self._rows, rows
        if all(new is old for new, old in zip(rows, before, strict=True)):
            return
        columns = _changed(rows.least, before.least, rows.most, before.most)
        if len(columns):
            self._highs.changeColsBounds(len(columns), columns, rows.least[columns], rows.most[columns])
        changed = _changed(rows.lower, before.lower, rows.upper, before.upper)
        if len(columns) and self._rounds:
            changed = np.arange(len(rows.lower), dtype=np.int32)
        if len(changed):
            low, high = (self._factors * ends for ends in self._widened(rows))
            change = self._highs.changeRowsBounds  # type: ignore[attr-defined]  # missing in highspy's stubs
            change(len(changed), changed, low[changed], high[changed])

    def set_quadratic(self, quadratic: Floats) -> None:
        """Add x'Qx/2 to the objective, with Q `[n, n]` symmetric and positive semidefinite.

        Raises:
            InstanceError: HiGHS refuses it.
        """
        lower = np.tril(quadratic).T  # column by column
        columns, index = np.nonzero(lower)
        start = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=len(lower)))]).astype(np.int32)
        status = self._highs.passHessian(
            *(len(lower), len(index), int(highspy.HessianFormat.kTriangular)),
            *(start, index.astype(np.int32), lower[columns, index]),
        )
        if status == highspy.HighsStatus.kError:
            raise InstanceError("HiGHS refuses Q: its numbers are out of range")

    def set_bounds(self, variable: int, lower: float, upper: float) -> None:
        """Change the bounds of one variable."""
        self._highs.changeColBounds(variable, lower, upper)

    def forget(self) -> None:
        """Drop basis and incumbent: what is found next depends on nothing that was solved before."""
        self._highs.clearSolver()

    def run(self, seconds: float | None) -> highspy.HighsModelStatus:
        """Solve.

        Args:
            seconds: what is left of the time limit, if there is one.

        Returns:
            The model status; kNotset if HiGHS failed.
        """
        # the clock that HiGHS limits starts anew with each branch and bound, and else goes on from run to run
        if seconds is not None:
            begun = 0.0 if self._branches else self._highs.getRunTime()
            self.configure({"time_limit": begun + max(seconds, 0.0)})
        if self._run() == highspy.HighsStatus.kError:
            return highspy.HighsModelStatus.kNotset
        return self._highs.getModelStatus()

    def solve(self, clock: Clock) -> Floats | SolveStatus:
        """The optimal point, `[n]`; or INFEASIBLE; or TIMEOUT, if HiGHS has not found out."""
        status = self.run(clock())
        if status == highspy.HighsModelStatus.kOptimal:
            return self.point()
        return SolveStatus.INFEASIBLE if status == highspy.HighsModelStatus.kInfeasible else SolveStatus.TIMEOUT

    def _run(self) -> highspy.HighsStatus:
        """Run HiGHS. Branch and bound can be stopped, and passes on its gaps where a layer with `progress=` listens."""
        if not self._branches:
            return self._attempt()
        event = highspy.cb.HighsCallbackType.kCallbackMipInterrupt
        stopped = threading.Event()
        self._highs.setCallback(_listener(stopped), None)
        self._highs.startCallback(event)
        try:
            return interruptible(self._attempt, stopped.set)
        finally:
            self._highs.stopCallback(event)

    def _attempt(self) -> highspy.HighsStatus:
        status = self._highs.run()
        if status == highspy.HighsStatus.kError:
            # HiGHS starts its threads once for all models of a thread; another one asked for another number of them
            highspy.Highs.resetGlobalScheduler(True)
            status = self._highs.run()
        return status

    @property
    def has_point(self) -> bool:
        """Whether the last run ended with a feasible point."""
        status = self._highs.getInfo().primal_solution_status
        return bool(status == int(highspy.SolutionStatus.kSolutionStatusFeasible))

    @property
    def bound(self) -> float:
        """The least value that branch and bound has left open in its last run; nan if it has none."""
        found = float(self._highs.getInfo().mip_dual_bound)
        return found if math.isfinite(found) else math.nan

    def point(self) -> Floats:
        """The point of the last run, `[n]`."""
        return _array(self._highs.getSolution().col_value)

    def duals(self) -> Floats:
        """The dual values of the rows, `[rows]`, at the optimum of the last run."""
        return _array(self._highs.getSolution().row_dual) * self._factors


def _array(values: list[float]) -> Floats:
    return np.fromiter(values, np.float64, len(values))  # twice as fast as np.array for a list of floats


def _listener(stopped: threading.Event) -> Callable[..., None]:
    """What HiGHS calls some hundred times a second. It knows no model: the model could never be freed."""

    def told(kind: highspy.cb.HighsCallbackType, message: str, out: Any, given: Any, data: Any) -> None:
        if stopped.is_set():
            given.user_interrupt = True
        elif math.isfinite(out.mip_gap):
            progress.report(gap=out.mip_gap)

    return told


def pass_model(highs: highspy.Highs, program: LinearProgram, *, integer: bool) -> bool:
    """Give HiGHS a program, its rows brought to one size as `Columns.row_factors` has it; whether it takes it."""
    matrix, factors = program.matrix, program.matrix.row_factors
    rows, columns = matrix.shape
    lower, upper = (
        np.where(np.isnan(ends), 0.0, factors * ends)  # zeros for right sides that come with each row of a batch
        for ends in program.widened(program.rows)
    )
    kinds = program.integer if integer else np.zeros(columns)
    status = highs.passModel(
        *(columns, rows, len(matrix.value)),
        *(int(highspy.MatrixFormat.kColwise), int(highspy.ObjSense.kMinimize), 0.0),
        *(program.costs, program.lower, program.upper, lower, upper),
        *(matrix.start, matrix.index, matrix.value * factors[matrix.index]),
        kinds.astype(np.int32),
    )
    return bool(status == highspy.HighsStatus.kOk)


def _changed(lower: Floats, old_lower: Floats, upper: Floats, old_upper: Floats) -> NDArray[np.int32]:
    """Where ends differ; nan, of ends that were not known, differs from all."""
    if lower is old_lower and upper is old_upper:
        return np.zeros(0, np.int32)
    return np.flatnonzero((lower != old_lower) | (upper != old_upper)).astype(np.int32)
