"""Sizes of numbers do not matter: tiny objectives are solved like others, small differences decide among large ones."""

from __future__ import annotations

import numpy as np

from imle.testing.compare import TOLERANCE, best
from imle.testing.instance import Floats
from imle.testing.subject import Case

_ROWS = 6


def check_scale(case: Case) -> None:
    """Objectives of 2^-30 and 2^20 times the size are solved as well, through a layer."""
    for power in (-30, 20):
        objective = np.ldexp(case.plain_objectives(_ROWS, seed=21), power)
        answer = case.through_core(objective)
        fixed = case.fixed(answer.solutions if case.solutions is None else case.solutions)
        # an engine sees terms that are not learned in their own size, also those of other solutions
        terms = np.abs(objective * answer.solutions).reshape(_ROWS, -1).sum(axis=1) + np.abs(fixed).max()
        fix = "leave sizes to the layer: round, clip or threshold no objective by an absolute number"
        where = f"objectives times 2^{power}, in a layer, "
        best(case, objective, answer, TOLERANCE * terms, where=where, fix=fix)


def check_magnitudes(case: Case) -> None:
    """Differences of 2^-16 decide among entries of 2^10, through a layer."""
    objective = np.ldexp(case.tied(_ROWS, seed=22), 9) + np.ldexp(_distinct(case), -16)
    where = "entries of 2^9 and 2^10 that differ by multiples of 2^-16, in a layer, "
    fix = "compute in float64, round no objective, and ask the engine for a gap of 0"
    best(case, objective, case.through_core(objective), 2.0**-20, where=where, fix=fix)


def check_precision(case: Case) -> None:
    """Entries that float32 cannot tell apart are told apart: 1 + k 2^-26 in a layer, 2^20 + k 2^-6 in solve itself."""
    close = 1.0 + np.ldexp(_distinct(case), -26)
    fix = "compute in the dtype of the objective, and neither round nor clip it"
    best(case, close, case.through_core(close), 2.0**-30, where="entries 1 + k 2^-26, in a layer, ", fix=fix)
    large = np.ldexp(close, 20)
    prepared = case.prepare()
    answer = case.answer(prepared.solve(case.array(large, exactly=True)), _ROWS)
    prepared.close()
    best(case, large, answer, 2.0**-10, where="entries 2^20 (1 + k 2^-26), solve(), ", fix=fix)


def _distinct(case: Case) -> Floats:
    """`[N, *shape]` rows of different small whole numbers."""
    rng = np.random.default_rng(23)
    size = int(np.prod(case.shape))
    return np.array([rng.permutation(size) + 1.0 for _ in range(_ROWS)]).reshape(_ROWS, *case.shape)
