"""What the names of backends stand for, and the options that each of them takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ortools.sat.python import cp_model

from imle.errors import InstanceError, OptionError
from imle_highs.options import passed
from imle_linear.engines import Engine
from imle_linear.options import EngineOptions, engine_options
from imle_linear.program import LinearProgram
from imle_ortools.ilp.auto import Settings, auto_engine
from imle_ortools.ilp.confirmed import ConfirmedEngine, CrossCheckedEngine
from imle_ortools.ilp.integers import whole_program
from imle_ortools.ilp.mp import NAMES, Bundled
from imle_ortools.plugin import ILP

_KEPT_BY_CP_SAT = {
    "num_workers": "give threads=...",
    "num_search_workers": "give threads=...",
    "random_seed": "give seed=...",
    "max_time_in_seconds": "give time_limit=...",
    "relative_gap_limit": "give gap=...",
    "absolute_gap_limit": "objectives are scaled before CP-SAT sees them; gap= is relative",
    "catch_sigint_signal": "it is ours: Ctrl-C would end the process",
}
_KEPT_BY_SCIP = {
    "limits/time": "give time_limit=...",
    "limits/gap": "give gap=...",
    "limits/absgap": "objectives are scaled before SCIP sees them; gap= is relative",
    "randomization/randomseedshift": "give seed=...",
    "parallel/maxnthreads": "give threads=...",
}


def options_of(backend: str, given: Any) -> EngineOptions | None:
    """Options of a backend's engine as a user gives them; of HiGHS for "auto".

    Raises:
        OptionError: the engine has no such option, refuses the value, or imle sets it.
    """
    if given is None:
        return None
    if backend in ("auto", "highs"):
        return passed(ILP.id, given)
    if backend == "cp-sat":
        return _of_cp_sat(given)
    if backend == "cbc":
        raise OptionError(f"{ILP.id}: options: OR-Tools passes none to CBC, found {given!r}")
    names = [*given] if isinstance(given, Mapping) else [name for name, _ in given] if isinstance(given, tuple) else []
    options = engine_options(ILP.id, given, names, _KEPT_BY_SCIP)
    Bundled(backend, 0.0, 1, 0, options or ()).solver()  # SCIP has no list of its names, but refuses unknown ones
    return options


def _of_cp_sat(given: Any) -> EngineOptions | None:
    parameters = cp_model.CpSolver().parameters
    known = [name for name in dir(parameters) if not name.startswith("_")]
    options = engine_options(ILP.id, given, known, _KEPT_BY_CP_SAT)
    for name, value in options or ():
        try:
            setattr(parameters, name, value)
        except (TypeError, ValueError, AttributeError):
            kind = type(getattr(parameters, name)).__name__
            raise OptionError(f"{ILP.id}: options: expected a {kind} for {name!r}, found {value!r}") from None
    return options


def engine_of(backend: str, program: LinearProgram, settings: Settings, own: EngineOptions = ()) -> Engine:
    """The engine of a name; where its word is not enough, with one that confirms it.

    Args:
        backend: the name.
        program: the feasible set.
        settings: for all engines.
        own: options of SCIP.

    Raises:
        InstanceError: CP-SAT cannot hold the program.
    """
    if backend == "auto":
        return auto_engine(program, settings)
    if backend == "highs":
        return settings.highs(program)
    if backend == "cp-sat":
        whole = whole_program(program)
        if isinstance(whole, str):
            raise InstanceError(
                f"{ILP.id}: backend='cp-sat': expected bounded integer variables and coefficients that a small common "
                f"denominator makes whole, found that {whole}",
                hint='backend="auto" takes CP-SAT where it can',
            )
        return settings.cp_sat(whole)
    first = Bundled(backend, settings.gap, settings.threads, settings.seed, own).apart(program)
    names = NAMES[backend], "the confirming engine"
    return ConfirmedEngine(first, auto_engine(program, settings), program, names, settings.relaxation)


def cross_checked(first: Engine, names: tuple[str, str], program: LinearProgram, settings: Settings) -> Engine:
    """An engine compared with that of the second name."""
    other = names[1]
    second: Engine
    if other in NAMES:
        second = Bundled(other, settings.gap, settings.threads, settings.seed).apart(program)
    else:
        second = engine_of(other, program, settings)
    return CrossCheckedEngine(first, second, program, names, settings.relaxation)
