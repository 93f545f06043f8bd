"""Derivatives of solutions, for solvers that claim them: they are what solutions do."""

from __future__ import annotations

import numpy as np

from imle.testing.failure import CheckFailure
from imle.testing.subject import Case, to_numpy

ROWS = 6
STEP = 2.0**-12
SLACK = 1e-3
"""How far a derivative may be outside of the slopes to both sides, relative to its size: solutions have tolerances."""


def check_solution_vjp(case: Case) -> None:
    """solution_vjp is the derivative of solutions, times cotangents, or between the slopes to both sides."""
    where = f"solution_vjp, {case.where}"
    objective = case.objectives(ROWS, seed=24)
    rng = np.random.default_rng(25)
    direction, cotangents = rng.normal(size=objective.shape), rng.normal(size=objective.shape)
    prepared = case.prepare()
    vjp = getattr(prepared, "solution_vjp", None)
    if vjp is None:
        fix = "give the prepared solver solution_vjp(objective, cotangents, *, solutions), or claim solution_vjp=False"
        raise CheckFailure("solution_vjp, for the spec claims it", "none", where=where, fix=fix)
    below, at, above = (case.solve(prepared, objective + step * direction) for step in (-STEP, 0.0, STEP))
    given = (case.array(values) for values in (objective, cotangents))
    told = to_numpy(vjp(*given, solutions=case.array(at.solutions)))
    prepared.close()
    fix = "return [N, *shape]: the derivative of solutions in the objective, in your own sense, times cotangents"
    if told.shape != objective.shape or not np.isfinite(told[at.ok]).all():
        raise CheckFailure(f"finite numbers {list(objective.shape)}", f"{list(told.shape)}", where=where, fix=fix)
    along = (told * direction).reshape(ROWS, -1).sum(axis=1)
    left, right = (
        ((later.solutions - earlier.solutions) / STEP * cotangents).reshape(ROWS, -1).sum(axis=1)
        for earlier, later in ((below, at), (at, above))
    )
    slack = SLACK * (1 + np.abs(along))
    outside = (along < np.fmin(left, right) - slack) | (along > np.fmax(left, right) + slack)
    for row in np.flatnonzero(below.ok & at.ok & above.ok & outside).tolist():
        raise CheckFailure(
            f"a derivative between the slopes to both sides, {left[row]:.6g} and {right[row]:.6g}",
            f"{along[row]:.6g}",
            where=f"along a random direction, row {row}, {where}",
            fix=fix,
        )
