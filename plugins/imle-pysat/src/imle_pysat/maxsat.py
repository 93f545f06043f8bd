"""Weighted partial MaxSAT with learned weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import ArrayKind, PreparedSolver, Sense, Shape, SolveResult, SolveStatus
from imle_pysat.clauses import Clause, Formula, from_lists, from_wcnf
from imle_pysat.oracle import any_model, best_model
from imle_pysat.rewards import Selectors
from imle_pysat.whole import check_scale, rounding, to_whole

Floats = NDArray[np.float64]

_WHO = "maxsat"


@dataclass(frozen=True)
class MaxSATSolver:
    """The assignment that satisfies all hard clauses and gains the greatest weight.

    Args:
        weights: "clauses": the objective has one weight per soft clause, and the solution says which are satisfied;
            "variables": one weight per variable, gained if it is true, and the solution is the assignment. Soft clauses
            then keep weights of their own.
        sense: "max" to gain weight, "min" to avoid it.
        time_limit: seconds per row. A row that runs out is `feasible`, or `timeout` if there is no model yet. Time is
            not deterministic, so neither are such rows.
        scale: "exact", or what weights are multiplied by before they are rounded; see `PreparedMaxSAT.gap`.
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

    array: ClassVar[ArrayKind] = "numpy"

    def __post_init__(self) -> None:
        for name, valid in (("weights", ("clauses", "variables")), ("sense", ("max", "min"))):
            if getattr(self, name) not in valid:
                listed = " or ".join(map(repr, valid))
                raise OptionError(f"{_WHO}: {name}: expected {listed}, found {getattr(self, name)!r}")
        if self.time_limit is not None and not self.time_limit > 0:
            raise OptionError(f"{_WHO}: time_limit: expected seconds > 0 or None, found {self.time_limit!r}")
        check_scale(_WHO, self.scale)

    def prepare(self, wcnf: Any = None, hard: Any = None, soft: Any = None, soft_weights: Any = None) -> PreparedSolver:
        """Bind to clauses.

        Args:
            wcnf: path of a WCNF file, its text, or pysat's WCNF object. Its weights are replaced if weights of clauses
                are learned.
            hard: clauses instead, each a list of literals: 3 for variable 3, -3 for its negation.
            soft: likewise.
            soft_weights: one per soft clause, if weights of variables are learned.

        Raises:
            InstanceError: not clauses, none to learn weights for, or hard clauses that contradict each other.
        """
        if wcnf is None and hard is None and soft is None:
            if soft_weights is not None:
                raise InstanceError(f"{_WHO}: expected soft beside soft_weights, found soft_weights alone")
            return Unbound()
        if wcnf is not None and not (hard is None and soft is None and soft_weights is None):
            raise InstanceError(f"{_WHO}: expected either wcnf or hard and soft, found wcnf and one of these")
        formula = from_lists(_WHO, hard, soft, soft_weights) if wcnf is None else from_wcnf(_WHO, wcnf)
        self._check(formula, soft_weights is not None)
        model, certain = any_model(formula.hard, self.time_limit)
        if certain and model is None:
            raise InstanceError(f"{_WHO}: expected hard clauses that can be satisfied together, found a contradiction")
        return PreparedMaxSAT(self, formula, model)

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


