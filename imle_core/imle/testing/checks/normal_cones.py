"""Normal cones, for solvers that tell them: solutions are best for all scores in their cones."""

from __future__ import annotations

from typing import Any

import numpy as np

from imle._text import named
from imle.errors import ImleError
from imle.solvers import NormalCones
from imle.solvers.protocol import normal_cones_of
from imle.testing.compare import TOLERANCE, brief
from imle.testing.failure import CheckFailure, NotApplicable
from imle.testing.instance import Floats
from imle.testing.subject import Case, to_numpy

ROWS = 6

_FIX = "return imle.solvers.NormalCones of scores to maximise, whatever the sense; or leave normal_cones out"


def check_normal_cones(case: Case) -> None:
    """Solutions are best for random scores in the cones that the prepared solver tells of."""
    prepared = case.prepare()
    if (find := normal_cones_of(prepared)) is None:
        raise NotApplicable("the prepared solver has no normal_cones")
    answer = case.solve(prepared, case.objectives(ROWS, seed=23))
    solutions = answer.solutions[answer.ok]
    where = f"normal_cones(solutions [{len(solutions)}, ...]), {case.where}"
    try:
        found = find(case.array(solutions))
    except ImleError as error:
        raise CheckFailure("cones of what solve() returned", named(error), where=where, fix=_FIX) from error
    if not isinstance(found, NormalCones):
        raise CheckFailure("NormalCones", type(found).__name__, where=where, fix=_FIX)
    scores = case.sign * _scores(found, solutions)
    values = case.values(scores, solutions)
    for row, given in enumerate(scores):
        most = case.best(given)
        if not case.sign * (most - values[row]) <= TOLERANCE * (1 + abs(most)):
            raise CheckFailure(
                f"a cone of objectives for which solution {brief(solutions[row])} is best",
                f"objective {brief(given)}, for which it is worth {values[row]:g}, another one {most:g}",
                where=f"row {row}, {where}",
                fix=_FIX,
            )


def _scores(cones: NormalCones, solutions: Floats) -> Floats:
    """One in the cone of each solution, by random multipliers."""
    rng = np.random.default_rng(24)
    found = rng.exponential(size=solutions.shape) * to_numpy(cones.at_upper)
    found -= rng.exponential(size=solutions.shape) * to_numpy(cones.at_lower)
    for vectors, draw in ((cones.inequalities, rng.exponential), (cones.equations, rng.normal)):
        spanning: Any = to_numpy(vectors)
        multipliers = draw(size=spanning.shape[:2])
        found += np.einsum("nm...,nm->n...", spanning, multipliers)
    return found
