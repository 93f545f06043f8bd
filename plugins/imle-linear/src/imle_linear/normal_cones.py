"""Which rows and bounds of a program bind points: the cones of objectives for which duality proves them best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imle.errors import ObjectiveError
from imle.solvers import NormalCones
from imle_linear.arrays import Floats
from imle_linear.checking import ABSOLUTE, SolutionChecker
from imle_linear.program import LinearProgram, Rows

_SINGLE = 2.0**-23
"""Round-off of float32, in which solutions may come, relative: their continuous entries touch ends up to that."""


def normal_cones(who: str, program: LinearProgram, solutions: Floats, rows: Sequence[Rows]) -> NormalCones:
    """The cones of solutions, by the linear relaxation of a program of which all variables are learned.

    Args:
        who: the solver, for messages.
        program: the feasible set.
        solutions: `[N, n]`, in the order of the learned variables.
        rows: N ends of its rows and variables.

    Raises:
        ObjectiveError: a solution is not feasible; with its row.
    """
    points = np.empty_like(solutions)
    points[:, program.learned] = solutions
    found, flaws = SolutionChecker(program, relative=8 * _SINGLE).mend_all(points, rows)
    if flaws:
        row = min(flaws)
        raise ObjectiveError(f"{who}: solution: expected a feasible one, found: {flaws[row]}", row=row)
    dense = np.zeros(program.matrix.shape)
    dense[program.matrix.index, program.matrix.column] = program.matrix.value
    lower, upper, least, most = (np.stack(ends) for ends in zip(*rows, strict=True))
    equal = (lower == upper).all(axis=0)
    activity = program.matrix.times(found)
    rounded = _SINGLE * np.where(program.integer, 0.0, np.abs(found))
    slack = ABSOLUTE * np.maximum(1.0, np.abs(dense).max(axis=1, initial=0.0)) + rounded @ np.abs(dense).T
    binding = np.concatenate([upper - activity <= slack, activity - lower <= slack], axis=1)
    binding &= ~np.tile(equal, 2)
    normals = dense[:, program.learned]
    equations = normals[equal]
    return NormalCones(
        _chosen(np.concatenate([normals, -normals]), binding),
        np.broadcast_to(equations, (len(points), *equations.shape)),
        (found - least <= ABSOLUTE + rounded)[:, program.learned],
        (most - found <= ABSOLUTE + rounded)[:, program.learned],
    )


def joined(parts: Sequence[tuple[NDArray[np.intp], NormalCones]], shape: tuple[int, ...]) -> NormalCones:
    """The cones of a batch from those of some of its rows each.

    Args:
        parts: which rows, and cones of their solutions as vectors `[n]`.
        shape: `[N, *shape]` of the batch.
    """
    flags = [np.zeros(shape, np.bool_) for _ in range(2)]
    vectors = []
    for name in ("inequalities", "equations"):
        most = max((getattr(cones, name).shape[1] for _, cones in parts), default=0)
        vectors.append(np.zeros((shape[0], most, *shape[1:])))
        for rows, cones in parts:
            own = getattr(cones, name)
            vectors[-1][rows, : own.shape[1]] = own.reshape(*own.shape[:2], *shape[1:])
    for rows, cones in parts:
        flags[0][rows] = cones.at_lower.reshape(len(rows), *shape[1:])
        flags[1][rows] = cones.at_upper.reshape(len(rows), *shape[1:])
    return NormalCones(*vectors, *flags)


def _chosen(vectors: Floats, chosen: NDArray[np.bool_]) -> Floats:
    """`[N, m, n]` the vectors chosen by each row of `[N, rows]`, with zeros behind them."""
    most = int(chosen.sum(axis=1).max(initial=0))
    order = np.argsort(~chosen, axis=1, kind="stable")[:, :most]
    return np.asarray(vectors[order] * np.take_along_axis(chosen, order, axis=1)[..., None])
