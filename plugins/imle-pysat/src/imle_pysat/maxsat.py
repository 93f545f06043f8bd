"""Weighted partial MaxSAT with learned weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from imle.errors import InstanceError, OptionError
from imle.solvers import ArrayKind, PreparedSolver, Sense, Shape, SolveResult
from imle_pysat.clauses import from_lists, from_wcnf
from imle_pysat.formula import Formula
from imle_pysat.plugin import MAXSAT
from imle_pysat.prepared import PreparedMaxSAT
from imle_pysat.whole import check_scale, is_number

_WHO = MAXSAT.id


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

    array: ClassVar[ArrayKind] = "numpy"

    def __post_init__(self) -> None:
        for name, valid in (("weights", ("clauses", "variables")), ("sense", ("max", "min"))):
            if getattr(self, name) not in valid:
                listed = " or ".join(map(repr, valid))
                raise OptionError(f"{_WHO}: {name}: expected {listed}, found {getattr(self, name)!r}")
        if self.time_limit is not None and not (is_number(self.time_limit) and self.time_limit > 0):
            raise OptionError(f"{_WHO}: time_limit: expected seconds > 0 or None, found {self.time_limit!r}")
        if not isinstance(self.stratified, bool):
            raise OptionError(f"{_WHO}: stratified: expected True or False, found {self.stratified!r}")
        check_scale(_WHO, self.scale)

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
            return Unbound()
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
