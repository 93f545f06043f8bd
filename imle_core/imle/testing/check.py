"""A check: a function with a name, and when it can be made."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Condition = Callable[[Any], str]
"""From a Subject or Case to why a check does not apply, or ""."""


@dataclass(frozen=True)
class Check:
    """One thing every solver must do.

    Args:
        name: as in `imle check --only NAME`.
        function: takes a Subject (`per="solver"`) or a Case (`per="instance"`), and raises `CheckFailure`.
        per: whether it is made once, or on each instance.
        applies: why it cannot be made; all must be silent.
        needs: checks that must pass for this one to mean anything.
    """

    name: str
    function: Callable[[Any], None]
    per: Literal["solver", "instance"] = "instance"
    applies: tuple[Condition, ...] = ()
    needs: tuple[str, ...] = ("contract",)

    @property
    def summary(self) -> str:
        """One line: what is checked."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0].rstrip(".")

    @property
    def theme(self) -> str:
        """The file it is in."""
        return self.function.__module__.rpartition(".")[2]

    def reason(self, about: Any) -> str:
        """Why the check does not apply, or "".

        Args:
            about: a Subject or a Case.
        """
        return next((why for why in (condition(about) for condition in self.applies) if why), "")
