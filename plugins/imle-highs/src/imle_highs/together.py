"""All rows of a batch at once, where Q is positive definite: an interior-point method, and the faces it leads to.

Each step solves the Newton equations of all rows. Where multipliers have become larger than distances to the ends,
these are taken to hold, and the optimum there is computed. Nothing is proven here; rows for which it does not hold are
left to others. Solutions are unique, so that it makes no difference who finds them.

Source: Wright, Primal-Dual Interior-Point Methods, 1997, chapter 5, with two-sided rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle_highs.faces import face_of
from imle_linear.arrays import Floats
from imle_linear.program import LinearProgram, Rows

_STEPS = 30
"""Of the interior-point method; rows that have a point need about ten."""
_CENTRED, _INSIDE = 0.1, 0.99
"""How much of the distance to the central path is left open, and of that to the border is gone."""
_NEAR = 1e-7
"""Products of distances and multipliers at which faces are told, relative to the terms of the objective."""
_LARGE = 128
"""Rows and variables up to which this is faster than HiGHS."""
_ENTRIES = 2**20
"""Of the equations that are solved at once."""
_SINGULAR = 1e-13
"""What makes equations of dependent rows solvable, relative to the others."""
_DEFINITE = 1e-6
"""The least eigenvalue of Q, relative to its largest entry."""


class Ends(NamedTuple):
    """Ends of rows and variables, rows first: `[N or 1, rows + n]` each."""

    lower: Floats
    upper: Floats

    @classmethod
    def of(cls, rows: Sequence[Rows]) -> Ends:
        """Those of a batch."""
        if all(row is rows[0] for row in rows):
            rows = rows[:1]
        lower = np.array([np.append(row.lower, row.least) for row in rows])
        return cls(lower, np.array([np.append(row.upper, row.most) for row in rows]))


class DefiniteBatch:
    """Solves rows of one program at once.

    Args:
        program: the feasible set.
    """

    def __init__(self, program: LinearProgram) -> None:
        matrix = program.matrix
        self._program = program
        self._small = sum(matrix.shape) <= _LARGE
        if self._small:
            self._dense = np.zeros(matrix.shape)
            self._dense[matrix.index, matrix.column] = matrix.value
        self._last: tuple[Floats, bool] | None = None

    def taken(self, terms: Sequence[Floats]) -> list[int]:
        """Which rows, by their Q `[n, n]`, have one solution each, if the program is small."""
        if not self._small:
            return []
        found = []
        for n, term in enumerate(terms):
            if self._last is None or self._last[0] is not term:
                self._last = term, _is_definite(term)
            if self._last[1]:
                found.append(n)
        return found

    def optima(self, costs: Floats, terms: Sequence[Floats], rows: Sequence[Rows]) -> tuple[Floats, Floats]:
        """Points that may be optimal, if they are feasible.

        Args:
            costs: `[N, n]`.
            terms: Q of each row.
            rows: their ends.

        Returns:
            points `[N, n]`; multipliers of constraint rows `[N, rows]`. Entries may be anything, nan included.
        """
        count, n = costs.shape
        m = len(self._dense)
        points, multipliers = np.zeros((count, n)), np.zeros((count, m))
        for part in _parts(count, n + m):
            with np.errstate(all="ignore"):  # rows without a feasible point lead anywhere
                try:
                    points[part], multipliers[part] = self._steps(
                        costs[part], _stacked(terms[part]), Ends.of(rows[part])
                    )
                except np.linalg.LinAlgError:
                    points[part] = np.nan
        return points, multipliers

    def projected(
        self, vectors: Floats, terms: Sequence[Floats], rows: Sequence[Rows], points: Floats, near: float
    ) -> Floats:
        """P times vectors `[N, n]`, on the faces that points `[N, n]` are on; see `faces`."""
        m, n = self._dense.shape
        found = np.zeros_like(vectors)
        for part in _parts(len(vectors), n + m):
            faces = [face_of(self._program, row, x, near) for row, x in zip(rows[part], points[part], strict=True)]
            held = np.array([np.append(*face) for face in faces]) != 0
            right = np.zeros((len(held), m + n))
            right[:, m:] = np.where(held[:, m:], 0.0, vectors[part])
            found[part] = self._solved(_stacked(terms[part]), held, right)[:, m:]
        return found

    def _steps(self, costs: Floats, quadratic: Floats, ends: Ends) -> tuple[Floats, Floats]:
        """Points and multipliers, on the faces that the interior-point method leads to."""
        m, matrix = len(self._dense), self._dense
        lower, upper = (np.broadcast_to(end, (len(costs), m + costs.shape[1])) for end in ends)
        equal, bounded = lower == upper, (np.isfinite(lower), np.isfinite(upper))
        low, high = np.where(bounded[0], lower, 0.0), np.where(bounded[1], upper, 0.0)
        size = np.abs(costs).max(axis=1, keepdims=True) + np.abs(quadratic).max(axis=(1, 2))[:, None]
        both = bounded[0] & bounded[1]
        one_sided = np.where(bounded[0], low + 1.0, np.where(bounded[1], high - 1.0, 0.0))
        x = np.where(both, (low + high) / 2, one_sided)[:, m:]
        sides = tuple(held & ~equal for held in bounded)
        values = self._values(x)
        gaps = [
            np.where(side, np.maximum(gap, 1.0), 1.0)
            for side, gap in zip(sides, (values - low, high - values), strict=True)
        ]
        pulls = [np.where(side, size, 0.0) for side in sides]
        y = np.zeros_like(values)  # of equations; of all others it is the difference of the pulls
        count = np.maximum(sides[0].sum(axis=1) + sides[1].sum(axis=1), 1)
        for _ in range(_STEPS):
            product = ((gaps[0] * pulls[0] + gaps[1] * pulls[1]).sum(axis=1) / count)[:, None]
            if (product <= _NEAR * size).all():
                break
            aim = _CENTRED * product
            weights = [pull / gap for pull, gap in zip(pulls, gaps, strict=True)]
            off = values - low - gaps[0], high - values - gaps[1]
            pushes = [
                np.where(side, aim / gap - pull - weight * miss, 0.0)
                for side, gap, pull, weight, miss in zip(sides, gaps, pulls, weights, off, strict=True)
            ]
            held = np.where(equal, y, pulls[0] - pulls[1])
            slope = costs + (x[:, None] @ quadratic)[:, 0] - held[:, :m] @ matrix - np.where(equal, 0.0, held)[:, m:]
            moved = self._newton(
                quadratic,
                equal,
                weights[0] + weights[1],
                pushes[0] - pushes[1],
                np.where(equal, low - values, 0.0),
                slope,
            )
            along = self._values(moved[:, m:])
            steps = off[0] + along, off[1] - along  # of the gaps
            pulled = [push - weight * turn for push, weight, turn in zip(pushes, weights, (along, -along), strict=True)]
            far = np.minimum(
                *(
                    np.minimum(_room(gap, step, side), _room(pull, rise, side))
                    for gap, step, pull, rise, side in zip(gaps, steps, pulls, pulled, sides, strict=True)
                )
            )[:, None]
            x = x + far * moved[:, m:]
            y[:, :m] += far * moved[:, :m]
            values = self._values(x)
            gaps = [np.where(side, gap + far * step, 1.0) for side, gap, step in zip(sides, gaps, steps, strict=True)]
            pulls = [
                np.where(side, pull + far * rise, 0.0) for side, pull, rise in zip(sides, pulls, pulled, strict=True)
            ]
        at = [side & (pull > gap) for side, pull, gap in zip(sides, pulls, gaps, strict=True)]
        held_ends = at[0] | at[1] | equal
        right = np.where(at[1], high, low)
        right[~held_ends] = 0.0
        right[:, m:] -= np.where(held_ends[:, m:], 0.0, costs)
        found = self._solved(quadratic, held_ends, right)
        return found[:, m:], found[:, :m]

    def _values(self, x: Floats) -> Floats:
        """Constraint rows and variables at points `[N, n]`."""
        return np.concatenate([x @ self._dense.T, x], axis=1)

    def _newton(
        self,
        quadratic: Floats,
        equal: NDArray[np.bool_],
        weights: Floats,
        pushes: Floats,
        missing: Floats,
        slope: Floats,
    ) -> Floats:
        """Steps of multipliers and points, `[N, rows + n]`."""
        m, n = self._dense.shape
        system = self._system(quadratic, equal | (weights > 0), equal)
        rows, variables = np.arange(m), np.arange(m, m + n)
        soft = np.where(weights > 0, 1.0 / np.where(weights > 0, weights, 1.0), 1.0)
        system[:, rows, rows] = np.where(equal[:, :m], system[:, rows, rows], soft[:, :m])
        system[:, variables, variables] += np.where(equal[:, m:], 0.0, weights[:, m:])
        right = np.where(equal, missing, 0.0)
        right[:, :m] += np.where(equal[:, :m], 0.0, pushes[:, :m] * soft[:, :m])
        right[:, m:] += np.where(equal[:, m:], 0.0, pushes[:, m:] - slope)
        return np.asarray(np.linalg.solve(system, right[..., None])[..., 0], np.float64)

    def _solved(self, quadratic: Floats, held: NDArray[np.bool_], right: Floats) -> Floats:
        """Multipliers and points `[N, rows + n]`: what is held is at its end, and other variables have their slope.

        Args:
            quadratic: `[1 or N, n, n]`.
            held: `[N, rows + n]`.
            right: `[N, rows + n]` ends of what is held, else what slopes are.
        """
        system = self._system(quadratic, held, held)
        return np.asarray(np.linalg.solve(system, right[..., None])[..., 0], np.float64)

    def _system(self, quadratic: Floats, active: NDArray[np.bool_], held: NDArray[np.bool_]) -> Floats:
        """The equations of rows that are active and variables that are not held: `[N, rows + n, rows + n]`."""
        matrix = self._dense
        m, n = matrix.shape
        system = np.zeros((len(held), m + n, m + n))
        rest: Floats = (
            _SINGULAR * np.maximum((matrix**2).sum(axis=1), 1.0) / np.abs(quadratic).max(axis=(1, 2))[:, None]
        )
        system[:, range(m), range(m)] = np.where(active[:, :m], rest, 1.0)
        system[:, :m, m:] = np.where(active[:, :m, None], matrix, 0.0)
        free = ~held[:, m:]
        system[:, m:, :m] = np.where(free[:, :, None], -matrix.T, 0.0)
        system[:, m:, m:] = np.where(free[:, :, None], quadratic, np.eye(n))
        return system


def _room(values: Floats, steps: Floats, sides: NDArray[np.bool_]) -> Floats:
    """`[N]` how much of a step can be taken, at most all of it, without a value of these sides becoming 0."""
    falls = sides & (steps < 0)
    far: Floats = np.where(falls, values / np.where(falls, -steps, 1.0), np.inf).min(axis=1)
    return np.minimum(1.0, _INSIDE * far)


def _stacked(terms: Sequence[Floats]) -> Floats:
    """`[1, n, n]` where all rows have the same one, else `[N, n, n]`."""
    return terms[0][None] if all(term is terms[0] for term in terms) else np.array(terms)


def _is_definite(quadratic: Floats) -> bool:
    largest = np.abs(quadratic).max()
    try:
        np.linalg.cholesky(quadratic - _DEFINITE * largest * np.eye(len(quadratic)))
    except np.linalg.LinAlgError:
        return False
    return bool(largest > 0)


def _parts(count: int, size: int) -> Iterator[slice]:
    """Rows whose equations are solved at once."""
    step = max(1, _ENTRIES // size**2)
    return (slice(start, start + step) for start in range(0, count, step))
