"""Faces of a feasible set: the optimum of a convex quadratic objective on one, and how it moves with the objective.

Where rows and bounds that hold with equality are known, min <c, x> + x'Qx/2 is a system of linear equations (KKT),
whose solution is exact up to rounding; and c moves it by -P dc with P = Z (Z'QZ)^+ Z', Z an orthonormal basis of the
directions along the face.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle_linear.arrays import Floats
from imle_linear.engines import Clock
from imle_linear.program import LinearProgram, Rows

_DEPENDENT = 1e-10
"""Tight rows whose directions differ by less are one; curvature that is less, relative to the largest, is none."""
_NOTHING = 1e-11
"""A multiplier is 0 if it is less, relative to the terms that it balances."""
TOUCHES = 1e-9
"""How far a point may be from an end that it touches, relative to the size of that."""
_BROKEN = 1e-9
"""A row is broken if it is so far over its end, relative to its largest term."""
_STEPS = 10
"""How often a face is corrected; the one that an engine ends on is nearly always the right one."""
_WALK = 20
"""How many steps of the active-set method there may be for each row and variable."""
_STILL = 3
"""After how many steps of length 0 it takes the first row, not the best: then it ends (Bland)."""

Sides = NDArray[np.int8]


class Face(NamedTuple):
    """Which rows and variables are at their ends: -1 at the lower one, 1 at the upper one, 0 at none.

    Attributes:
        rows: `[rows]`.
        variables: `[n]`.
    """

    rows: Sides
    variables: Sides


class Stationary(NamedTuple):
    """The optimum of an objective on a face.

    Attributes:
        point: `[n]`.
        multipliers: `[rows]` y with c + Qx = A'y on the variables that are free.
    """

    point: Floats
    multipliers: Floats


class Tangent(NamedTuple):
    """The directions along a face.

    Attributes:
        free: `[f]` variables that are at no end.
        held: `[h]` rows that are at one.
        size: `[h]` what they were divided by.
        left, lengths, across: singular vectors and values of these rows.
        curved: `[f, m]` directions D with D'QD = 1, so that P = DD'.
        flat: `[f, l]` an orthonormal basis of those in which Q is 0.
    """

    free: NDArray[np.intp]
    held: NDArray[np.intp]
    size: Floats
    left: Floats
    lengths: Floats
    across: Floats
    curved: Floats
    flat: Floats

    @classmethod
    def of(cls, program: LinearProgram, quadratic: Floats, face: Face) -> Tangent:
        """Those of a face, with Q `[n, n]`."""
        free, held = np.flatnonzero(face.variables == 0), np.flatnonzero(face.rows)
        tight, size = _tight_rows(program, held, free)
        left, lengths, right = np.linalg.svd(tight)
        rank = int((lengths > _DEPENDENT).sum())  # rows have length 1
        along = right[rank:].T
        curvature, axes = np.linalg.eigh(along.T @ quadratic[np.ix_(free, free)] @ along)
        bent = curvature > _DEPENDENT * np.abs(quadratic).max(initial=0.0)
        directions = along @ axes
        curved = directions[:, bent] / np.sqrt(curvature[bent])
        return cls(free, held, size, left[:, :rank], lengths[:rank], right[:rank], curved, directions[:, ~bent])

    def projected(self, vector: Floats) -> Floats:
        """P times a vector `[n]`."""
        found = np.zeros_like(vector)
        found[self.free] = self.curved @ (self.curved.T @ vector[self.free])
        return found

    def multipliers(self, gradient: Floats, rows: int) -> Floats:
        """`[rows]` the least y with A'y equal to a gradient `[n]` on free variables, but for a part along the face."""
        found = np.zeros(rows)
        found[self.held] = self.left @ ((self.across @ gradient[self.free]) / self.lengths) / self.size
        return found


def face_of(program: LinearProgram, rows: Rows, point: Floats, tolerance: float) -> Face:
    """Which ends a point `[n]` is at, up to a tolerance relative to the size of each."""
    activity = program.matrix.times(point)
    return Face(_sides(activity, rows.lower, rows.upper, tolerance), _sides(point, rows.least, rows.most, tolerance))


def _fixed(rows: Rows) -> Face:
    """Equations, and variables that cannot move: no face is without them."""
    return Face((rows.lower == rows.upper).astype(np.int8), (rows.least == rows.most).astype(np.int8))


def _sides(values: Floats, lower: Floats, upper: Floats, tolerance: float) -> Sides:
    near = tolerance * np.maximum(1.0, np.abs(values))
    below, above = values - lower <= near, upper - values <= near
    nearer = np.where(below & above, values - lower > upper - values, above)
    return np.where(below | above, np.where(nearer, 1, -1), 0).astype(np.int8)


