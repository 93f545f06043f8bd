"""Checks of options that both solvers have, for those who make the solver objects themselves."""

from __future__ import annotations

import math
from collections.abc import Collection

from imle.errors import OptionError
from imle_highs.native import Settings

_MOST = 2**31 - 1


def choice(who: str, name: str, value: str, valid: Collection[str]) -> None:
    """Refuse what is not one of the valid values."""
    if value not in valid:
        listed = " or ".join(repr(entry) for entry in valid)
        raise OptionError(f"{who}: {name}: expected {listed}, found {value!r}")


def seconds(who: str, value: float | None) -> None:
    """Refuse a time limit that leaves no time."""
    if value is not None and not value > 0:
        raise OptionError(f"{who}: time_limit: expected seconds > 0 or None, found {value!r}")


def fraction(who: str, name: str, value: float) -> None:
    """Refuse a negative or infinite gap."""
    if not (math.isfinite(value) and value >= 0):
        raise OptionError(f"{who}: {name}: expected a finite number >= 0, found {value!r}")


def shared(who: str, threads: int, seed: int) -> Settings:
    """HiGHS' names for the options both solvers have.

    Raises:
        OptionError: one is out of range.
    """
    if not 1 <= threads <= _MOST:
        raise OptionError(f"{who}: threads: expected an int >= 1, found {threads!r}")
    if not 0 <= seed <= _MOST:
        raise OptionError(f"{who}: seed: expected an int from 0 to {_MOST}, found {seed!r}")
    return {"threads": threads, "random_seed": seed}
