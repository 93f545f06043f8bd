"""Trying cases until the time is over."""

from __future__ import annotations

import sys
import threading
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from fuzz.case import Case
from fuzz.judging import Verdict, by_kind
from imle.errors import InstanceError
from imle.plugins import registry
from imle.solvers import SolveStatus

_MORE = 5
"""How many times as long as others programs are tried: they are where solvers are wrong."""

_LONG = 30.0
"""Seconds after which a case is printed while it is still solved."""

Draw = Callable[[str, np.random.Generator], Case]


@dataclass
class Tally:
    """What happened to one target."""

    instances: int = 0
    refused: int = 0
    rows: int = 0
    wrong: int = 0
    status: Counter[SolveStatus] = field(default_factory=Counter)
    seconds: float = 0.0


@dataclass(frozen=True)
class Finding:
    """A case that went wrong.

    Attributes:
        target: what was tried.
        seed, number: which draw of it.
        what: what is wrong.
        snippet: lines of Python that show it.
        message: what the solver said about the row.
    """

    target: str
    seed: int
    number: int
    what: str
    snippet: str
    message: str = ""

    def __str__(self) -> str:
        said = f"\n# the solver says: {self.message}" if self.message else ""
        return f"# {self.target}, seed {self.seed}, case {self.number}: {self.what}{said}\n{self.snippet}\n"


def draw(draws: Mapping[str, Draw], target: str, seed: int, number: int) -> Case:
    """One case: the same for the same numbers."""
    return draws[target](target, np.random.default_rng([seed, zlib.crc32(target.encode()), number]))


def run(
    draws: Mapping[str, Draw],
    seed: int,
    seconds: float,
    tallies: dict[str, Tally],
    *,
    most_rows: float = float("inf"),
) -> Iterator[Finding]:
    """Try all targets, the one that has had the least time next, until the time is over or all have their rows."""
    tallies.update({target: Tally() for target in draws})
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        open_ones = [target for target in draws if tallies[target].rows < most_rows]
        if not open_ones:
            return
        target = min(open_ones, key=lambda name: tallies[name].seconds / (_MORE if name.startswith("programs/") else 1))
        tally = tallies[target]
        start = time.perf_counter()
        number = tally.instances
        tally.instances += 1
        case = draw(draws, target, seed, number)
        with told_if_slow(f"{target}, seed {seed}, case {number}", case):
            yield from attempt(case, tally, target, seed, number)
        tally.seconds += time.perf_counter() - start


@contextmanager
def told_if_slow(name: str, case: Case) -> Iterator[None]:
    """Print a case that takes long: it may never end."""
    timer = threading.Timer(_LONG, lambda: sys.stdout.write(f"\n# {name} takes long\n{case.snippet()}\n"))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def attempt(case: Case, tally: Tally, target: str, seed: int, number: int) -> Iterator[Finding]:
    """Solve one case and judge it; at most one finding, the first row that is wrong."""
    try:
        answer = case.run(case.build())
    except Exception as error:
        if isinstance(error, InstanceError) and case.refusable:
            tally.refused += 1
            return
        tally.wrong += 1
        yield Finding(target, seed, number, traceback.format_exc(limit=-1).strip(), case.snippet())
        return
    verdicts = by_kind(case.truths, case.which, case.objectives, answer, sign_of(case))
    tally.rows += len(verdicts)
    tally.status.update(verdict.status for verdict in verdicts)
    wrong = [row for row, verdict in enumerate(verdicts) if verdict.wrong]
    tally.wrong += len(wrong)
    if wrong:
        first = wrong[0]
        message = answer.messages.get(first, "")
        yield Finding(target, seed, number, verdicts[first].wrong, _smallest(case, first).snippet(), message)


def _smallest(case: Case, row: int) -> Case:
    """The row alone if that is enough, else with all rows before it."""
    alone = case.of([row])
    return alone if any(verdict.wrong for verdict in verdicts_of(alone)) else case.of(range(row + 1))


def verdicts_of(case: Case) -> Sequence[Verdict]:
    """What is wrong with a case that is built and solved anew."""
    answer = case.run(case.build())
    return by_kind(case.truths, case.which, case.objectives, answer, sign_of(case))


def sign_of(case: Case) -> int:
    """1 if objectives are costs."""
    sense = case.options.get("sense") or registry.find(case.solver).spec.sense
    return 1 if sense == "min" else -1


def table(tallies: Mapping[str, Tally]) -> str:
    """What was tried, a line per target."""
    width = max(len(target) for target in tallies)
    lines = [f"{'target':{width}}  instances  refused     rows  wrong  unproven  errors  no answer  rows/s"]
    for target, tally in tallies.items():
        errors = tally.status[SolveStatus.ERROR]
        silent = tally.status[SolveStatus.TIMEOUT]
        rate = tally.rows / tally.seconds if tally.seconds else 0.0
        lines.append(
            f"{target:{width}}  {tally.instances:9d}  {tally.refused:7d}  {tally.rows:7d}  {tally.wrong:5d}  "
            f"{tally.status[SolveStatus.FEASIBLE]:8d}  {errors:6d}  {silent:9d}  {rate:6.0f}"
        )
    return "\n".join(lines)
