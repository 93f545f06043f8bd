"""Sizes of numbers do not matter: tiny objectives are solved like others, small differences decide among large ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imle.testing.compare import TOLERANCE, brief
from imle.testing.failure import CheckFailure
from imle.testing.instance import Floats
from imle.testing.subject import Case

_ROWS = 6


def check_scale(case: Case) -> None:
    """Objectives of 2^-30 and 2^20 times the size are solved as well, through a layer."""
    objective = case.plain_objectives(_ROWS, seed=21)
    for power in (-30, 20):
        _check_best(
            case,
            np.ldexp(objective, power),
            case.through_core,
            allowed=None,
            where=f"objectives times 2^{power}, in a layer",
            fix="leave sizes to the layer: round, clip or threshold no objective by an absolute number",
        )


def check_magnitudes(case: Case) -> None:
    """Differences of 2^-16 decide among entries of 2^10, through a layer."""
    small = np.ldexp(_distinct(case), -16)
    _check_best(
        case,
        np.ldexp(case.tied(_ROWS, seed=22), 9) + small,
        case.through_core,
        allowed=2.0**-20,
        where="entries of 2^9 and 2^10 that differ by multiples of 2^-16, in a layer",
        fix="compute in float64, round no objective, and ask the engine for a gap of 0",
    )


def check_precision(case: Case) -> None:
    """Entries that float32 cannot tell apart are told apart: 1 + k 2^-26 in a layer, 2^20 + k 2^-6 in solve itself."""
    prepared = case.prepare()
    close = 1.0 + np.ldexp(_distinct(case), -26)
    fix = "compute in the dtype of the objective, and neither round nor clip it"
    _check_best(case, close, case.through_core, allowed=2.0**-30, where="entries 1 + k 2^-26, in a layer", fix=fix)
    _check_best(
        case,
        np.ldexp(close, 20),
        lambda objective: case.answer(prepared.solve(case.exactly(objective)), _ROWS).solutions,
        allowed=2.0**-10,
        where="entries 2^20 (1 + k 2^-26), solve()",
        fix=fix,
    )
    prepared.close()


def _distinct(case: Case) -> Floats:
    """`[N, *shape]` rows of different small whole numbers."""
    rng = np.random.default_rng(23)
    size = int(np.prod(case.shape))
    return np.array([rng.permutation(size) + 1.0 for _ in range(_ROWS)]).reshape(_ROWS, *case.shape)


def _check_best(
    case: Case, objective: Floats, solve: Callable[[Floats], Floats], *, allowed: float | None, where: str, fix: str
) -> None:
    """Demand the best values, but for an absolute difference, or by default one relative to the terms of the value."""
    solutions = solve(objective)
    values = case.values(objective, solutions)
    fixed = case.fixed(solutions if case.solutions is None else case.solutions)
    # an engine sees terms that are not learned in their own size, also those of other solutions
    terms = np.abs(objective * solutions).reshape(len(objective), -1).sum(axis=1) + np.abs(fixed).max()
    for row in range(len(objective)):
        best = case.best(objective[row])
        if not case.sign * (best - values[row]) <= (TOLERANCE * terms[row] if allowed is None else allowed):
            raise CheckFailure(
                f"the best value, {best!r}",
                f"{float(values[row])!r}, of {brief(solutions[row])}",
                where=f"{where}, row {row}, {case.where}",
                fix=fix,
            )
