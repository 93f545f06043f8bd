"""How many bindings grounding may look at: estimated before it starts, counted while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from imle.errors import InstanceError, SolveError
from imle_linear.engines import Clock

# The most bindings grounding a program may look at, unless told otherwise.
LIMIT = 200_000_000
# What to do about too many atoms.
FEWER = "give evidence and declare observed predicates closed (*), use smaller domains"
# So many bindings are looked at whatever the time limit: they take less than a second.
_QUICK = 1_000_000
# So many formulas are listed when there are too many groundings.
_LISTED = 10


@dataclass(frozen=True)
class GroundingProgress:
    """How far grounding has come.

    Attributes:
        formula: text and line of the formula that is being grounded.
        number: which one it is, from 1.
        formulas: how many there are.
        seen: the bindings looked at so far, of all formulas.
        expected: how many there will be in the end, estimated.
    """

    formula: str
    number: int
    formulas: int
    seen: int
    expected: int


@dataclass(frozen=True)
class GroundingOptions:
    """See `grounding_options`."""

    limit: int = LIMIT
    progress: Callable[[GroundingProgress], None] | None = None
    clock: Clock | None = None


_IN_FORCE: ContextVar[GroundingOptions] = ContextVar("imle_mln grounding options")


@contextmanager
def grounding_options(
    *, limit: int = LIMIT, progress: Callable[[GroundingProgress], None] | None = None
) -> Iterator[None]:
    """Set how programs are grounded inside this context, by layers, `imle_mln.map_inference` and `ground`.

    Args:
        limit: the most bindings to look at for a program; those that joins with evidence skip are not looked at. A
            program that needs more is refused with the number for each formula, before memory is spent on it.
        progress: called with a `GroundingProgress`, a few times for each million bindings.
    """
    token = _IN_FORCE.set(GroundingOptions(limit, progress))
    try:
        yield
    finally:
        _IN_FORCE.reset(token)


@contextmanager
def timed_grounding(clock: Clock) -> Iterator[None]:
    """End grounding inside this context when a clock has run out; all else as it is outside of it."""
    token = _IN_FORCE.set(replace(options_in_force(), clock=clock))
    try:
        yield
    finally:
        _IN_FORCE.reset(token)


def options_in_force() -> GroundingOptions:
    """What the innermost `grounding_options` says."""
    return _IN_FORCE.get(GroundingOptions())


class TooManyGroundingsError(InstanceError):
    """A program that would ground to more than the limit."""


class Budget:
    """The bindings of all formulas of a program, expected and seen.

    Args:
        formulas: text and line of each.
        options: the limit, and what is told about progress.
        advice: what might make the groundings of a formula fewer, given its number.

    Attributes:
        meters: of each formula.
    """

    def __init__(self, formulas: Sequence[str], options: GroundingOptions, advice: Callable[[int], str]) -> None:
        self._options, self._advice = options, advice
        self.meters = [Meter(self, number, rule) for number, rule in enumerate(formulas)]

    @property
    def seen(self) -> int:
        """Bindings looked at so far."""
        return sum(meter.seen for meter in self.meters)

    def check_expected(self) -> None:
        """Refuse what is expected to be too much.

        Raises:
            TooManyGroundingsError: with the estimate for each formula.
        """
        expected = [meter.expected for meter in self.meters]
        if sum(expected) > self._options.limit:
            raise self._error("about", expected)

    def check(self, formula: int, rows: int) -> None:
        """Refuse `rows` more bindings of a formula, before they are made."""
        if self.seen + rows > self._options.limit:
            sizes = [max(meter.expected, meter.seen + rows * (meter.number == formula)) for meter in self.meters]
            raise self._error("at least", sizes)

    def tell(self, formula: int) -> None:
        """Report progress, made with this formula.

        Raises:
            SolveError: time is over.
        """
        if self._options.clock is not None and self.seen > _QUICK and self._options.clock() == 0.0:
            total = sum(max(meter.expected, meter.seen) for meter in self.meters)
            raise SolveError(
                f"mln: timeout: the time limit came while {self.meters[formula].rule} was grounded: {self.seen:,} of "
                f"about {_written(total)} groundings looked at",
                hint=f"a longer time_limit; or {self._advice(formula)}",
            )
        if self._options.progress is not None:
            expected = round(sum(max(meter.expected, meter.seen) for meter in self.meters))
            rule, count = self.meters[formula].rule, len(self.meters)
            self._options.progress(GroundingProgress(rule, formula + 1, count, self.seen, expected))

    def _error(self, how: str, sizes: Sequence[float]) -> TooManyGroundingsError:
        rules = [meter.rule for meter in self.meters]
        advice = self._advice(max(range(len(sizes)), key=sizes.__getitem__))
        return too_many(f"{how} {{}} groundings to look at", rules, sizes, self._options.limit, advice)


@dataclass
class Meter:
    """Counts the bindings grounding looks at for one formula, and stops it in time.

    Attributes:
        budget: of the whole program.
        number: of the formula.
        rule: its text and line, for errors.
        expected: an estimate of its bindings.
        seen: those looked at.
    """

    budget: Budget
    number: int
    rule: str
    expected: float = 0.0
    seen: int = 0

    def check(self, rows: int) -> None:
        """Refuse `rows` more bindings, before they are made."""
        self.budget.check(self.number, rows)

    def add(self, rows: int) -> None:
        """Count bindings that are about to be made."""
        self.check(rows)
        self.seen += rows
        self.budget.tell(self.number)


def too_many(
    what: str, names: Sequence[str], sizes: Sequence[float], limit: int, advice: str
) -> TooManyGroundingsError:
    """The error for numbers that are above the limit together.

    Args:
        what: what there are too many of, with `{}` for their number.
        names: what they are for.
        sizes: the numbers.
        limit: the limit.
        advice: how to have fewer.
    """
    order = sorted(range(len(sizes)), key=lambda at: -sizes[at])
    shown = [(sizes[at], names[at]) for at in order[:_LISTED]]
    if len(order) > _LISTED:
        shown.append((sum(sizes[at] for at in order[_LISTED:]), f"{len(order) - _LISTED} more"))
    width = max(len(_written(number)) for number, _ in shown)
    lines = [f"    {_written(number):>{width}}  {name}" for number, name in shown]
    raising = "raise the limit: imle_mln.grounding_options(limit=...), --limit of the commands"
    return TooManyGroundingsError(
        "\n".join([f"{what.format(_written(sum(sizes)))}, the limit is {limit:,}:", *lines]),
        hint=f"{advice}, or {raising}",
    )


def _written(number: float) -> str:
    return f"{round(number):,}" if number < 1e15 else f"{number:.1e}"
