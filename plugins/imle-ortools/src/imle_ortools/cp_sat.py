"""Any CP-SAT model as a solver: the constraints stay, the coefficients of chosen variables change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from imle.solvers import BasePrepared, BaseSolver, RowResults, Sense, SolveResult, SolveStatus, progress
from imle.solvers.interruptible import interruptible
from imle_ortools import pickling as pickling  # layers that hold models can be copied and sent
from imle_ortools.learned import Learned, learned
from imle_ortools.plugin import CP_SAT
from imle_ortools.progress import gap_callback, proven_bound
from imle_ortools.scaling import UNRESOLVED, Limits, Scaled, to_integers

Floats = NDArray[np.float64]

LIMITS = Limits(fine=50, most=60)
"""OR-Tools refuses sums near 2**62. At 2**50 they are exact in float64 too, and no slower than smaller ones."""

_STATUS = {
    cp_model.OPTIMAL: SolveStatus.OPTIMAL,
    cp_model.FEASIBLE: SolveStatus.FEASIBLE,
    cp_model.INFEASIBLE: SolveStatus.INFEASIBLE,
    cp_model.UNKNOWN: SolveStatus.TIMEOUT,
}


@dataclass(frozen=True)
class CPSATSolver(BaseSolver, spec=CP_SAT):
    """The best solution of a CP-SAT model, in the values of the variables whose coefficients are learned.

    Args:
        sense: whether objectives are scores to maximise or costs to minimise.
        time_limit: seconds per row; None for no limit. A row that runs out is `feasible`, or `timeout` if it has no
            solution yet. Time is not deterministic, so neither are such rows.
        workers: threads per solve. With one, equal rows give equal solutions, whatever they are solved with.
        seed: of the search; the default is OR-Tools' own.
        linearization_level: 0 to 2. With few workers lower levels may fail to prove what level 2 proves at once.
        scale: OR-Tools wants integer coefficients: they are multiplied by this and rounded. "auto" takes, for each
            row, the largest power of two that is safe; see `PreparedCPSAT.gap` for what rounding can cost.

    Several optimal solutions: one of them, the same one every time (with one worker).

    Raises:
        OptionError: a value out of range.
    """

    sense: Sense = "max"
    time_limit: float | None = None
    workers: int = 1
    seed: int = 1
    linearization_level: int = 2
    scale: float | str = "auto"

    def prepare(self, model: Any, variables: Any) -> PreparedCPSAT:
        """Bind to a model.

        Args:
            model: a `cp_model.CpModel`. A copy is taken: the model is never changed, and a later change of it needs a
                new `prepare`. If it has an objective, of the same sense, this gives the coefficients of all variables
                that are not learned; coefficients of learned ones are replaced.
            variables: the model's variables (Boolean or integer) and literals (negated ones too) whose coefficients
                are learned, in an array or nested lists of any shape; this is the shape of the objective and of the
                solution. A variable may occur more than once. `model.new_constant(0)` fills a place that has none.

        Raises:
            InstanceError: not a model, an invalid one, one with the other sense, or not variables of it.
        """
        return PreparedCPSAT(self, learned(model, variables, self.sense))


@dataclass(frozen=True, eq=False)
class PreparedCPSAT(BasePrepared):
    """A copy of the model, of which each thread that solves takes a copy of its own."""

    solver: CPSATSolver
    learned: Learned
    _idle: list[_Native] = field(default_factory=list)

    @property
    def objective_shape(self) -> tuple[int, ...]:
        """The shape the variables were given in."""
        return self.learned.shape

    def solve(self, objective: Floats) -> SolveResult:
        """Solve N rows.

        Args:
            objective: `[N, *shape]`.

        Returns:
            the values of the variables `[N, *shape]`. Objective values include fixed coefficients and the constant of
            the model's objective.

        Raises:
            ObjectiveError: another shape than the variables.
        """
        rows = RowResults(CP_SAT.id, self.solver.sense, objective, self.objective_shape)
        scaled = self._scaled(rows)
        todo = rows.open.tolist()
        if not todo:
            return rows.result()
        native = self._borrow()
        constants = self._constants(rows.objective[todo])
        try:
            for row, constant in zip(todo, constants.tolist(), strict=True):
                status, values, whole, message = native.solve(scaled.integers[row])
                if status <= SolveStatus.FEASIBLE or status == SolveStatus.TIMEOUT:
                    bound = scaled.least(row, whole, self.learned.lows, self.learned.highs, values)
                    rows.bounds[row] = self._sign * bound + constant
                if values is not None:
                    rows.solutions[row] = self.learned.read(values).reshape(self.objective_shape)
                    rows.fixed[row] = self.learned.fixed @ values + self.learned.offset
                    if status == SolveStatus.OPTIMAL and not scaled.resolves(row, values, bound):
                        status, message = SolveStatus.FEASIBLE, UNRESOLVED
                if status != SolveStatus.OPTIMAL:
                    rows.end(row, status, message)
                progress.report(1)
        finally:
            self._idle.append(native)
        return rows.result()

    @property
    def labels(self) -> list[str] | None:
        """Names of the variables and literals, in C order; None if one has no name."""
        return self.learned.names()

    @property
    def homogeneous(self) -> bool:
        """Whether all terms of the objective are learned, but for constants."""
        return not self.learned.fixed[~self.learned.constant].any()

    @property
    def fixed_terms(self) -> Callable[[Floats], Floats] | None:
        """`fixed_terms(solutions)`: what terms that are not learned add to `[N, *shape]` solutions, at their best.

        They are `[N]`, with the constant of the model's objective; nan where no solution of the model has these values,
        or where the time limit leaves that open. None if there are no such terms.
        """
        return self._fixed_terms if self.learned.fixed.any() or self.learned.offset else None

    def gap(self, objective: Floats) -> Floats:
        """How far from optimal a row reported as optimal can be, because coefficients were rounded.

        Args:
            objective: `[N, *shape]`.

        Returns:
            `[N]` bounds on the loss of objective value: `sum_i rounding_i * (ub_i - lb_i)` over the variables, where
            `rounding_i <= 0.5 / scale` is the distance of the coefficient from the one used. Zero if coefficients are
            integers (or small multiples of a power of two); nan for rows that would fail.
        """
        rows = RowResults(CP_SAT.id, self.solver.sense, objective, self.objective_shape)
        scaled = self._scaled(rows)
        gaps: Floats = np.abs(scaled.rounding) @ (self.learned.highs - self.learned.lows)
        return np.where(rows.status == SolveStatus.OPTIMAL, gaps, np.nan)

    def close(self) -> None:
        """Drop the copies of the model; solving again makes new ones."""
        self._idle.clear()

    def _scaled(self, rows: RowResults) -> Scaled:
        """Coefficients `[N, k]` as integer costs to minimise; rows for which there are none fail."""
        given = rows.objective.reshape(len(rows.objective), len(self.learned.places))
        coefficients = self._sign * self.learned.coefficients(given)
        for row in np.flatnonzero(~np.isfinite(coefficients).all(axis=1)):
            rows.end(int(row), SolveStatus.ERROR, "coefficients of one variable add up to infinity")
            coefficients[row] = 0.0
        # constants decide nothing; without them every size is at least 1
        coefficients[:, self.learned.constant] = 0.0
        scaled = to_integers(coefficients, self.learned.sizes, self.solver.scale, LIMITS)
        for row in np.flatnonzero(~scaled.fits):
            rows.end(
                int(row),
                SolveStatus.ERROR,
                f'scale={self.solver.scale!r} makes the objective overflow; scale="auto" takes one that fits',
            )
        return scaled

    def _fixed_terms(self, solutions: Floats) -> Floats:
        learned = self.learned
        found = np.full(len(solutions), np.nan)
        costs = np.where(learned.constant, 0.0, self._sign * learned.fixed)[None]
        integers = to_integers(costs, learned.sizes, "auto", LIMITS).integers[0]
        native = self._borrow()
        try:
            for row, given in enumerate(solutions.reshape(len(solutions), -1)):
                pins = learned.pins(given)
                if pins is not None:
                    status, values, *_ = native.solve(integers, pins)
                    if status == SolveStatus.OPTIMAL and values is not None:
                        found[row] = float(learned.fixed @ values) + learned.offset
        finally:
            self._idle.append(native)
        return found

    def _constants(self, objective: Floats) -> Floats:
        """What each row's value has besides its coefficients that decide something, `[N]`."""
        given = objective.reshape(len(objective), -1)
        constant = self.learned.constant
        own: Floats = self.learned.coefficients(given)[:, constant] @ self.learned.lows[constant]
        return own + given @ self.learned.shifts + self.learned.offset

    @property
    def _sign(self) -> int:
        return -1 if self.solver.sense == "max" else 1

    def _borrow(self) -> _Native:
        try:
            return self._idle.pop()  # atomic, so threads never share one
        except IndexError:
            return _Native(self.solver, self.learned)


