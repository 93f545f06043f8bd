"""What came of the checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from imle.testing.check import Check
from imle.testing.failure import CheckFailure


class State(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    EXPECTED = "failed as expected"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class CheckOutcome:
    """One check on one instance, or on the solver.

    Attributes:
        check: what was checked.
        instance: its name, "" for the solver.
        state: how it ended.
        reason: why it does not apply, cannot tell, or was expected to fail.
        failure: what was found.
        seconds: how long it took.
    """

    check: Check
    instance: str
    state: State
    reason: str = ""
    failure: CheckFailure | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.state not in (State.FAILED, State.INCONCLUSIVE)

    @property
    def name(self) -> str:
        """`check` or `check[instance]`."""
        return f"{self.check.name}[{self.instance}]" if self.instance else self.check.name

    def as_json(self) -> Mapping[str, Any]:
        """For `imle check --json`."""
        failure = self.failure
        return {
            "check": self.check.name,
            "theme": self.check.theme,
            "instance": self.instance or None,
            "state": self.state.value,
            "reason": self.reason or None,
            "seconds": round(self.seconds, 4),
            "failure": None
            if failure is None
            else {"expected": failure.expected, "found": failure.found, "where": failure.where, "fix": failure.fix},
        }


@dataclass(frozen=True)
class Report:
    """All outcomes of one solver.

    Attributes:
        name: the solver.
        instances: names of its instances.
        origin: where they come from.
        outcomes: in the order of the checks.
    """

    name: str
    instances: tuple[str, ...]
    origin: str
    outcomes: tuple[CheckOutcome, ...]

    @property
    def ok(self) -> bool:
        """Whether no check failed or was inconclusive, and every expected failure came."""
        return all(outcome.ok for outcome in self.outcomes)

    @property
    def failed(self) -> tuple[CheckOutcome, ...]:
        """Failures that were not expected, and expected ones that did not come."""
        return tuple(outcome for outcome in self.outcomes if outcome.state is State.FAILED)

    def count(self, state: State) -> int:
        """How many checks ended so.

        Args:
            state: how.
        """
        return sum(outcome.state is state for outcome in self.outcomes)
