"""Checks of options, for those who make the solver objects themselves."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from imle.errors import OptionError


def choice(who: str, name: str, value: Any, valid: Collection[Any]) -> None:
    """Refuse what is not one of the valid values.

    Raises:
        OptionError: it is not.
    """
    if value not in valid:
        listed = " or ".join(repr(entry) for entry in valid)
        raise OptionError(f"{who}: {name}: expected {listed}, found {value!r}")


def positive(who: str, name: str, value: Any) -> None:
    """Refuse a limit that leaves nothing.

    Raises:
        OptionError: it is neither None nor a number above zero.
    """
    if value is not None and (isinstance(value, bool) or not value > 0):
        raise OptionError(f"{who}: {name}: expected a number > 0 or None, found {value!r}")


def fraction(who: str, name: str, value: float) -> None:
    """Refuse a negative or infinite gap.

    Raises:
        OptionError: it is one.
    """
    if not (math.isfinite(value) and value >= 0):
        raise OptionError(f"{who}: {name}: expected a finite number >= 0, found {value!r}")
