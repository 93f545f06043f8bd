"""Weighted partial MaxSAT with learned weights: the options, and what RC2 is asked for a row."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle.solvers import (
    AwaitingInstance,
    BasePrepared,
    BaseSolver,
    PreparedSolver,
    RowResults,
    Sense,
    SolveResult,
    SolveStatus,
)
from imle_pysat.clauses import from_lists, from_wcnf
from imle_pysat.formula import Bools, Formula, Truths
from imle_pysat.integer_weights import float_above, integer_weights, rounding
from imle_pysat.oracle import any_model, best_model
from imle_pysat.plugin import MAXSAT
from imle_pysat.rewards import Selectors

Floats = NDArray[np.float64]

_WHO = MAXSAT.id


@dataclass(frozen=True)
class MaxSATSolver(BaseSolver, spec=MAXSAT):
    """The assignment that satisfies all hard clauses and gains the greatest weight.

    Args:
        weights: "clauses": the objective has one weight per soft clause, and the solution says which are satisfied;
            "variables": one weight per variable, gained if it is true, and the solution is the assignment. Soft clauses
            then keep weights of their own.
        sense: "max" to gain weight, "min" to avoid it.
        time_limit: seconds per row. A row that runs out is `feasible`, or `timeout` if there is no model yet. Time is
            not deterministic, so neither are such rows.
        scale: "exact", or what weights are multiplied by before they are rounded. A row in which that changes a weight
            is `feasible`, and its bound says what it can have cost; see `PreparedMaxSAT.gap`.
        stratified: settle heavy weights first.

    A negative weight is a reward for the clause being falsified (the variable being false), and is solved exactly.
    Several best assignments: one of them, the same one every time.

    Raises:
        OptionError: a value out of range.
    """

    weights: Literal["clauses", "variables"] = "clauses"
    sense: Sense = "max"
    time_limit: float | None = None
    scale: float | str = "exact"
    stratified: bool = True

    def prepare(self, wcnf: Any = None, hard: Any = None, soft: Any = None, soft_weights: Any = None) -> PreparedSolver:
        """Bind to clauses.

        Args:
            wcnf: path of a WCNF file, its text, or pysat's WCNF object. Its weights are replaced if weights of clauses
                are learned. Clauses of plain CNF are soft if weights of clauses are learned, else hard.
            hard: clauses instead, each a list of literals: 3 for variable 3, -3 for its negation.
            soft: likewise.
            soft_weights: one per soft clause, if weights of variables are learned.

        Raises:
            InstanceError: not clauses, none to learn weights for, or hard clauses that contradict each other.
        """
        if wcnf is None and hard is None and soft is None:
            if soft_weights is not None:
                raise InstanceError(f"{_WHO}: expected soft beside soft_weights, found soft_weights alone")
            return AwaitingInstance(_WHO, "expected wcnf, or hard and soft, found neither", "it")
        if wcnf is not None and not (hard is None and soft is None and soft_weights is None):
            raise InstanceError(f"{_WHO}: expected either wcnf or hard and soft, found wcnf and one of these")
        if wcnf is None:
            formula = from_lists(_WHO, hard, soft, soft_weights)
        else:
            formula = from_wcnf(_WHO, wcnf, plain="soft" if self.weights == "clauses" else "hard")
        self._check(formula, soft_weights is not None)
        return PreparedMaxSAT(self, formula)

    def _check(self, formula: Formula, weighted: bool) -> None:
        if self.weights == "clauses":
            if not formula.soft:
                raise InstanceError(
                    f"{_WHO}: expected soft clauses to learn weights for, found none",
                    hint='weights="variables" learns a weight per variable',
                )
            if weighted:
                raise InstanceError(
                    f"{_WHO}: soft_weights: expected none, because weights of clauses are learned",
                    hint='weights="variables" learns a weight per variable instead',
                )
            return
        if not formula.variables:
            raise InstanceError(f"{_WHO}: expected at least one variable, found none")
        if formula.soft and formula.weights is None:
            raise InstanceError(
                f"{_WHO}: soft_weights missing: weights of variables are learned, those of {len(formula.soft)} soft "
                "clauses are not"
            )


class PreparedMaxSAT(BasePrepared):
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

    def solve(self, objective: Floats) -> SolveResult:
        """Solve N rows.

        Args:
            objective: `[N, S]` weights of soft clauses, or `[N, V]` of variables 1 to V.

        Returns:
            0/1 `[N, S]`: the satisfied clauses, or `[N, V]`: the true variables. Values include the soft clauses whose
            weights are not learned; bounds are those of the weights as given, whatever was rounded.

        Raises:
            ObjectiveError: another shape.
        """
        rows = self._rows(objective)
        for row in rows.open.tolist():
            self._solve(row, rows)
        return rows.result()

    def gap(self, objective: Floats) -> Floats:
        """How far from optimal solutions can be because weights were rounded.

        Args:
            objective: as for `solve`, finite.

        Returns:
            `[N]` bounds: `sum_i |w_i - round(scale * w_i) / scale|`, at most `0.5 / scale` per weight; zero under
            `scale="exact"`.
        """
        return np.array(
            [float(rounding(self._weights(row), self.solver.scale)) for row in self._rows(objective).objective]
        )

    def _rows(self, objective: Floats) -> RowResults:
        return RowResults(_WHO, self.solver.sense, objective, self.objective_shape)

    def _weights(self, objective: Floats) -> list[Fraction]:
        """All weights of a row, to be gained: those of soft clauses, and behind them those of variables, if learned.

        Variables that are in no clause are left out: the sign of their weight decides them.
        """
        sign = 1 if self.solver.sense == "max" else -1
        if self.solver.weights == "clauses":
            return [sign * Fraction(weight) for weight in objective.tolist()]
        learned = [sign * Fraction(weight) for weight in objective[self._numbers - 1].tolist()]
        return [sign * weight for weight in self.formula.weights or ()] + learned

    def _solve(self, row: int, rows: RowResults) -> None:
        """One row. What RC2 returns is checked: hard clauses, and the cost it claims."""
        objective = rows.objective[row]
        weights = self._weights(objective)
        whole, unit = integer_weights(weights, self.solver.scale)
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
            rows.end(row, SolveStatus.TIMEOUT, "stopped at the time limit without a model")
            return
        true = np.zeros(self._own.variables, np.bool_)
        true[[literal - 1 for literal in model if 0 < literal <= len(true)]] = True
        satisfied = self._soft.of(true[None])[0]
        missed = self._selectors.missed(rewards, true, satisfied)
        if not self._hard.of(true[None]).all() or missed < best.missed or (best.proven and missed > best.missed):
            rows.end(row, SolveStatus.ERROR, "RC2 returned a model that breaks a hard clause or has another cost")
            return
        rows.solutions[row] = self._shown(objective, true, satisfied)
        own = self._fixed(satisfied)
        rows.fixed[row] = float(own)
        slack = (missed - best.missed) * unit + rounding(weights, self.solver.scale)
        if slack:
            rows.bounds[row] = self._bound(objective, rows.solutions[row], own, slack)
            message = "optimal for the rounded weights" if best.proven else "stopped at the time limit with a model"
            rows.end(row, SolveStatus.FEASIBLE, message)

    def _shown(self, objective: Floats, true: Bools, satisfied: Bools) -> Floats:
        """The solution of an assignment of the variables that are in clauses."""
        if self.solver.weights == "clauses":
            return satisfied.astype(np.float64)
        solution = ((objective > 0) if self.solver.sense == "max" else (objective < 0)).astype(np.float64)
        solution[self._numbers - 1] = true
        return solution

    def _fixed(self, satisfied: Bools) -> Fraction:
        """What soft clauses add whose weights are not learned."""
        if self.solver.weights == "clauses":
            return Fraction(0)
        own = zip(self.formula.weights or (), satisfied, strict=False)
        return sum((weight for weight, held in own if held), Fraction(0))

    def _bound(self, objective: Floats, solution: Floats, fixed: Fraction, slack: Fraction) -> float:
        """The value plus what others may gain more, rounded outwards; in the solver's sense."""
        sign = 1 if self.solver.sense == "max" else -1
        value = sum((Fraction(weight) for weight in objective[solution == 1].tolist()), fixed)
        return sign * float_above(sign * value + slack)

    def _fixed_terms(self, solutions: Floats) -> Floats:
        states = np.asarray(solutions, np.float64)
        true = states[:, self._numbers - 1] == 1
        feasible = ((states == 0) | (states == 1)).all(axis=1) & self._hard.of(true).all(axis=1)
        weights = np.array([float(weight) for weight in self.formula.weights or ()])
        return np.where(feasible, self._soft.of(true) @ weights, np.nan)
