"""Weighted partial MaxSAT with learned weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from imle.errors import InstanceError
from imle.solvers import AwaitingInstance, BaseSolver, PreparedSolver, Sense
from imle_pysat.clauses import from_lists, from_wcnf
from imle_pysat.formula import Formula
from imle_pysat.plugin import MAXSAT
from imle_pysat.prepared import PreparedMaxSAT

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
