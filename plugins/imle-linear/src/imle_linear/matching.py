"""Instances of assignment problems: which pairs are allowed, what objects left unmatched cost, how large rows are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError, ObjectiveError
from imle.solvers import (
    BasePrepared,
    FindsNormalCones,
    FixedTerms,
    NormalCones,
    RowResults,
    RowShapes,
    Sense,
    Shape,
    SolveStatus,
)
from imle_linear.arrays import Floats, mask

Longs = NDArray[np.int64]

LEAVE_OUT = "unmatched= leaves objects out, at a price"
"""What to do where there is no complete assignment."""
_TOO_LARGE = 2.0**1000
"""Costs are added and subtracted a few thousand times; beyond this they might overflow on the way."""


@dataclass(frozen=True, eq=False)
class Matching:
    """What may be assigned to what.

    A complete assignment gives each object of the smaller side one of the larger. With prices for objects left
    unmatched, any set of pairs of different objects will do, and its value is that of its pairs and of all objects in
    none. A pair is then chosen only where it is better than leaving both its objects unmatched.

    Attributes:
        who: the solver, for messages.
        sense: "min" for costs, "max" for scores.
        allowed: `[n, m]` pairs that may be chosen, or None.
        unmatched: `[1]`, `[2]` or `[n + m]` prices, or None.
        sizes: `[2]` of both sides in all rows, or None.
    """

    who: str
    sense: Sense
    allowed: NDArray[np.bool_] | None
    unmatched: Floats | None
    sizes: Longs | None

    @classmethod
    def read(cls, who: str, sense: Sense, *, allowed: Any, unmatched: Any, sizes: Any) -> Matching:
        """Read what a user gave.

        Raises:
            InstanceError: `allowed` is no matrix of bool or 0/1, `unmatched` no numbers, or `sizes` are not two ints.
        """
        pairs = None if allowed is None else mask(who, allowed)
        prices = None if unmatched is None else _prices(who, unmatched)
        found = cls(who, sense, pairs, prices, None if sizes is None else _sizes(who, sizes, rows=False)[0])
        if pairs is not None:
            found.check(pairs.shape)
        return found

    @property
    def objective_shape(self) -> Shape:
        """`(n, m)`, where it is known."""
        return (None, None) if self.allowed is None else self.allowed.shape

    @property
    def has_terms(self) -> bool:
        """Whether values are more than sums of pairs."""
        return self.unmatched is not None and bool(self.unmatched.any())

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse what does not fit to objectives `[n, m]`.

        Raises:
            InstanceError: says what was expected.
        """
        if self.unmatched is not None and len(self.unmatched) not in (1, 2, sum(shape)):
            raise InstanceError(
                f"{self.who}: unmatched: expected a number, one for each side, or {sum(shape)}, one for each of "
                f"{shape[0]} + {shape[1]} objects, found {len(self.unmatched)}"
            )
        if self.sizes is not None:
            _check_sizes(self.who, self.sizes[None], shape)

    def row_shapes(self, sizes: Any = None) -> Longs | None:
        """`[N, 2]` given row by row, or `[1, 2]` for all rows; None where nothing is padded.

        Raises:
            InstanceError: not two ints for each row; names it.
        """
        if sizes is not None:
            return _sizes(self.who, sizes)
        return None if self.sizes is None else self.sizes[None]

    def sizes_of(self, shape: tuple[int, ...], sizes: Any) -> Longs:
        """`[N, 2]` sizes of the rows of a batch of shape `[N, n, m]`.

        Raises:
            InstanceError: some do not fit into it; names the row.
        """
        self.check(shape[1:])
        given = self.row_shapes(sizes)
        if given is None:
            return np.tile(np.array(shape[1:], np.int64), (shape[0], 1))
        if sizes is not None:
            _check_sizes(self.who, given, shape[1:], rows=True)
        return np.ascontiguousarray(np.broadcast_to(given, (shape[0], 2)))

    def costs(self, objective: Floats) -> Floats:
        """A new `[N, n, m]` of costs of which a complete assignment at the least cost is wanted.

        Pairs that are not allowed are infinite. With prices for unmatched objects, costs are what a pair costs more
        than leaving its objects unmatched, and 0 where it is no better: chosen pairs at cost 0 are to be dropped.
        """
        if self.unmatched is None:
            costs = -objective if self.sense == "max" else objective.copy()
        else:
            first, second = self._by_side(objective.shape[1:])
            saved = first[:, None] + second
            costs = np.minimum(saved - objective if self.sense == "max" else objective - saved, 0.0)
        if self.allowed is not None:
            costs[:, ~self.allowed] = np.inf if self.unmatched is None else 0.0
        return costs

    def terms(self, solutions: Floats, sizes: Longs) -> Floats:
        """`[N]` what unmatched objects add to the value of `[N, n, m]` solutions, for `sizes` `[N, 2]`."""
        total = np.zeros(len(solutions))
        if self.unmatched is not None:
            for side, prices in enumerate(self._by_side(solutions.shape[1:])):
                exists = np.arange(len(prices)) < sizes[:, side, None]
                total += ((exists - solutions.sum(axis=2 - side)) * prices).sum(axis=1)
        return total

    def fixed_terms(self, solutions: Floats, sizes: Any = None) -> Floats:
        """`terms` of solutions that a user gives; nan where one is no set of pairs of different objects."""
        own = self.sizes_of(solutions.shape, sizes)
        valid = ((solutions == 0) | (solutions == 1)).all(axis=(1, 2))
        for side in (0, 1):
            degree = solutions.sum(axis=2 - side)
            valid &= (degree <= (np.arange(degree.shape[1]) < own[:, side, None])).all(axis=1)
        if self.allowed is not None:
            valid &= ~solutions[:, ~self.allowed].any(axis=1)
        return np.where(valid, self.terms(solutions, own), np.nan)

    def normal_cones(self, solutions: Floats, sizes: Any = None) -> NormalCones:
        """Of complete assignments: each object of the smaller side is in one pair, all others are in one at the most.

        Raises:
            ObjectiveError: a solution is no complete assignment; with its row.
        """
        _, n, m = solutions.shape
        own = self.sizes_of(solutions.shape, sizes)
        degrees = np.concatenate([solutions.sum(axis=2), solutions.sum(axis=1)], axis=1)
        exists = np.concatenate([np.arange(n) < own[:, :1], np.arange(m) < own[:, 1:]], axis=1)
        smaller = np.repeat([own[:, 0] <= own[:, 1], own[:, 1] <= own[:, 0]], (n, m), axis=0).T & exists
        pairs = exists[:, :n, None] & exists[:, None, n:]
        if self.allowed is not None:
            pairs &= self.allowed
        wrong = ((solutions != 0) & ((solutions != 1) | ~pairs)).any(axis=(1, 2))
        wrong |= (degrees > 1).any(axis=1) | ((degrees != 1) & smaller).any(axis=1)
        if wrong.any():
            row = int(wrong.argmax())
            raise ObjectiveError(
                f"{self.who}: solution: expected a complete assignment of allowed pairs, found another matrix", row=row
            )
        of_object = np.zeros((n + m, n, m))
        of_object[np.arange(n), np.arange(n)] = 1.0
        of_object[n + np.arange(m), :, np.arange(m)] = 1.0
        inequalities, equations = (of_object * kind[:, :, None, None] for kind in ((degrees == 1) & ~smaller, smaller))
        return NormalCones(inequalities, equations, (solutions == 0) | ~pairs, (solutions == 1) | ~pairs)

    def _by_side(self, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Prices `[n]` and `[m]`."""
        assert self.unmatched is not None
        if len(self.unmatched) == sum(shape) and len(self.unmatched) > 2:
            return self.unmatched[: shape[0]], self.unmatched[shape[0] :]
        return np.full(shape[0], self.unmatched[0]), np.full(shape[1], self.unmatched[-1])


@dataclass(frozen=True, eq=False)
class PreparedMatching(BasePrepared):
    """What solvers of assignments have in common.

    Attributes:
        matching: the instance.
    """

    matching: Matching

    @property
    def objective_shape(self) -> Shape:
        """`(n, m)`, where it is known."""
        return self.matching.objective_shape

    @property
    def homogeneous(self) -> bool:
        """Prices of unmatched objects do not scale with an objective."""
        return not self.matching.has_terms

    @property
    def fixed_terms(self) -> FixedTerms | None:
        """What unmatched objects add."""
        return self.matching.fixed_terms if self.matching.has_terms else None

    @property
    def normal_cones(self) -> FindsNormalCones | None:
        """Of complete assignments; where objects may be left unmatched, prices say as well what is best."""
        return self.matching.normal_cones if self.matching.unmatched is None else None

    @property
    def row_shapes(self) -> RowShapes:
        """How many objects of each side a row has."""
        return self.matching.row_shapes


def end_too_large(rows: RowResults, costs: Floats) -> None:
    """End rows whose `[N, n, m]` costs, infinite where forbidden, might overflow on the way."""
    large = (np.abs(costs) > _TOO_LARGE) & (costs < np.inf)
    for row in np.flatnonzero(large.any(axis=(1, 2))):
        rows.end(int(row), SolveStatus.ERROR, "an entry is larger than 2**1000 in size: sums would overflow")


def _prices(who: str, given: Any) -> Floats:
    try:
        found = np.asarray(given)
        if found.dtype.kind not in "biuf" or found.ndim > 1 or not np.isfinite(found).all():
            raise ValueError
    except (TypeError, ValueError, RuntimeError):
        raise InstanceError(
            f"{who}: unmatched: expected a finite number, one for each side, or one for each object, found {given!r}",
            hint="what it costs to leave an object unmatched, in units of the objective",
        ) from None
    return np.atleast_1d(found).astype(np.float64)


def _sizes(who: str, given: Any, *, rows: bool = True) -> Longs:
    """`[N, 2]`; or from `[2]`, for all rows, `[1, 2]`."""
    try:
        found = np.asarray(given) if rows else np.asarray(given)[None]
        if rows and not len(found):
            return np.zeros((0, 2), np.int64)
        if found.ndim != 2 or found.shape[1] != 2 or (found != np.rint(found)).any():
            raise ValueError
    except (TypeError, ValueError, RuntimeError):
        raise InstanceError(
            f"{who}: sizes: expected two ints, how many objects each side has, found {given!r}",
            hint="sizes=(2, 3) for all rows, or sizes=[(2, 3), (4, 4), ...] to the call, one for each row",
        ) from None
    return found.astype(np.int64)


def _check_sizes(who: str, sizes: Longs, shape: tuple[int, ...], *, rows: bool = False) -> None:
    bad = np.flatnonzero(((sizes < 0) | (sizes > shape)).any(axis=1))
    if len(bad):
        least = sizes[bad[0]].min()
        wanted = "expected ints >= 0" if least < 0 else f"expected at most {list(shape)}, the shape of an objective"
        raise InstanceError(
            f"{who}: sizes: {wanted}, found {sizes[bad[0]].tolist()}",
            row=int(bad[0]) if rows else None,
        )