class _Native:
    """A copy of the model that one thread solves again and again; only the objective's coefficients change."""

    def __init__(self, own: CPSATSolver, learned: Learned) -> None:
        self._model = learned.model.clone()
        self._indices = learned.variables.tolist()
        self._objective = self._model.proto.objective
        self._objective.vars.extend(self._indices)
        self._solver = cp_model.CpSolver()
        parameters = self._solver.parameters
        parameters.num_workers = own.workers
        parameters.catch_sigint_signal = False  # OR-Tools does not restore the handler it replaces
        parameters.random_seed = own.seed
        parameters.linearization_level = own.linearization_level
        parameters.relative_gap_limit = 0.0
        parameters.absolute_gap_limit = 0.0
        if own.time_limit is not None:
            parameters.max_time_in_seconds = own.time_limit

    def solve(
        self, coefficients: NDArray[np.int64], pins: dict[int, int] | None = None
    ) -> tuple[SolveStatus, Floats | None, float | None, str]:
        """Minimise.

        Args:
            coefficients: `[k]` of the learned and fixed variables.
            pins: values that variables have to have, by number.

        Returns:
            status, values of the learned and fixed variables if there is a solution, what no solution costs less than
            if that is known, and what went wrong.
        """
        coeffs = self._objective.coeffs
        coeffs.clear()
        coeffs.extend(coefficients.tolist())
        callback = gap_callback()
        with self._pinned(pins or {}):
            status = interruptible(lambda: self._solver.solve(self._model, callback), self._solver.stop_search)
        known = _STATUS.get(status, SolveStatus.ERROR)
        bound = proven_bound(self._solver, status)
        if not known.ok:  # without a solution the response holds arbitrary numbers
            message = (
                f"{status.name}: {self._solver.response_proto.solution_info}" if known == SolveStatus.ERROR else ""
            )
            return known, None, bound, message
        solution = self._solver.response_proto.solution
        values = np.fromiter(map(solution.__getitem__, self._indices), np.float64, len(self._indices))
        return known, values, bound, ""

    @contextmanager
    def _pinned(self, pins: dict[int, int]) -> Iterator[None]:
        domains = {index: list(self._model.proto.variables[index].domain) for index in pins}
        try:
            for index, value in pins.items():
                self._set_domain(index, (value, value))
            yield
        finally:
            for index, domain in domains.items():
                self._set_domain(index, domain)

    def _set_domain(self, index: int, ends: Iterable[int]) -> None:
        domain = self._model.proto.variables[index].domain
        domain.clear()
        domain.extend(ends)
