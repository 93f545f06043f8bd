"""MaxSAT, prepared: what RC2 is asked for a row, and what its answer comes to."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError, ObjectiveError
from imle.solvers import SolveResult, SolveStatus
from imle_pysat.formula import Bools, Formula, Truths
from imle_pysat.oracle import any_model, best_model
from imle_pysat.plugin import MAXSAT
from imle_pysat.rewards import Selectors
from imle_pysat.whole import float_above, rounding, to_whole

if TYPE_CHECKING:
    from imle_pysat.maxsat import MaxSATSolver

Floats = NDArray[np.float64]

_WHO = MAXSAT.id


class _Row(NamedTuple):
    """What came of one row; value and bound in the solver's sense."""

    status: SolveStatus
    message: str
    solution: Floats | None = None
    value: float = math.nan
    bound: float = math.nan


class PreparedMaxSAT:
    """Clauses with selectors; RC2 starts anew for every row.

    Args:
        solver: the options.
        formula: the clauses.

    Raises:
        InstanceError: hard clauses that contradict each other.
    """

    def __init__(self, solver: MaxSATSolver, formula: Formula) -> None:
        self.solver = solver
        self.formula = formula
        self._own, self._numbers = formula.compact()
        self._model, certain = any_model(self._own.hard, solver.time_limit)
        if certain and self._model is None:
            raise InstanceError(f"{_WHO}: expected hard clauses that can be satisfied together, found a contradiction")
        self._selectors = Selectors(self._own)
        self._hard, self._soft = Truths(self._own.hard), Truths(self._own.soft)

    @property
    def objective_shape(self) -> tuple[int]:
        """`(S,)` or `(V,)`."""
        return (len(self.formula.soft) if self.solver.weights == "clauses" else self.formula.variables,)

    @property
    def labels(self) -> Sequence[Hashable]:
        """`[S]` the soft clauses, or `[V]` the variables, by their numbers from 1 on."""
        by_clause = self.solver.weights == "clauses"
        return list(map(tuple, self.formula.soft)) if by_clause else range(1, self.formula.variables + 1)

    @property
    def homogeneous(self) -> bool:
        """False where soft clauses have weights that are not learned, and where weights are rounded."""
        return self.solver.scale == "exact" and self.fixed_terms is None

    @property
    def fixed_terms(self) -> Callable[[Floats], Floats] | None:
        """What soft clauses add whose weights are not learned: `[N, V]` assignments to `[N]`; None if nothing."""
        return self._fixed_terms if self.solver.weights == "variables" and any(self.formula.weights or ()) else None

    def solve(self, objective: Floats, *, hint: Floats | None = None) -> SolveResult:
        """Solve N rows.

        Args:
            objective: `[N, S]` weights of soft clauses, or `[N, V]` of variables 1 to V.
            hint: not used; RC2 takes none.

        Returns:
            0/1 `[N, S]`: the satisfied clauses, or `[N, V]`: the true variables. Values include the soft clauses whose
            weights are not learned; bounds are those of the weights as given, whatever was rounded.

        Raises:
            ObjectiveError: another shape.
        """
        del hint
        objective = self._checked(objective)
        solutions = np.zeros(objective.shape)
        values, bound = np.full(len(objective), np.nan), np.full(len(objective), np.nan)
        status = np.zeros(len(objective), np.int8)
        messages: dict[int, str] = {}
        for row, weights in enumerate(objective):
            if np.isfinite(weights).all():
                found = self._solve(weights)
            else:
                place = int(np.argmin(np.isfinite(weights)))
                found = _Row(SolveStatus.ERROR, f"the objective is {weights[place]} at position {place}")
            status[row], values[row], bound[row] = found.status, found.value, found.bound
            if found.message:
                messages[row] = found.message
            if found.solution is not None:
                solutions[row] = found.solution
        return SolveResult(solutions, status if status.any() else None, values, messages, bound=bound)

    def gap(self, objective: Floats) -> Floats:
        """How far from optimal solutions can be because weights were rounded.

        Args:
            objective: as for `solve`, finite.

        Returns:
            `[N]` bounds: `sum_i |w_i - round(scale * w_i) / scale|`, at most `0.5 / scale` per weight; zero under
            `scale="exact"`.
        """
        return np.array([float(rounding(self._weights(row), self.solver.scale)) for row in self._checked(objective)])

    def close(self) -> None:
        """Nothing to free: a solver lives as long as a row takes."""

    def _checked(self, objective: Floats) -> Floats:
        found = np.asarray(objective, np.float64)
        if found.shape[1:] != self.objective_shape or found.ndim != 2:
            per = "soft clause" if self.solver.weights == "clauses" else "variable"
            raise ObjectiveError(
                f"{_WHO}: expected weights of shape [N, {self.objective_shape[0]}], one per {per}, "
                f"found {list(found.shape)}"
            )
        return found

    def _weights(self, objective: Floats) -> list[Fraction]:
        """All weights of a row, to be gained: those of soft clauses, and behind them those of variables, if learned.

        Variables that are in no clause are left out: the sign of their weight decides them.
        """
        sign = 1 if self.solver.sense == "max" else -1
        if self.solver.weights == "clauses":
            return [sign * Fraction(weight) for weight in objective.tolist()]
        learned = [sign * Fraction(weight) for weight in objective[self._numbers - 1].tolist()]
        return [sign * weight for weight in self.formula.weights or ()] + learned

    def _solve(self, objective: Floats) -> _Row:
        """One row. What RC2 returns is checked: hard clauses, and the cost it claims."""
        weights = self._weights(objective)
        whole, unit = to_whole(weights, self.solver.scale)
        softs = len(self._own.soft)
        rewards, needed = self._selectors.rewards(whole[:softs], whole[softs:])
        best = best_model(
            [*self._own.hard, *needed],
            rewards,
            self._selectors.top,
            stratified=self.solver.stratified,
            time_limit=self.solver.time_limit,
        )
        model = self._model if best.model is None else best.model
        if model is None:
            return _Row(SolveStatus.TIMEOUT, "stopped at the time limit without a model")
        true = np.zeros(self._own.variables, np.bool_)
        true[[literal - 1 for literal in model if 0 < literal <= len(true)]] = True
        satisfied = self._soft.of(true[None])[0]
        missed = self._selectors.missed(rewards, true, satisfied)
        if not self._hard.of(true[None]).all() or missed < best.missed or (best.proven and missed > best.missed):
            return _Row(SolveStatus.ERROR, "RC2 returned a model that breaks a hard clause or has another cost")
        solution, value = self._shown(objective, true, satisfied)
        slack = (missed - best.missed) * unit + rounding(weights, self.solver.scale)
        if not slack:
            return _Row(SolveStatus.OPTIMAL, "", solution, value, value)
        return _Row(
            SolveStatus.FEASIBLE,
            "optimal for the rounded weights" if best.proven else "stopped at the time limit with a model",
            solution,
            value,
            self._bound(objective, solution, satisfied, slack),
        )

    def _shown(self, objective: Floats, true: Bools, satisfied: Bools) -> tuple[Floats, float]:
        """Solution and value of an assignment of the variables that are in clauses."""
        if self.solver.weights == "clauses":
            solution = satisfied.astype(np.float64)
            return solution, float(solution @ objective)
        solution = ((objective > 0) if self.solver.sense == "max" else (objective < 0)).astype(np.float64)
        solution[self._numbers - 1] = true
        fixed = sum(weight for weight, held in zip(self.formula.weights or (), satisfied, strict=False) if held)
        return solution, float(solution @ objective) + float(fixed)

    def _bound(self, objective: Floats, solution: Floats, satisfied: Bools, slack: Fraction) -> float:
        """The value plus what others may gain more, rounded outwards; in the solver's sense."""
        sign = 1 if self.solver.sense == "max" else -1
        value = sum((Fraction(weight) for weight in objective[solution == 1].tolist()), Fraction(0))
        if self.solver.weights == "variables":
            own = zip(self.formula.weights or (), satisfied, strict=False)
            value += sum((weight for weight, held in own if held), Fraction(0))
        return sign * float_above(sign * value + slack)

    def _fixed_terms(self, solutions: Floats) -> Floats:
        states = np.asarray(solutions, np.float64)
        true = states[:, self._numbers - 1] == 1
        feasible = ((states == 0) | (states == 1)).all(axis=1) & self._hard.of(true).all(axis=1)
        weights = np.array([float(weight) for weight in self.formula.weights or ()])
        return np.where(feasible, self._soft.of(true) @ weights, np.nan)
