"""How a check says that it failed, or that it cannot tell."""

from __future__ import annotations

from imle._text import printable


class CheckFailure(AssertionError):  # noqa: N818 - it is a verdict
    """A check found something else than the contract asks for.

    Args:
        expected: what the contract asks for.
        found: what there was instead.
        where: the call, the row, the field or the file.
        fix: how the author of the solver mends it.
    """

    def __init__(self, expected: str, found: str, where: str, fix: str) -> None:
        super().__init__(expected, found, where, fix)  # what it is pickled by
        self.expected = printable(expected)
        self.found = printable(found)
        self.where = printable(where)
        self.fix = printable(fix)

    def __str__(self) -> str:
        return (
            f"\n  expected: {self.expected}\n  found:    {self.found}\n  where:    {self.where}\n  fix:      {self.fix}"
        )


class NotApplicable(Exception):  # noqa: N818 - it is no error
    """A check has nothing to say about this solver or instance; the message says why."""


class Inconclusive(Exception):  # noqa: N818 - it is a verdict
    """A check applies, but what it found does not tell whether the solver is right; the message says why.

    A solver with such a check has not passed.
    """
