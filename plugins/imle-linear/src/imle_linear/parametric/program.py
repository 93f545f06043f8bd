"""ParametricProgram: a model's matrix, right sides, bounds and costs, as numbers that are affine in parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle_linear import arrays
from imle_linear.arrays import Columns, Floats
from imle_linear.parametric.affine import Affine, Longs
from imle_linear.program import LinearProgram


class QuadraticTerm(NamedTuple):
    """x'Qx/2, which is added to what is minimised, and taken from what is maximised.

    Attributes:
        row, column: `[entries]` of Q, `[n, n]`.
        entries: their values.
    """

    row: Longs
    column: Longs
    entries: Affine

    def at(self, p: Floats, n: int) -> Floats:
        """Q of n variables for one vector `[P + 1]`, dense."""
        found = np.zeros((n, n))
        np.add.at(found, (self.row, self.column), self.entries.at(p[None])[0])
        return found


@dataclass(frozen=True, eq=False)
class ParametricProgram:
    """Rows `matrix @ x <= sides`, the last ones `==`, bounds, and what objectives do not give of the costs.

    Attributes:
        names: `[n]` of the variables.
        row_names: `[rows]`.
        row, column: `[entries]` of the matrix.
        entries: their values.
        sides: `[rows]`.
        equalities: how many rows, the last ones, are equations.
        lower, upper: `[n]`.
        integer: `[n]`.
        costs: `[n + 1]`, the last one being the constant; without what is learned.
        quadratic: what is quadratic in the objective, if anything.
    """

    names: tuple[str, ...]
    row_names: tuple[str, ...]
    row: Longs
    column: Longs
    entries: Affine
    sides: Affine
    equalities: int
    lower: Affine
    upper: Affine
    integer: NDArray[np.bool_]
    costs: Affine
    quadratic: QuadraticTerm | None = None

    @property
    def width(self) -> int:
        """Of a vector of parameters and a 1."""
        return self.sides.width

    @property
    def bounds_vary(self) -> bool:
        """Whether bounds depend on parameters."""
        return self.lower.varies or self.upper.varies

    @property
    def structural(self) -> NDArray[np.bool_]:
        """`[P]` which parameters change more than right sides and bounds."""
        found = np.zeros(self.width, np.bool_)
        found[self.entries.place] = True
        found[self.costs.place] = True
        if self.quadratic is not None:
            found[self.quadratic.entries.place] = True
        return found[:-1]

    @property
    def duals(self) -> tuple[str, ...]:
        """Of which parts duals tell how values change with parameters, as `PreparedProgram.solve` names them."""
        names = ["b_ub", "b_eq"]
        if self.bounds_vary:
            names.append("bounds")
        if self.entries.varies:
            names += ["A_ub", "A_eq"]
        if self.costs.varies:
            names.append("costs")
        if self.quadratic is not None and self.quadratic.entries.varies:
            names.append("Q")
        return tuple(names)

    def slopes(self, duals: Mapping[str, Floats]) -> Floats:
        """How much optimal values change with entries of p, `[N, P]`, of `duals`: `[N, *part]` by name."""
        found = self.sides.slopes(np.concatenate([duals["b_ub"], duals["b_eq"]], axis=1))
        if "bounds" in duals:
            found += self.lower.slopes(duals["bounds"][..., 0]) + self.upper.slopes(duals["bounds"][..., 1])
        if "A_ub" in duals:
            matrix = np.concatenate([duals["A_ub"], duals["A_eq"]], axis=1)
            found += self.entries.slopes(matrix[:, self.row, self.column])
        if "costs" in duals:
            found += self.costs.slopes(np.concatenate([duals["costs"], np.ones((len(found), 1))], axis=1))
        if "Q" in duals:
            assert self.quadratic is not None
            row, column, entries = self.quadratic
            found += entries.slopes(duals["Q"][:, row, column])
        return found

    def right_sides(self, p: Floats) -> tuple[Floats, Floats]:
        """Those of A_ub and of A_eq for each of `[N, P + 1]` vectors: `[N, rows]`."""
        sides = self.sides.at(p)
        below = sides.shape[1] - self.equalities
        return sides[:, :below], sides[:, below:]

    def bounds(self, p: Floats) -> Floats:
        """Those of the variables for each of `[N, P + 1]` vectors: `[N, n, 2]`."""
        return np.stack([self.lower.at(p), self.upper.at(p)], axis=-1)

    def at(self, where: str, learned: Longs, p: Floats) -> LinearProgram:
        """The program of one vector of parameters.

        Args:
            where: for messages.
            learned: `[k]` the learned variables.
            p: `[P + 1]`; nan where rows of a batch will bring right sides or bounds.

        Raises:
            InstanceError: coefficients that no engine can keep, or bounds that leave nothing.
        """
        below, equal = (side[0] for side in self.right_sides(p[None]))
        n, shape = len(self.names), (self.sides.size, len(self.names))
        least, most = np.moveaxis(self.bounds(p[None])[0], -1, 0)
        least, most = np.where(np.isnan(least), -np.inf, least), np.where(np.isnan(most), np.inf, most)
        lower, upper = arrays.bounds(f"{where}: bounds", np.column_stack([least, most]), n)
        costs = self.costs.at(p[None])[0]
        row, column, part = self._coefficients
        values = np.bincount(part, self.entries.at(p[None])[0], minlength=len(row))
        matrix = arrays.from_entries(row, column, values, shape)
        return LinearProgram(
            matrix=self._checked(where, matrix),
            row_lower=np.concatenate([np.full(len(below), -np.inf), equal]),
            row_upper=np.concatenate([below, equal]),
            lower=lower,
            upper=upper,
            integer=self.integer,
            learned=learned.astype(np.int32),
            costs=costs[:-1],
            offset=float(costs[-1]),
            b_ub_rows=len(below),
            b_eq_rows=len(equal),
            names=self.names,
        )

    @cached_property
    def _coefficients(self) -> tuple[Longs, Longs, Longs]:
        """Row and column of each coefficient, and which of them each entry is a part of: 2 + p may be two entries."""
        rows = max(self.sides.size, 1)
        places, part = np.unique(self.column * rows + self.row, return_inverse=True)
        return places % rows, places // rows, part

    def _checked(self, where: str, matrix: Columns) -> Columns:
        entry = arrays.unkept(matrix)
        if entry is None:
            return matrix
        raise InstanceError(
            f"{where}: {self.row_names[matrix.index[entry]]}: expected coefficients {arrays.KEPT}, found "
            f"{matrix.value[entry]:g} for {self.names[matrix.column[entry]]!r}",
            hint=arrays.RESCALE,
        )


@dataclass(frozen=True, eq=False)
class LearnedTerms:
    """k coefficients theta that objectives give: the objective is <theta, factors @ x + constants> and the rest.

    Attributes:
        shape: of one theta.
        names: `[k]`.
        row, column, factor: entries of the factors `[k, n]`.
        constants: `[k]`.
    """

    shape: tuple[int, ...]
    names: tuple[str, ...]
    row: Longs
    column: Longs
    factor: Floats
    constants: Floats

    def as_variables(self, program: ParametricProgram) -> tuple[ParametricProgram, Longs]:
        """The program, and `[k]` the variable of each learned coefficient.

        Where a coefficient is all that one variable costs, it is this variable. Else, as for the coefficient of a sum
        of variables, it is one more, which a row holds to what the coefficient multiplies.
        """
        n, k = len(program.names), len(self.names)
        uses = np.bincount(program.costs.row, minlength=n + 1)[:n] + np.bincount(self.column, minlength=n)
        alone = (self.factor == 1.0) & (uses[self.column] == 1) & (self.constants[self.row] == 0.0)
        alone &= np.bincount(self.row, minlength=k)[self.row] == 1
        numbers = np.full(k, -1)
        numbers[self.row[alone]] = self.column[alone]
        added = np.flatnonzero(numbers < 0)
        if not len(added):
            return program, numbers
        numbers[added] = n + np.arange(len(added))
        return self._held(program, added), numbers

    def _held(self, program: ParametricProgram, added: Longs) -> ParametricProgram:
        """The program with variables for some of the coefficients, and rows that hold them."""
        n, count, rows, width = len(program.names), len(added), program.sides.size, program.width
        place = np.full(len(self.names), -1)
        place[added] = np.arange(count)
        kept = place[self.row] >= 0
        row, column, factor = place[self.row[kept]], self.column[kept], self.factor[kept]
        constants = self.constants[added]
        lower, upper = _between(program, row, column, factor, constants)
        broken = np.bincount(row, (factor != np.rint(factor)) | ~program.integer[column], minlength=count)
        whole = (broken == 0) & (constants == np.rint(constants)) & program.integer.any()  # what multiplies nothing is
        costs = program.costs
        return replace(
            program,
            names=(*program.names, *(self.names[number] for number in added)),
            row_names=(*program.row_names, *(f"what {self.names[number]!r} multiplies" for number in added)),
            row=np.concatenate([program.row, row + rows, np.arange(count) + rows]),
            column=np.concatenate([program.column, column, np.arange(count) + n]),
            entries=program.entries.followed_by(Affine.constant(np.append(factor, np.full(count, -1.0)), width)),
            sides=program.sides.followed_by(Affine.constant(-constants, width)),
            equalities=program.equalities + count,
            lower=program.lower.followed_by(Affine.constant(lower, width)),
            upper=program.upper.followed_by(Affine.constant(upper, width)),
            integer=np.append(program.integer, whole),
            costs=replace(costs, size=costs.size + count, row=np.where(costs.row == n, n + count, costs.row)),
        )


def _between(
    program: ParametricProgram, row: Longs, column: Longs, factor: Floats, constants: Floats
) -> tuple[Floats, Floats]:
    """Between which values sums of variables lie, up to their round-off; engines like what has an end."""
    count = len(constants)
    if program.bounds_vary:
        return np.full(count, -np.inf), np.full(count, np.inf)
    p = np.zeros((1, program.width))
    p[0, -1] = 1.0
    ends = factor[:, None] * program.bounds(p)[0][column]
    least, most = (np.bincount(row, end, minlength=count) + constants for end in (ends.min(axis=1), ends.max(axis=1)))
    return least, most
