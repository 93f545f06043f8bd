"""Points near known solutions, for `SolverFree` to tell apart from them: those of Nandwani et al., NeurIPS 2022.

All return `[*batch, N, n]` whole points between bounds. A point that is the solution itself, or worse than it, may be
among them: the loss leaves such ones out.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from imle._checks import positive_int
from imle._excess import linear_rows, real
from imle.errors import ObjectiveError, OptionError


def neighbours(solution: Tensor, *, lower: int = 0, upper: int = 1) -> Tensor:
    """Every point one step away: of binary solutions, each with one entry flipped.

    Args:
        solution: `[*batch, n]`.
        lower: bound of all variables.
        upper: likewise.

    Returns:
        `[*batch, n, n]` for binary variables, else `[*batch, 2 n, n]`.

    Raises:
        ObjectiveError: not solutions between the bounds.
        OptionError: bounds are not ints, or cross.
    """
    z = _checked(solution, lower, upper).unsqueeze(-2)
    step = torch.eye(z.shape[-1], dtype=z.dtype, device=z.device)
    if upper - lower == 1:
        return z + torch.where(z > lower, -step, step)
    return torch.cat([z + step, z - step], dim=-2).clamp(lower, upper)


def walks(
    solution: Tensor,
    *,
    steps: int,
    samples: int,
    lower: int = 0,
    upper: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Random points a few steps away: a variable drawn for each step, and for each variable a direction.

    Variables may be drawn twice: binary ones are then flipped once, others go two steps. At a bound the direction is
    the one that leads away from it.

    Args:
        solution: `[*batch, n]`.
        steps: how many, at least 1.
        samples: N, how many points.
        lower: bound of all variables.
        upper: likewise.
        generator: where randomness comes from; by default torch's own.

    Returns:
        `[*batch, N, n]`.

    Raises:
        ObjectiveError: not solutions between the bounds.
        OptionError: bounds are not ints, or cross; steps or samples are not ints of at least 1.
    """
    z = _checked(solution, lower, upper)
    n = z.shape[-1]
    shape = (*z.shape[:-1], positive_int("walks: samples", samples), positive_int("walks: steps", steps))
    where = torch.randint(n, shape, generator=generator, device=z.device)
    distance = one_hot(where, n).sum(dim=-2).to(z)
    up = torch.rand(distance.shape, generator=generator, device=z.device) < 0.5
    z = z.unsqueeze(-2)
    up = torch.where(z <= lower, True, torch.where(z >= upper, False, up))
    return torch.where(up, z + distance, z - distance).clamp(lower, upper)


def projections(
    solution: Tensor,
    A_ub: Any,  # noqa: N803 - as solvers name them
    b_ub: Any,
    *,
    lower: int = 0,
    upper: int = 1,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The solution projected onto the hyperplane of each row, and rounded at random: up as often as its fraction says.

    Args:
        solution: `[*batch, n]`.
        A_ub: `[m, n]` or `[*batch, m, n]` the rows as learned so far.
        b_ub: `[m]` or `[*batch, m]`.
        lower: bound of all variables.
        upper: likewise.
        generator: where randomness comes from; by default torch's own.

    Returns:
        `[*batch, m, n]`.

    Raises:
        ObjectiveError: not solutions between the bounds.
        InstanceError: shapes of the rows do not fit.
        OptionError: bounds are not ints, or cross.
    """
    z = _checked(solution, lower, upper)
    with torch.no_grad():
        a, b = linear_rows("ub", A_ub, b_ub, z, z.shape)
        square = a.square().sum(dim=-1).clamp(min=torch.finfo(a.dtype).tiny)
        slack = b - (z.unsqueeze(-2) @ a.mT).squeeze(-2)
        onto = z.unsqueeze(-2) + (slack / square).unsqueeze(-1) * a
        onto = onto.nan_to_num().clamp(lower, upper)
        down = onto.floor()
        up = torch.rand(onto.shape, dtype=z.dtype, generator=generator, device=z.device) < onto - down
        return down + up


def others(solution: Tensor) -> Tensor:
    """The other solutions of the batch: some of them would be better, were they feasible.

    Args:
        solution: `[B, n]`.

    Returns:
        `[B, B - 1, n]`.

    Raises:
        ObjectiveError: not of this shape.
    """
    if not isinstance(solution, Tensor) or solution.ndim != 2:
        found = list(solution.shape) if isinstance(solution, Tensor) else type(solution).__name__
        raise ObjectiveError(f"others: solution: expected [B, n], found {found}")
    count = len(solution)
    index = torch.arange(count, device=solution.device)
    shifted = (index.unsqueeze(1) + index[1:]) % max(count, 1)
    return solution.detach()[shifted]


def _checked(solution: Any, lower: Any, upper: Any) -> Tensor:
    for name, bound in (("lower", lower), ("upper", upper)):
        if isinstance(bound, bool) or not isinstance(bound, int):
            raise OptionError(f"negatives: {name}: expected an int, found {bound!r}")
    if lower >= upper:
        raise OptionError(f"negatives: lower, upper: expected lower < upper, found {lower} and {upper}")
    if not isinstance(solution, Tensor) or not solution.ndim:
        found = list(solution.shape) if isinstance(solution, Tensor) else type(solution).__name__
        raise ObjectiveError(f"negatives: solution: expected a torch tensor [*batch, n], found {found}")
    z = solution.detach().to(real(solution))
    if not bool(((z >= lower) & (z <= upper)).all()):
        raise ObjectiveError(f"negatives: solution: expected values between {lower} and {upper}, found others")
    return z