def walked(
    program: LinearProgram, quadratic: Floats, costs: Floats, rows: Rows, point: Floats, clock: Clock
) -> Stationary | None:
    """The optimum, by the active-set method from a feasible point; None if costs fall without limit.

    Steps go to the optimum on the face of the working set, or to the first row or bound in between, which joins it; at
    the optimum the one that holds back most leaves it, or, after steps of length 0, the first. Rows of the working set
    stay independent, as each one that joins stops a direction along the others.

    Args:
        program, quadratic, costs, rows: as for `optimum_near`.
        point: `[n]`.
        clock: of the time limit.

    Raises:
        ArithmeticError: it does not end, by round-off.
        TimeoutError: time is over.

    Source: Nocedal & Wright, Numerical Optimization, 2006, algorithm 16.3.
    """
    matrix, x = program.matrix, np.clip(point, rows.least, rows.most)
    face = fixed = _fixed(rows)
    still = 0
    for _ in range(_WALK * (len(x) + matrix.shape[0]) + _WALK):
        if clock() == 0:
            raise TimeoutError
        tangent = Tangent.of(program, quadratic, face)
        gradient = costs + quadratic @ x
        least = _NOTHING * _terms(quadratic, costs, x)
        fall = tangent.flat.T @ gradient[tangent.free]
        ray = bool(np.abs(fall).max(initial=0.0) > least)
        step = np.zeros_like(x)
        step[tangent.free] = -tangent.flat @ fall if ray else 0.0
        step -= 0.0 if ray else tangent.projected(gradient)
        far, joining = _blocked(program, rows, x, step, face)
        if ray and far == np.inf:
            return None
        far = far if ray else min(far, 1.0)
        moved = far * np.abs(step).max(initial=0.0)
        still = 0 if moved > _NOTHING * max(1.0, float(np.abs(x).max())) else still + 1
        x = x + far * step
        if ray or (far < 1.0 and joining is not None):
            assert joining is not None
            face = Face(face.rows + joining.rows, face.variables + joining.variables)
            continue
        found = stationary(program, quadratic, costs, rows, x, face)
        leaving = _leaving(program, quadratic, costs, found, face, fixed, first=still > _STILL)
        if leaving is None:
            return found
        face = Face(face.rows - leaving.rows, face.variables - leaving.variables)
    raise ArithmeticError("the active-set method does not end")


def optimum_near(
    program: LinearProgram, quadratic: Floats, costs: Floats, rows: Rows, point: Floats, tolerance: float
) -> Stationary:
    """The optimum, from a point near to it, where a face is found that has it: nothing is proven here.

    Ends that the optimum on a face is beyond join the face, and those that hold it back, by multipliers of the wrong
    sign, leave it.

    Args:
        program: the feasible set.
        quadratic: `[n, n]` Q, symmetric and positive semidefinite.
        costs: `[n]` c, to be minimised.
        rows: ends of constraint rows and variables.
        point: `[n]`.
        tolerance: how far it may be from its ends, relative to their size.
    """
    face, seen = face_of(program, rows, point, tolerance), set()
    fixed = _fixed(rows)
    for _ in range(_STEPS):
        found = stationary(program, quadratic, costs, rows, point, face)
        seen.add((face.rows.tobytes(), face.variables.tobytes()))
        face = _corrected(program, quadratic, costs, rows, found, face, fixed)
        if (face.rows.tobytes(), face.variables.tobytes()) in seen:
            break
    return found


def stationary(
    program: LinearProgram, quadratic: Floats, costs: Floats, rows: Rows, point: Floats, face: Face
) -> Stationary:
    """The optimum on a face, nearest to a point `[n]` where there are several; its other ends may be broken.

    Args:
        program, quadratic, costs, rows: as for `optimum_near`.
        point: `[n]`.
        face: what is held.
    """
    tangent, matrix = Tangent.of(program, quadratic, face), program.matrix
    x = np.where(face.variables == 0, point, np.where(face.variables < 0, rows.least, rows.most))
    ends = np.where(face.rows < 0, rows.lower, rows.upper)[tangent.held]
    off = (ends - matrix.times(x)[tangent.held]) / tangent.size
    x[tangent.free] += tangent.across.T @ ((tangent.left.T @ off) / tangent.lengths)
    x -= tangent.projected(costs + quadratic @ x)
    return Stationary(x, tangent.multipliers(costs + quadratic @ x, matrix.shape[0]))


