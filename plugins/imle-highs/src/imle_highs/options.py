"""HiGHS' own options, passed through."""

from __future__ import annotations

from typing import Any

import highspy

from imle.errors import OptionError
from imle_highs.native import QuietHighs
from imle_linear.options import EngineOptions, engine_options

_SCALED = "objectives are scaled before HiGHS sees them; gap= is relative"
_OURS = "it is ours: points and files would be misread"
_KEPT = {
    "threads": "give threads=...",
    "random_seed": "give seed=...",
    "time_limit": "give time_limit=...",
    "mip_rel_gap": "give gap=...",
    **dict.fromkeys(("mip_abs_gap", "objective_bound", "objective_target", "user_objective_scale"), _SCALED),
    **dict.fromkeys(
        ("infinite_bound", "infinite_cost", "large_matrix_value", "small_matrix_value", "solve_relaxation"), _OURS
    ),
}


def passed(who: str, given: Any) -> EngineOptions | None:
    """Options for HiGHS as a user gives them.

    Args:
        who: the solver, for messages.
        given: a mapping from HiGHS' names to values, or None.

    Raises:
        OptionError: HiGHS has no such option, refuses the value, or imle sets it.
    """
    known = [name for name in dir(highspy.HighsOptions) if not name.startswith("_")]
    options = engine_options(who, given, known, _KEPT)
    highs = QuietHighs()
    for name, value in options or ():
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            kind = type(getattr(highs.getOptions(), name)).__name__
            raise OptionError(f"{who}: options: expected a {kind} that HiGHS takes for {name!r}, found {value!r}")
    return options