class PreparedMaxSAT:
    """Clauses with selectors; RC2 starts anew for every row.

    Args:
        solver: the options.
        formula: the clauses.
        model: some model of the hard clauses, if one was found in time.
    """

    def __init__(self, solver: MaxSATSolver, formula: Formula, model: list[int] | None) -> None:
        self.solver = solver
        self.formula = formula
        self._model = model
        self._selectors = Selectors(formula)
        self._literals = np.array([literal for clause in formula.soft for literal in clause], np.int64)
        self._clause = np.repeat(np.arange(len(formula.soft)), [len(clause) for clause in formula.soft])

    @property
    def objective_shape(self) -> tuple[int]:
        """`(S,)` or `(V,)`."""
        return (len(self.formula.soft) if self.solver.weights == "clauses" else self.formula.variables,)

    def solve(self, objective: Floats, *, hint: Floats | None = None) -> SolveResult:
        """Solve N rows.

        Args:
            objective: `[N, S]` weights of soft clauses, or `[N, V]` of variables 1 to V.
            hint: not used; RC2 takes none.

        Returns:
            0/1 `[N, S]`: the satisfied clauses, or `[N, V]`: the true variables. Objective values include the soft
            clauses whose weights are not learned.

        Raises:
            ObjectiveError: another shape.
        """
        del hint
        objective = self._checked(objective)
        solutions = np.zeros(objective.shape)
        values = np.full(len(objective), np.nan)
        status = np.zeros(len(objective), np.int8)
        messages: dict[int, str] = {}
        for row, weights in enumerate(objective):
            if not np.isfinite(weights).all():
                place = int(np.argmin(np.isfinite(weights)))
                status[row] = SolveStatus.ERROR
                messages[row] = f"the objective is {weights[place]} at position {place}"
                continue
            model, proven = self._best(weights)
            if not proven:
                status[row] = SolveStatus.TIMEOUT if model is None else SolveStatus.FEASIBLE
                messages[row] = f"stopped at the time limit {'without' if model is None else 'with'} a model"
            if model is not None:
                solutions[row], values[row] = self._read(weights, model)
        return SolveResult(solutions, status if status.any() else None, values, messages)

    def gap(self, objective: Floats) -> Floats:
        """How far from optimal a row reported as optimal can be, because weights were rounded.

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
        """All weights of a row, to be gained: those of soft clauses, and behind them those of variables, if learned."""
        sign = 1 if self.solver.sense == "max" else -1
        learned = [sign * Fraction(weight) for weight in objective.tolist()]
        if self.solver.weights == "clauses":
            return learned
        return [sign * weight for weight in self.formula.weights or ()] + learned

    def _best(self, objective: Floats) -> tuple[list[int] | None, bool]:
        whole = to_whole(self._weights(objective), self.solver.scale)
        softs = len(self.formula.soft)
        rewards, needed = self._selectors.rewards(whole[:softs], whole[softs:])
        hard: Sequence[Clause] = [*self.formula.hard, *needed]
        model, proven = best_model(
            hard,
            rewards,
            self._selectors.top,
            stratified=self.solver.stratified,
            time_limit=self.solver.time_limit,
        )
        return (self._model if model is None else model), proven

    def _read(self, objective: Floats, model: list[int]) -> tuple[Floats, float]:
        """Solution and objective value of a model."""
        variables = self.formula.variables
        true = np.zeros(variables + 1, np.bool_)
        true[[literal for literal in model if 0 < literal <= variables]] = True
        held = np.where(self._literals > 0, true[np.abs(self._literals)], ~true[np.abs(self._literals)])
        satisfied = (np.bincount(self._clause[held], minlength=len(self.formula.soft)) > 0).astype(np.float64)
        if self.solver.weights == "clauses":
            return satisfied, float(satisfied @ objective)
        fixed = sum(weight for weight, held in zip(self.formula.weights or (), satisfied, strict=False) if held)
        return true[1:].astype(np.float64), float(true[1:] @ objective) + float(fixed)


class Unbound:
    """A solver whose clauses come with every row; there is nothing to solve until they do."""

    objective_shape: ClassVar[Shape] = (None,)

    def solve(self, objective: Any, **rows: Any) -> SolveResult:
        """Say that the clauses are missing.

        Raises:
            InstanceError: always.
        """
        raise InstanceError(
            f"{_WHO}: expected wcnf, or hard and soft, found neither",
            hint="give it to imle.layer for all rows, or to the call, one per row",
        )

    def close(self) -> None:
        """Nothing to free."""
