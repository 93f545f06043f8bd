"""The table of `imle check`: one line per check, and below it what failed, why, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from imle.cli.output import pairs, table
from imle.testing.report import Outcome, Report, State

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_MARKS = {
    State.PASSED: ("✓", "green"),
    State.FAILED: ("✗", "bold red"),
    State.INCONCLUSIVE: ("?", "bold red"),
    State.EXPECTED: ("x", "yellow"),
    State.NOT_APPLICABLE: ("-", "dim"),
}
WIDE = 140
"""Columns from which each check is explained on its line."""

_WORST = (State.NOT_APPLICABLE, State.PASSED, State.EXPECTED, State.INCONCLUSIVE, State.FAILED)


def report_table(console: Console, report: Report, summary: str) -> list[RenderableType]:
    """A report as something to print."""
    count = len(report.instances)
    on = f"{', '.join(report.instances[:4])}{', ...' if count > 4 else ''} ({report.origin})"
    lines = table(("", "check", "result", "time", "what is checked"), _rows(report, console.width), console.width - 2)
    parts: list[RenderableType] = [
        Text.assemble((report.name, "bold cyan"), f": {summary}"),
        pairs({"checked on": on}),
        Text(),
        *(Padding(line, (0, 0, 0, 2)) for line in lines),
    ]
    for outcome in report.failed:
        parts += _failure(outcome)
    return [*parts, Text(), _sum(report)]


def _rows(report: Report, width: int) -> list[list[Text]]:
    """One row per check. Narrow terminals are told what is not as usual; `imle check --list` has the rest."""
    rows = []
    for check in dict.fromkeys(outcome.check for outcome in report.outcomes):
        own = [outcome for outcome in report.outcomes if outcome.check is check]
        state = max((outcome.state for outcome in own), key=_WORST.index)
        mark, style = _MARKS[state]
        seconds = sum(outcome.seconds for outcome in own)
        quiet = "dim" if state is State.NOT_APPLICABLE else ""
        rows.append(
            [
                Text(mark, style),
                Text(check.name, "dim" if quiet else "bold"),
                Text(_result(own, state), style),
                Text(f"{seconds:.2f} s" if seconds >= 0.01 else "", "dim"),
                Text(_note(own, state) or (check.summary if width >= WIDE else ""), quiet),
            ]
        )
    return rows


def _result(own: Sequence[Outcome], state: State) -> str:
    """The state, and on how many instances it holds if not on all."""
    same = sum(outcome.state is state for outcome in own)
    made = sum(outcome.state is not State.NOT_APPLICABLE for outcome in own)
    text = state.value
    if state is State.PASSED:
        return text if made == len(own) else f"{text} ({made} of {len(own)})"
    return text if same == len(own) else f"{text} ({same} of {len(own)})"


def _note(own: Sequence[Outcome], state: State) -> str:
    """Why a check was not made, does not tell, or failed as expected."""
    if state in (State.NOT_APPLICABLE, State.INCONCLUSIVE, State.EXPECTED):
        return "; ".join(dict.fromkeys(outcome.reason for outcome in own if outcome.state is state))
    return ""


def _failure(outcome: Outcome) -> list[RenderableType]:
    failure = outcome.failure
    assert failure is not None
    details = {"expected": failure.expected, "found": failure.found, "where": failure.where}
    return [
        Text(),
        Text.assemble(("✗ ", "bold red"), (outcome.name, "bold")),
        pairs({**details, "fix": Text(failure.fix, "cyan")}),
    ]


def _sum(report: Report) -> Text:
    seconds = sum(outcome.seconds for outcome in report.outcomes)
    parts = [f"{report.count(state)} {state.value}" for state in State if report.count(state)]
    style = "bold green" if report.ok else "bold red"
    return Text.assemble((", ".join(parts), style), f" in {seconds:.1f} s")