def _tight_rows(program: LinearProgram, held: NDArray[np.intp], free: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """`[held, free]` rows that are held, brought to length 1, and the `[held]` lengths that they had (1 for 0)."""
    matrix = program.matrix
    place = np.full(matrix.shape[0], -1)
    place[held] = np.arange(len(held))
    column = np.full(matrix.shape[1], -1)
    column[free] = np.arange(len(free))
    own = (place[matrix.index] >= 0) & (column[matrix.column] >= 0)
    tight = np.zeros((len(held), len(free)))
    tight[place[matrix.index[own]], column[matrix.column[own]]] = matrix.value[own]
    size = np.linalg.norm(tight, axis=1)
    size[size == 0.0] = 1.0
    return tight / size[:, None], size


def _corrected(
    program: LinearProgram,
    quadratic: Floats,
    costs: Floats,
    rows: Rows,
    found: Stationary,
    face: Face,
    fixed: Face,
) -> Face:
    """The face with ends that were broken, or else without those that held the optimum back."""
    matrix, x = program.matrix, found.point
    activity = matrix.times(x)
    terms = _BROKEN * np.maximum(1.0, matrix.largest(np.abs(matrix.value * x[matrix.column])))
    broken = _beyond(activity, rows.lower, rows.upper, terms) * (face.rows == 0)
    outside = _beyond(x, rows.least, rows.most, _BROKEN * np.maximum(1.0, np.abs(x))) * (face.variables == 0)
    if broken.any() or outside.any():
        return Face(face.rows + broken, face.variables + outside)
    pull, push = _wrong(program, quadratic, costs, found, face, fixed)
    return Face(np.where(pull > 0, 0, face.rows).astype(np.int8), np.where(push > 0, 0, face.variables).astype(np.int8))


def _terms(quadratic: Floats, costs: Floats, x: Floats) -> float:
    """The largest term of the gradient."""
    return float((np.abs(costs) + np.abs(quadratic) @ np.abs(x)).max())


def _wrong(
    program: LinearProgram, quadratic: Floats, costs: Floats, found: Stationary, face: Face, fixed: Face
) -> tuple[Floats, Floats]:
    """How strongly rows and variables of a face hold the optimum on it back, 0 where they do not."""
    matrix, x = program.matrix, found.point
    pulls = matrix.value * found.multipliers[matrix.index]
    reduced = costs + quadratic @ x - np.bincount(matrix.column, weights=pulls, minlength=len(x))
    least = _NOTHING * max(_terms(quadratic, costs, x), float(np.abs(pulls).max(initial=0.0)))
    lengths = matrix.largest(np.abs(matrix.value))
    pull, push = found.multipliers * lengths * face.rows, reduced * face.variables
    return (
        np.where((pull > least) & (fixed.rows == 0), pull, 0.0),
        np.where((push > least) & (fixed.variables == 0), push, 0.0),
    )


def _leaving(
    program: LinearProgram,
    quadratic: Floats,
    costs: Floats,
    found: Stationary,
    face: Face,
    fixed: Face,
    *,
    first: bool,
) -> Face | None:
    """What is to leave the working set, alone in a face; None at the optimum."""
    wrong = np.concatenate(_wrong(program, quadratic, costs, found, face, fixed))
    if not wrong.any():
        return None
    return _alone(int(np.flatnonzero(wrong)[0] if first else wrong.argmax()), face)


def _blocked(program: LinearProgram, rows: Rows, x: Floats, step: Floats, face: Face) -> tuple[float, Face | None]:
    """How often a step can be taken, and what stops it, alone in a face; infinite and None if nothing does."""
    matrix = program.matrix
    values, steps = np.append(matrix.times(x), x), np.append(matrix.times(step), step)
    sizes = np.append(matrix.largest(np.abs(matrix.value * step[matrix.column])), np.abs(step))
    lower, upper = np.append(rows.lower, rows.least), np.append(rows.upper, rows.most)
    outside = np.append(face.rows, face.variables) == 0
    moving = outside & (np.abs(steps) > _NOTHING * np.maximum(sizes, np.abs(step).max(initial=0.0)))
    ends = np.where(steps > 0, upper, lower)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(moving & np.isfinite(ends), (ends - values) / steps, np.inf)
    ratios = np.maximum(ratios, 0.0)
    if not np.isfinite(ratios).any():
        return np.inf, None
    which = int(ratios.argmin())
    sides = np.sign(steps).astype(np.int8)
    return float(ratios[which]), _alone(which, Face(sides[: len(rows.lower)], sides[len(rows.lower) :]))


def _alone(which: int, sides: Face) -> Face:
    """One entry of a face, rows first, without the others."""
    every = np.zeros(len(sides.rows) + len(sides.variables), np.int8)
    every[which] = np.append(sides.rows, sides.variables)[which]
    return Face(every[: len(sides.rows)], every[len(sides.rows) :])


def _beyond(values: Floats, lower: Floats, upper: Floats, tolerance: Floats) -> Sides:
    return (values > upper + tolerance).astype(np.int8) - (values < lower - tolerance).astype(np.int8)
