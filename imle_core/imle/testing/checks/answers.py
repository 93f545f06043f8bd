"""Answers are right: in the feasible set, and the best of it."""

from __future__ import annotations

import numpy as np

from imle.testing.compare import TOLERANCE, best, brief
from imle.testing.failure import CheckFailure, Inconclusive
from imle.testing.instance import Floats
from imle.testing.subject import Case, exact


def check_feasibility(case: Case) -> None:
    """Every solution lies in the feasible set."""
    _agree_on_feasible(case)
    objective = np.concatenate([case.objectives(8, seed=6), case.tied(8, seed=6)])
    answer = case.fresh(objective)
    for row in np.flatnonzero(answer.ok):
        if not _allowed(case, answer.solutions[row]):
            raise CheckFailure(
                "a solution of the instance",
                brief(answer.solutions[row]),
                where=f"row {row}, {case.where}, objective {brief(objective[row])}",
                fix="return a member of the feasible set, or a status that says there is none",
            )


def check_optimality(case: Case) -> None:
    """Every solution has the best value, by enumeration or the instance's oracle."""
    objective = case.plain_objectives(12, seed=7)
    best(case, objective, case.fresh(objective), fix=_FIX)


def check_negative_objectives(case: Case) -> None:
    """Entries of any sign are solved exactly, as the spec claims."""
    rng = np.random.default_rng(8)
    drawn = np.concatenate([rng.normal(size=(8, *case.shape)), -rng.uniform(0.5, 1.5, size=(4, *case.shape))])
    objective = exact(drawn)
    best(case, objective, case.fresh(objective), fix=_FIX)


_FIX = "solve to optimality, or say exact=False, or negative_objectives=False, in the spec"


def _agree_on_feasible(case: Case) -> None:
    """Listed solutions must be allowed by the instance itself."""
    if case.instance.feasible is None or case.solutions is None:
        return
    for solution in case.solutions:
        if not case.instance.feasible(solution):
            raise Inconclusive(
                f"{case.where} contradicts itself: its feasible() refuses its solution {brief(solution)}"
            )


def _allowed(case: Case, solution: Floats) -> bool:
    if case.instance.feasible is not None and not case.instance.feasible(solution):
        return False
    if case.solutions is None:
        return True
    off = np.abs(case.solutions - solution).reshape(len(case.solutions), -1).max(axis=1, initial=0.0)
    return bool((off <= TOLERANCE * (1 + np.abs(solution).max(initial=0.0))).any())
