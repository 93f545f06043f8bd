"""The table of `imle check`: one line per check, and below it what failed, why, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imle._report import indented, laid_out, pairs, text
from imle.testing.report import CheckOutcome, Report, State

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from imle.cli.check_worker import Planned

_MARKS = {
    State.PASSED: ("✓", "green"),
    State.FAILED: ("✗", "bold red"),
    State.INCONCLUSIVE: ("?", "bold red"),
    State.EXPECTED: ("x", "yellow"),
    State.NOT_APPLICABLE: ("-", "dim"),
}
WIDE = 140
"""Columns from which each check is explained on its line."""

_RESULT, _TIME = len(State.EXPECTED), len("100.00 s")
"""Widths of columns, known before the checks are made."""

_WORST = (State.NOT_APPLICABLE, State.PASSED, State.EXPECTED, State.INCONCLUSIVE, State.FAILED)


class Table:
    """The table of one subject, to which lines are added as checks are made.

    Args:
        console: where it is printed.
        subject: what is checked.
    """

    def __init__(self, console: Console, subject: Planned) -> None:
        self._console = console
        self._subject = subject
        self._names = max((len(name) for name, _, _ in subject.checks), default=0)
        self._made: dict[int, CheckOutcome] = {}

    def report(self) -> Report:
        """All outcomes there are."""
        subject = self._subject
        outcomes = tuple(self._made[place] for place in sorted(self._made))
        return Report(subject.name, subject.instances, subject.origin, outcomes)

    def add(self, place: int, outcome: CheckOutcome) -> list[RenderableType]:
        """Take an outcome; the line of its check if it was the last one of it."""
        self._made[place] = outcome
        places = [p for p, (name, _, _) in enumerate(self._subject.checks) if name == outcome.check.name]
        if place != places[-1]:
            return []
        return self._line([self._made[p] for p in places if p in self._made])

    def head(self) -> list[RenderableType]:
        """What comes first."""
        subject = self._subject
        shown = ", ".join(subject.instances[:4]) + (", ..." if len(subject.instances) > 4 else "")
        return [
            text((subject.name, "bold cyan"), f": {subject.summary}"),
            pairs({"checked on": f"{shown} ({subject.origin})"}),
            text(),
            *self._row([text((name, "bold")) for name in ("", "check", "result", "time", "what is checked")]),
        ]

    def _line(self, own: Sequence[CheckOutcome]) -> list[RenderableType]:
        """One check, from its outcomes on all instances. Narrow terminals show notes on unusual ones only."""
        check = own[0].check
        state = max((outcome.state for outcome in own), key=_WORST.index)
        mark, style = _MARKS[state]
        seconds = sum(outcome.seconds for outcome in own)
        quiet = "dim" if state is State.NOT_APPLICABLE else ""
        return self._row(
            [
                text((mark, style)),
                text((check.name, quiet or "bold")),
                text((_result(own, state), style)),
                text((f"{seconds:.2f} s" if seconds >= 0.01 else "", "dim")),
                text((_note(own, state) or (check.summary if self._console.width >= WIDE else ""), quiet)),
            ]
        )

    def foot(self) -> list[RenderableType]:
        """What failed, and the sum."""
        report = self.report()
        parts: list[RenderableType] = []
        for outcome in report.failed:
            failure = outcome.failure
            assert failure is not None
            details = {"expected": failure.expected, "found": failure.found, "where": failure.where}
            parts += [text(), text(("✗ ", "bold red"), (outcome.name, "bold"))]
            parts += [pairs({**details, "fix": text((failure.fix, "cyan"))})]
        seconds = sum(outcome.seconds for outcome in report.outcomes)
        counts = ", ".join(f"{report.count(state)} {state.value}" for state in State if report.count(state))
        return [*parts, text(), text((counts, "bold green" if report.ok else "bold red"), f" in {seconds:.1f} s")]

    def _row(self, row: Sequence[Text]) -> list[RenderableType]:
        widths = [1, self._names, _RESULT, _TIME, row[-1].cell_len]
        return list(map(indented, laid_out(row, widths, self._console.width - 2)))


def _result(own: Sequence[CheckOutcome], state: State) -> str:
    """The state, and on how many instances it holds if not on all."""
    wanted = {state} if state is not State.PASSED else {*State} - {State.NOT_APPLICABLE}
    same = sum(outcome.state in wanted for outcome in own)
    return state.value if same == len(own) else f"{state.value} ({same} of {len(own)})"


def _note(own: Sequence[CheckOutcome], state: State) -> str:
    """Why a check was not made, does not tell, or failed as expected."""
    if state in (State.PASSED, State.FAILED):
        return ""
    return "; ".join(dict.fromkeys(outcome.reason for outcome in own if outcome.state is state))
