"""RowReader: what rows of a batch bring of their own, right sides and bounds, checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle.solvers import missing_instance
from imle_linear import arrays
from imle_linear.arrays import Floats
from imle_linear.program import LinearProgram, Rows


class RowReader:
    """Reads `b_ub`, `b_eq` and `bounds` as `solve` of a prepared solver takes them.

    Args:
        who: the solver, for messages.
        program: says how many there are of each, and what holds for rows that bring nothing.
        bounds: whether rows may bring bounds.
    """

    def __init__(self, who: str, program: LinearProgram, *, bounds: bool) -> None:
        self._who = who
        self._program = program
        self._takes_bounds = bounds

    def read(
        self, count: int, b_ub: Sequence[Any] | None, b_eq: Sequence[Any] | None, bounds: Sequence[Any] | None
    ) -> Iterator[Rows]:
        """What each of `count` rows has.

        Raises:
            InstanceError: a right side is missing, or something has the wrong length (names the row).
        """
        program = self._program
        upper_part = slice(0, program.b_ub_rows)
        equal_part = slice(program.b_ub_rows, program.b_ub_rows + program.b_eq_rows)
        below = self._right_sides("b_ub", b_ub, upper_part, count)
        equal = self._right_sides("b_eq", b_eq, equal_part, count)
        own = None if bounds is None else self._bounds(bounds, count)
        fixed = program.rows
        if below is None and equal is None and own is None:
            return repeat(fixed, count)  # the same arrays: engines compare those by identity first

        def each() -> Iterator[Rows]:
            for n in range(count):
                lower, upper, least, most = fixed
                if below is not None or equal is not None:
                    lower, upper = lower.copy(), upper.copy()
                if below is not None:
                    upper[upper_part] = below[n]
                if equal is not None:
                    lower[equal_part] = upper[equal_part] = equal[n]
                if own is not None:
                    least, most = own[0][n], own[1][n]
                yield Rows(lower, upper, least, most)

        return each()

    def contradiction(self, row: Rows) -> str:
        """Why no number lies between the bounds that a row brings ("" if some do)."""
        if row.least is self._program.lower:
            return ""
        empty = np.flatnonzero(~((row.least <= row.most) & (row.least < np.inf) & (row.most > -np.inf)))
        if not len(empty):
            return ""
        first = int(empty[0])
        what = "whole number" if self._program.integer[first] else "number"
        bounds = f"{row.least[first]:g} and {row.most[first]:g}"
        return f"no {what} lies between the bounds of {self._program.variable_name(first)}, {bounds}"

    def _right_sides(self, name: str, given: Sequence[Any] | None, rows: slice, count: int) -> Floats | None:
        who, size = self._who, rows.stop - rows.start
        if given is None:
            if np.isnan(self._program.row_upper[rows]).any():
                raise missing_instance(who, f"{name} missing: A_{name[2:]} has {size} rows", f"{name}=...")
            return None
        if size == 0:
            raise InstanceError(f"{who}: {name}: expected A_{name[2:]} beside it, found {name} alone")
        if len(given) != count:
            raise InstanceError(f"{who}: {name}: expected one vector per row, {count} in all, found {len(given)}")
        return arrays.vectors(f"{who}: {name}", given, size, f"row of A_{name[2:]}")

    def _bounds(self, given: Sequence[Any], count: int) -> tuple[Floats, Floats]:
        """Bounds of the variables `[N, n]`; those of integer variables are rounded inwards."""
        who, integer = self._who, self._program.integer
        if not self._takes_bounds:
            raise InstanceError(
                f"{who}: bounds: expected them with the instance, found some per row: its engines keep them",
                hint="give bounds=... to prepare, or use highs-lp or highs-ilp",
            )
        if len(given) != count:
            raise InstanceError(f"{who}: bounds: expected one value per row, {count} in all, found {len(given)}")
        least, most = arrays.all_bounds(f"{who}: bounds", given, len(integer))
        return np.where(integer, np.ceil(least), least) + 0.0, np.where(integer, np.floor(most), most) + 0.0
