"""How many bindings grounding may look at: estimated before it starts, counted while it runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from imle.errors import InstanceError

# The most bindings grounding a program may look at, unless told otherwise.
LIMIT = 200_000_000
# What to do about too many atoms.
FEWER = "give evidence and declare observed predicates closed (*), use smaller domains"
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


Watcher = Callable[[GroundingProgress], None]


@dataclass(frozen=True)
class _Options:
    limit: int = LIMIT
    progress: Watcher | None = None


_DEFAULT = _Options()
_OPTIONS: ContextVar[_Options] = ContextVar("imle_mln grounding options", default=_DEFAULT)


@contextmanager
def grounding_options(*, limit: int = LIMIT, progress: Watcher | None = None) -> Iterator[None]:
    """Set how programs are grounded inside this context, by layers, `imle_mln.map_inference` and `ground`.

    Args:
        limit: the most bindings to look at for a program; those that joins with evidence skip are not looked at. A
            program that needs more is refused with the number for each formula, before memory is spent on it.
        progress: called with a `GroundingProgress`, a few times for each million bindings.
    """
    token = _OPTIONS.set(_Options(limit, progress))
    try:
        yield
    finally:
        _OPTIONS.reset(token)


def limit_in_force() -> int:
    """The limit `grounding_options` says."""
    return _OPTIONS.get().limit


class TooManyGroundingsError(InstanceError):
    """A program that would ground to more than the limit."""


@dataclass
class Budget:
    """The bindings of all formulas of a program, expected and seen.

    Attributes:
        formulas: text and line of each.
        limit: the most bindings to look at.
        progress: told about each piece of work.
        expected: an estimate for each formula.
        seen: how many were looked at, for each formula.
        advice: what might make the groundings of a formula fewer, given its number.
    """

    formulas: Sequence[str]
    limit: int
    progress: Watcher | None
    advice: Callable[[int], str]
    expected: list[float] = field(init=False)
    seen: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.expected = [0.0] * len(self.formulas)
        self.seen = [0] * len(self.formulas)

    @classmethod
    def of(
        cls,
        formulas: Sequence[str],
        advice: Callable[[int], str],
        limit: int,
        progress: Watcher | None,
    ) -> Budget:
        """A budget; without `progress`, that of `grounding_options`."""
        return cls(formulas, limit, progress or _OPTIONS.get().progress, advice)

    def check_expected(self) -> None:
        """Refuse what is expected to be too much.

        Raises:
            TooManyGroundingsError: with the estimate for each formula.
        """
        if sum(self.expected) > self.limit:
            raise self._error("about", self.expected)

    def meter(self, formula: int) -> Meter:
        """What counts the bindings of one formula."""
        return Meter(self, formula)

    def check(self, formula: int, rows: int) -> None:
        """Refuse `rows` more bindings of a formula, before they are made."""
        if sum(self.seen) + rows > self.limit:
            sizes = [max(pair) for pair in zip(self.expected, self.seen, strict=True)]
            sizes[formula] = max(sizes[formula], self.seen[formula] + rows)
            raise self._error("at least", sizes)

    def add(self, formula: int, rows: int) -> None:
        """Count bindings that are about to be made."""
        self.check(formula, rows)
        self.seen[formula] += rows
        if self.progress is not None:
            expected = sum(max(pair) for pair in zip(self.expected, self.seen, strict=True))
            self.progress(
                GroundingProgress(
                    self.formulas[formula], formula + 1, len(self.formulas), sum(self.seen), round(expected)
                )
            )

    def _error(self, how: str, sizes: Sequence[float]) -> TooManyGroundingsError:
        largest = max(range(len(sizes)), key=sizes.__getitem__)
        return too_many(f"{how} {{}} groundings to look at", self.formulas, sizes, self.limit, self.advice(largest))


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


@dataclass(frozen=True)
class Meter:
    """Counts the bindings grounding looks at for one formula, and stops it in time."""

    budget: Budget
    formula: int

    @property
    def rule(self) -> str:
        """Text and line of the formula, for errors."""
        return self.budget.formulas[self.formula]

    def check(self, rows: int) -> None:
        """Refuse `rows` more bindings, before they are made."""
        self.budget.check(self.formula, rows)

    def add(self, rows: int) -> None:
        """Count bindings that are about to be made."""
        self.budget.add(self.formula, rows)


def _written(number: float) -> str:
    return f"{round(number):,}" if number < 1e15 else f"{number:.1e}"
