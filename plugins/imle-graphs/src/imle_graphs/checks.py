"""Checks of options, for those who make the solver objects themselves."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from imle.errors import OptionError


def choice(who: str, name: str, value: Any, valid: Collection[str]) -> None:
    """Refuse what is not one of the valid values.

    Raises:
        OptionError: it is not.
    """
    if value not in valid:
        listed = " or ".join(repr(entry) for entry in valid)
        raise OptionError(f"{who}: {name}: expected {listed}, found {value!r}")
