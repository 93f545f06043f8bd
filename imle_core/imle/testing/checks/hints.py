"""Hints, for solvers that claim warm starts: they are taken and used, and change no answer."""

from __future__ import annotations

import dis
import inspect

import numpy as np

from imle.testing.compare import same
from imle.testing.failure import CheckFailure
from imle.testing.subject import Case


def check_hint(case: Case) -> None:
    """Hints are taken, and change no answer."""
    objective = case.objectives(5, seed=12)
    expected = case.fresh(objective)
    hints = {"its own solutions": expected.solutions, "other rows' solutions": np.roll(expected.solutions, 1, axis=0)}
    for name, hint in hints.items():
        where = f"hint= {name}, {case.where}"
        if not expected.ok.all():
            hint = np.where(np.isfinite(hint), hint, 0.0)
        try:
            found = case.fresh(objective, hint=hint)
        except TypeError as error:
            raise CheckFailure(
                "solve(objective, *, hint=None)", str(error), where=where, fix="take hint=, or claim warm_start=False"
            ) from error
        if case.spec.exact:
            fix = "start from the hint, but finish the search"
            same(found, expected, told="the answer without a hint", where=where, fix=fix)


def check_warm_start(case: Case) -> None:
    """The hint is read, as the spec claims."""
    solve = inspect.unwrap(case.prepare().solve)
    code = getattr(getattr(solve, "__func__", solve), "__code__", None)
    if code is None:
        return  # compiled: nothing to read
    takes_all = bool(code.co_flags & inspect.CO_VARKEYWORDS)
    if not takes_all and not any(i.argval == "hint" and i.opname.startswith("LOAD") for i in _instructions(code)):
        raise CheckFailure(
            "hint to be used, for the spec claims warm_start",
            "a solve() that never reads it",
            where=f"{code.co_filename}:{code.co_firstlineno}",
            fix="use it, or claim warm_start=False",
        )


def _instructions(code: object) -> list[dis.Instruction]:
    """Of the function and those inside it, which see its variables."""
    found = list(dis.get_instructions(code))  # type: ignore[arg-type]
    for constant in getattr(code, "co_consts", ()):
        if inspect.iscode(constant):
            found += _instructions(constant)
    return found
