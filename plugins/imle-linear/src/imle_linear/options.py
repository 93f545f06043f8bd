"""Checks of options, for those who make the solver objects themselves."""

from __future__ import annotations

import math
from collections.abc import Collection

from imle.errors import OptionError


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
