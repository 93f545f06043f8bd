"""Checks of options that many places need."""

from __future__ import annotations

import math
from typing import Any

from imle.errors import OptionError


def scalar(value: Any) -> Any:
    """A number of numpy or torch as what it is in Python, for which neither need be imported; else the value itself.

    So is a tensor that requires a gradient, which none would reach.
    """
    library = type(value).__module__.partition(".")[0]
    if (
        library not in ("numpy", "torch")
        or getattr(value, "shape", None) != ()
        or getattr(value, "requires_grad", False)
    ):
        return value
    return value.item()


def is_positive_int(value: Any) -> bool:
    """Whether a value is an int of at least 1; True is not one."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def kind(value: object) -> str:
    """What a value is, for messages; a class given for one of its objects is named."""
    return f"the class {value.__name__}" if isinstance(value, type) else type(value).__name__


def positive_int(where: str, value: Any) -> int:
    """Refuse what is not an int of at least 1.

    Args:
        where: what the message begins with.
        value: what was given.

    Raises:
        OptionError: it is not one.
    """
    number = scalar(value)
    if not is_positive_int(number):
        raise OptionError(f"{where}: expected an int >= 1, found {value!r}")
    return int(number)


def is_number(value: Any) -> bool:
    """Whether a value is a finite int or float; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def positive(where: str, value: Any) -> float:
    """Refuse what is not a finite number above 0.

    Args:
        where: what the message begins with.
        value: what was given.

    Raises:
        OptionError: it is not one.
    """
    number = scalar(value)
    if not (is_number(number) and number > 0):
        raise OptionError(f"{where}: expected a number > 0, found {value!r}")
    return float(number)


def not_negative(where: str, value: Any) -> float:
    """Refuse what is not a finite number of at least 0.

    Args:
        where: what the message begins with.
        value: what was given.

    Raises:
        OptionError: it is not one.
    """
    number = scalar(value)
    if not (is_number(number) and number >= 0):
        raise OptionError(f"{where}: expected a number >= 0, found {value!r}")
    return float(number)
