"""Nearest points of convex hulls of solutions, by a solver that maximises over them: the fully corrective Frank-Wolfe.

Each step asks the solver for the solution in the direction of theta from the present point, and then takes the nearest
point of the hull of all that are kept; those that it does not need are dropped. It ends after finitely many steps.

Source: Wolfe, Finding the nearest point in a polytope, Mathematical Programming 11, 1976; regularised maximisers by it:
Dalle et al. 2022, section 3.2.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from imle.estimators.samples import Solve

_NOTHING = 1e-12
"""Weights that are less are none."""
_ROUNDING = 1e-14
"""Of points, relative to their size."""
_DEPENDENT = 1e-10
"""Directions whose squares are less, relative to the largest, are none."""


class Hull(NamedTuple):
    """Points as means of solutions.

    Attributes:
        point: `[B, n]` float64; 0 where a solve failed.
        solutions: `[B, K, n]`, of which each row uses some.
        weights: `[B, K]`, of sum 1; 0 for those not used.
        valid: `[B]` rows that were solved, or None for all.
    """

    point: Tensor
    solutions: Tensor
    weights: Tensor
    valid: Tensor | None

    def projected(self, vectors: Tensor) -> Tensor:
        """`[B, n]` vectors without what is across the solutions used: as theta moves, so does the nearest point."""
        used = (self.weights > 0).to(self.point.dtype).unsqueeze(2)
        middle = (self.solutions * used).sum(dim=1, keepdim=True) / used.sum(dim=1, keepdim=True).clamp(min=1)
        directions = (self.solutions - middle) * used
        across = torch.linalg.pinv(directions @ directions.mT, rtol=_DEPENDENT, hermitian=True)
        wide = vectors.to(directions.dtype).unsqueeze(2)
        found: Tensor = directions.mT @ (across @ (directions @ wide))
        return found.squeeze(2).to(vectors.dtype)


def nearest(theta: Tensor, solve: Solve, *, steps: int, tolerance: float) -> Hull:
    """The point of the hull of all solutions that is nearest to theta.

    Args:
        theta: `[B, *event]`, detached.
        solve: argmax <theta, z>.
        steps: at most so many solves per row.
        tolerance: of the gap, which is how much better the best solution is than the point, in the direction of theta
            from there, relative to the sizes of both; and of the distance to theta where that is in the hull.

    Returns:
        the point, flat.
    """
    batch, event = len(theta), theta.shape[1:]
    goal = theta.double().flatten(1)
    found, valid = solve(theta.double().unsqueeze(1))
    first = found.flatten(1)
    solutions, weights = first.unsqueeze(1), first.new_ones(batch, 1)
    point = first
    ended = first.new_zeros(batch, dtype=torch.bool)
    for _ in range(steps - 1):
        direction = goal - point
        known = ended if valid is None else ended | ~valid.reshape(batch)
        found, solved = solve(direction.reshape(batch, 1, *event), found, known=known)
        valid = solved if valid is None else valid if solved is None else valid & solved
        latest = found.flatten(1)
        gap = ((latest - point) * direction).sum(dim=1)
        left, size = direction.norm(dim=1), torch.maximum(latest.norm(dim=1), point.norm(dim=1))
        ended = known | (gap <= tolerance * left * size) | (left <= max(tolerance, _ROUNDING) * size)
        if bool(ended.all()):
            break
        solutions, weights = _with(solutions, weights, latest)
        moved = _corrected(solutions, weights, goal, ~ended)
        found_point = (moved.unsqueeze(2) * solutions).sum(dim=1)
        ended |= (goal - found_point).norm(dim=1) >= left  # round-off is all that is left: the point stays
        weights = torch.where(ended.unsqueeze(1), weights, moved)
        kept = (weights > 0).any(dim=0)
        solutions, weights = solutions[:, kept], weights[:, kept]
        point = torch.where(ended.unsqueeze(1), point, found_point)
    if valid is not None:
        valid = valid.reshape(batch)
        point = torch.where(valid.unsqueeze(1), point, torch.zeros_like(point))
    return Hull(point, solutions, weights, valid)


def _with(solutions: Tensor, weights: Tensor, latest: Tensor) -> tuple[Tensor, Tensor]:
    """Solutions with one more, which has no weight yet."""
    return torch.cat([solutions, latest.unsqueeze(1)], dim=1), torch.cat([weights, weights[:, :1] * 0], dim=1)


def _corrected(solutions: Tensor, weights: Tensor, goal: Tensor, rows: Tensor) -> Tensor:
    """Weights of the nearest point in the hull of the solutions used and the last one, in some rows.

    The nearest point of all that has these solutions for corners, where weights may be negative, is a linear system. On
    the way there the first weight that becomes 0 is dropped, until none does.
    """
    weights = weights.clone()
    weights[:, -1] = 2 * _NOTHING  # barely one
    for _ in range(solutions.shape[1] + 1):
        used = weights > 0
        aim = _affine(solutions, used, goal)
        falls = used & (aim <= _NOTHING)
        room = torch.where(falls, weights / (weights - aim).clamp(min=_NOTHING**2), torch.inf)
        step = room.amin(dim=1, keepdim=True).clamp(max=1.0)
        moved = weights + step * (aim - weights)
        moved = torch.where(used & ~(falls & (room <= step)) & (moved > _NOTHING), moved, 0.0)
        moved = moved / moved.sum(dim=1, keepdim=True)
        open_rows = rows & falls.any(dim=1)
        weights = torch.where(rows.unsqueeze(1), moved, weights)
        rows = open_rows
        if not bool(rows.any()):
            break
    return weights


def _affine(solutions: Tensor, used: Tensor, goal: Tensor) -> Tensor:
    """`[B, K]` numbers of sum 1 with the nearest sum_k a_k z_k to the goal; 0 for solutions not used."""
    count = solutions.shape[1]
    mask = used.to(solutions.dtype)
    shifted = (solutions - goal.unsqueeze(1)) * mask.unsqueeze(2)
    system = solutions.new_zeros(len(solutions), count + 1, count + 1)
    size = shifted.square().sum(dim=2).amax(dim=1).clamp(min=torch.finfo(solutions.dtype).tiny)
    system[:, :count, :count] = shifted @ shifted.mT / size[:, None, None]
    system[:, :count, count] = system[:, count, :count] = mask
    system.diagonal(dim1=1, dim2=2)[:, :count] += 1 - mask
    right = solutions.new_zeros(len(solutions), count + 1, 1)
    right[:, count] = 1.0
    found: Tensor = torch.linalg.lstsq(system, right).solution
    return found[:, :count, 0] * mask
