"""What must not be solved: non-finite objectives are refused, and bad rows spoil no others."""

from __future__ import annotations

import math

import numpy as np

from imle._text import named
from imle.errors import ImleError, ObjectiveError
from imle.solvers.contract import checked
from imle.solvers.protocol import takes_any_size
from imle.testing.compare import same
from imle.testing.failure import CheckFailure, NotApplicable
from imle.testing.instance import Floats
from imle.testing.subject import Case

_ALONE = "a bad row gets a status of its own; it must neither raise nor reach other rows"


def check_non_finite(case: Case) -> None:
    """nan and infinity are refused by the layer, with the row."""
    import torch

    layer = case.layer(estimator="blackbox").eval()
    own = case.own(case.prepare())  # what is given on the padding counts for nothing
    last = -1 if own is None else int(np.flatnonzero(own)[-1])
    for value in (math.nan, math.inf, -math.inf):
        objective = torch.tensor(case.objectives(4), dtype=torch.float32)
        objective.reshape(4, -1)[2, last] = value
        try:
            layer(objective)
        except ObjectiveError as error:
            if "row 2" not in error.message:
                raise CheckFailure(
                    "the row to be named: row 2", error.message, where=f"{value} in a layer", fix=_LAYER
                ) from error
        else:
            raise CheckFailure(f"ObjectiveError for {value}", "an answer", where=f"row 2, {case.where}", fix=_LAYER)


_LAYER = "leave the check to imle.SolverLayer: hand objectives to super().forward() as they are"


def check_any_size(case: Case) -> None:
    """A torch solver that says `any_size` returns for nan and infinities, which the layer refuses afterwards."""
    prepared = case.prepare()
    if not (case.torch and takes_any_size(prepared)):
        raise NotApplicable("only torch solvers that say any_size are given nan and infinities")
    for value in (math.nan, math.inf, -math.inf):
        objective = case.objectives(4)
        flat = objective.reshape(4, -1)
        flat[2, -1] = flat[3] = value
        try:
            checked(prepared.solve(case.array(objective)), objective.shape)
        except Exception as error:
            raise CheckFailure(
                "a result for any numbers",
                named(error),
                where=f"an objective {value} in row 2 and all over row 3 of 4, {case.where}",
                fix="return, whatever it is; or leave out any_size = True, and there is 0 in their place",
            ) from error


def check_bad_row(case: Case) -> None:
    """A row that cannot be solved is reported, and the others are solved as if it were not there."""
    objective = case.objectives(5, seed=10)
    extreme = objective.copy()
    extreme[2] *= 1e30 if case.torch else 1e200  # finite, yet no solver's tolerances are made for it
    _compare(case, objective, extreme, "an extreme row", must_fail=False)
    if case.instance.bad_objective is not None:
        given = objective.copy()
        given[2] = np.asarray(case.instance.bad_objective, np.float64).reshape(case.shape)
        _compare(case, objective, given, "a bad objective", must_fail=True)
    if case.instance.bad_row:
        bad = case.instance.bad_row
        good = {name: case.instance.parameters[name] for name in bad}
        columns = {name: [value if row == 2 else good[name] for row in range(5)] for name, value in bad.items()}
        _compare(case, objective, objective, f"bad {', '.join(bad)}", must_fail=True, **columns)


def _compare(case: Case, good: Floats, given: Floats, kind: str, *, must_fail: bool, **columns: list[object]) -> None:
    where = f"{kind} at row 2 of 5, {case.where}"
    try:
        with np.errstate(all="ignore"):
            found = case.fresh(given, **columns)
    except (ImleError, ArithmeticError, ValueError, RuntimeError) as error:
        raise CheckFailure("a status for the row", named(error), where=where, fix=_ALONE) from error
    others = np.array([0, 1, 3, 4])
    same(found.take(others), case.fresh(good[others]), told="the answer without the bad row", where=where, fix=_ALONE)
    if must_fail and found.ok[2]:
        raise CheckFailure(
            "a status other than optimal and feasible", f"status {found.status[2]}", where=where, fix=_ALONE
        )
