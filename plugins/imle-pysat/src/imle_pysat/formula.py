"""Weighted partial MaxSAT as data: clauses, weights, and which clauses hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError

Clause = list[int]
Bools = NDArray[np.bool_]
MOST = 2**30
"""Variables a clause may name; SAT solvers keep literals in 32 bits."""
_HEAVIEST = 10**300
"""So that sums of weights are floats."""
_LONGEST = 1000
"""Characters of a weight: a number of a million digits takes minutes to compute with."""
_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?0*\d{1,3})?|\d+/\d+)", re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d{1,18}", re.ASCII)


@dataclass(eq=False)
class Formula:
    """Weighted partial MaxSAT.

    Attributes:
        hard: clauses that every solution satisfies.
        soft: clauses that may be falsified, in the order of the objective.
        weights: of the soft clauses, as written; None if there are none.
        variables: the largest number of a variable.
    """

    hard: list[Clause] = field(default_factory=list)
    soft: list[Clause] = field(default_factory=list)
    weights: list[Fraction] | None = None
    variables: int = 0

    def count_variables(self, least: int = 0) -> Formula:
        """Set `variables` to the largest number of a variable, or to `least` if that is more."""
        clauses = (*self.hard, *self.soft)
        self.variables = max((abs(literal) for clause in clauses for literal in clause), default=0)
        self.variables = max(self.variables, least)
        return self

    def compact(self) -> tuple[Formula, NDArray[np.int64]]:
        """The same formula over the variables that occur in it, numbered from 1 in their order; and their old numbers.

        SAT solvers take memory for every number up to the largest.
        """
        used = sorted({abs(literal) for clause in (*self.hard, *self.soft) for literal in clause})
        number = {old: new for new, old in enumerate(used, 1)}

        def renumbered(clauses: list[Clause]) -> list[Clause]:
            return [[number[lit] if lit > 0 else -number[-lit] for lit in clause] for clause in clauses]

        own = Formula(renumbered(self.hard), renumbered(self.soft), self.weights, len(used))
        return own, np.array(used, np.int64)


class Truths:
    """Evaluates clauses.

    Args:
        clauses: over variables from 1 on.
    """

    def __init__(self, clauses: Sequence[Clause]) -> None:
        literals = np.array([literal for clause in clauses for literal in clause], np.int64)
        self._variables, self._negated = np.abs(literals) - 1, literals < 0
        self._ends = np.cumsum([0, *map(len, clauses)])

    def of(self, states: Bools) -> Bools:
        """States `[N, V]` of the variables to `[N, C]`: which clauses hold. An empty one does not."""
        held = states[:, self._variables] ^ self._negated
        before = np.zeros((len(states), held.shape[1] + 1), np.int64)
        np.cumsum(held, axis=1, out=before[:, 1:])
        found: Bools = before[:, self._ends[1:]] > before[:, self._ends[:-1]]
        return found


def literals(where: str, words: Iterable[Any]) -> Clause:
    """A clause from whole numbers, or from text.

    Raises:
        InstanceError: one is no literal.
    """
    clause = []
    for word in words:
        literal = whole(word)
        if literal is None or not 0 < abs(literal) < MOST:
            raise InstanceError(
                f"{where}: expected literals, whole numbers other than 0, found {shown(word)}",
                hint=f"variable 3 is 3 where it is true and -3 where it is false; numbers go up to {MOST - 1:,}",
            )
        clause.append(literal)
    return clause


def whole(given: Any) -> int | None:
    """A whole number, given as one or as text; None if it is not one."""
    if isinstance(given, str):
        return int(given) if _WHOLE.fullmatch(given) else None
    try:
        return None if isinstance(given, bool) else int(given.__index__())
    except (AttributeError, TypeError):
        return None


def weight(where: str, given: Any) -> Fraction:
    """A weight from a number, or from text, without rounding it.

    Raises:
        InstanceError: not one, or out of bounds.
    """
    try:
        found = _fraction(given)
        if abs(found) <= _HEAVIEST:
            return found
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        pass
    raise InstanceError(
        f"{where}: expected a finite weight, found {shown(given)}",
        hint=f"a decimal number or a fraction such as 1/3, at most 1e300 in size, its exponent at least -999, in no "
        f"more than {_LONGEST:,} characters",
    )


def _fraction(given: Any) -> Fraction:
    if isinstance(given, (str, Decimal)):
        text = str(given)
        if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
            raise ValueError(text)
        return Fraction(text)
    return Fraction(given) if isinstance(given, (int, float, Fraction)) else Fraction(float(given))


def shown(given: Any, most: int = 60) -> str:
    """What was found, for messages: not all of it if it is long."""
    text = repr(given)
    return text if len(text) <= most else f"{text[: most // 2]} ... ({len(text):,} characters)"
