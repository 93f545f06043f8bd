"""The option `solver=`: which solver objects are taken, beside which options, and our own copy of them."""

from __future__ import annotations

import copy
from dataclasses import fields
from typing import Any

import pulp  # type: ignore[import-untyped]

from imle.errors import OptionError, SolverUnavailableError

_THEIR_NAMES = {"time_limit": "timeLimit", "gap": "gapRel", "threads": "threads"}
"""What PuLP's solvers call options that most of them have too."""


def check(who: str, options: Any) -> None:
    """Refuse solver objects that cannot be used, and options they would not see.

    Args:
        who: for messages.
        options: the dataclass of options, `solver` among them and given.

    Raises:
        OptionError: it is no solver object, cannot be copied, has an absolute gap, or another option is given.
        SolverUnavailableError: its program or package is not installed.
    """
    solver = options.solver
    if not isinstance(solver, pulp.LpSolver):
        raise OptionError(
            f"{who}: solver: expected a pulp.LpSolver object, found {solver!r}", hint=_how_to_make(solver)
        )
    name = type(solver).__name__
    for option in fields(options):
        given = getattr(options, option.name)
        if option.name not in ("sense", "solver") and given != option.default:
            theirs = _THEIR_NAMES.get(option.name)
            raise OptionError(
                f"{who}: {option.name}: expected {option.default!r} beside solver=, found {given!r}",
                hint=f"give {theirs}=... to {name} instead"
                if theirs
                else "it is an option of imle's HiGHS engine; the solver object has options of its own",
            )
    _check_available(who, solver, name)
    if _absolute_gap(solver):
        raise OptionError(
            f"{who}: solver: expected {name} without absolute gap, found gapAbs={_absolute_gap(solver)!r}",
            hint="objectives are scaled before they are solved; give gapRel=... instead",
        )
    _check_copies(who, solver, name)


def own(solver: Any) -> Any:
    """A silent copy: later changes of the user's object have no effect, and ours none on it.

    The copy is shallow. What a solver sets while it solves stays on the copy; what its user gave it (licences,
    callbacks and their data) is the user's own.
    """
    mine = copy.copy(solver)
    mine.msg = False
    return mine


def _how_to_make(given: Any) -> str:
    if isinstance(given, str):
        return f"pulp.getSolver({given!r}, msg=False) makes one"
    if isinstance(given, type) and issubclass(given, pulp.LpSolver):
        return f"{given.__name__}(msg=False) makes one"
    return "pulp.getSolver(name, msg=False) makes one; pulp.listSolvers(onlyAvailable=True) lists the names"


def _check_available(who: str, solver: Any, name: str) -> None:
    try:
        available = solver.available()
    except NotImplementedError:  # PuLP never asks, so not every solver of a user's own answers
        return
    if not available:
        path = getattr(solver, "path", None)
        raise SolverUnavailableError(
            f"{who}: solver: {name} is not available" + (f": there is no program {path!r}" if path else ""),
            hint=f"install what {name} needs, or take another: pulp.listSolvers(onlyAvailable=True) lists those that "
            "work here, and without solver= HiGHS does",
        )


def _absolute_gap(solver: Any) -> Any:
    """PuLP's solvers keep options in attributes, in a dictionary, or both."""
    return getattr(solver, "gapAbs", None) or getattr(solver, "optionsDict", {}).get("gapAbs")


def _check_copies(who: str, solver: Any, name: str) -> None:
    """Copies of an object with `__del__` would free what it holds, once each."""
    if not hasattr(solver, "__del__"):
        return
    try:
        copy.deepcopy(solver)
    except Exception as error:  # Gurobi, COPT and SAS each have errors of their own
        raise OptionError(
            f"{who}: solver: expected a solver that holds no native model or connection, found {name} with one "
            f"({type(error).__name__}: {error})",
            hint="give one that has not solved anything yet, or one that opens its connection when it solves "
            "(for GUROBI: manageEnv=True instead of env=...)",
        ) from error
