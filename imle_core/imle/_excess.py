"""By how much solutions exceed linear rows: what losses and metrics of feasibility share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from imle.errors import InstanceError, ObjectiveError

LINEAR = ("A_ub", "b_ub", "A_eq", "b_eq")
"""The names of linear rows, as solvers of linear programs take them."""


def excess(solution: Tensor, **rows: Any) -> Tensor:
    """By how much a solution exceeds each linear row: ``A_ub z - b_ub``, then ``|A_eq z - b_eq|``.

    A row is violated where this is positive; what is negative is slack. Differentiable in everything given.

    Args:
        solution: `[*batch, n]`, any real dtype.
        rows: `A_ub` and `b_ub`, `A_eq` and `b_eq`, or both pairs, as tensors, arrays or lists: `[m, n]` and `[m]`, or
            `[*batch, m, n]` and `[*batch, m]` where every solution has rows of its own.

    Returns:
        `[*batch, m]`, in float32 or wider; inequalities first.

    Raises:
        ObjectiveError: the solution is not a tensor with at least one dimension.
        InstanceError: no rows are given, a side is missing, or shapes do not fit together.

    Example::

        >>> import torch
        >>> excess(torch.tensor([[1, 1, 0]]), A_ub=[[2.0, 3.0, 4.0], [1.0, 0.0, 0.0]], b_ub=[4.0, 3.0])
        tensor([[ 1., -2.]])
    """
    if not isinstance(solution, Tensor) or not solution.ndim:
        found = str(list(solution.shape)) if isinstance(solution, Tensor) else type(solution).__name__
        raise ObjectiveError(f"solution: expected a torch tensor [*batch, n], found {found}")
    return excess_of_points(solution.unsqueeze(-2), rows).squeeze(-2)


def excess_of_points(points: Tensor, rows: Mapping[str, Any]) -> Tensor:
    """`excess` where several points share their linear rows: `[*batch, N, n]` to `[*batch, N, m]`."""
    if strange := [name for name in rows if name not in LINEAR]:
        raise InstanceError(f"{strange[0]}: expected linear rows, {', '.join(LINEAR)}")
    found = []
    for kind in ("ub", "eq"):
        left, right = rows.get(f"A_{kind}"), rows.get(f"b_{kind}")
        given = [torch.as_tensor(side) for side in (left, right) if side is not None]
        if given:
            z = points.to(real(points, *given))
            a, b = linear_rows(kind, left, right, z, (*z.shape[:-2], z.shape[-1]))
            beyond = z @ a.mT - b.unsqueeze(-2)
            found.append(beyond.abs() if kind == "eq" else beyond)
    if not found:
        raise InstanceError(f"{', '.join(LINEAR)}: expected linear rows, found none")
    return torch.cat(found, dim=-1)


def linear_rows(kind: str, left: Any, right: Any, like: Tensor, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Both sides of linear rows as tensors that fit points, and each other.

    Args:
        kind: "ub" or "eq", for messages.
        left: `[m, n]` or `[*batch, m, n]`.
        right: `[m]` or `[*batch, m]`.
        like: whose dtype and device both get; gradients pass.
        shape: `[*batch, n]` of one point.

    Raises:
        InstanceError: a side is missing, or shapes do not fit together.
    """
    for name, side in ((f"A_{kind}", left), (f"b_{kind}", right)):
        if side is None:
            raise InstanceError(f"A_{kind}, b_{kind}: expected both sides of the rows, found no {name}")
    a, b = torch.as_tensor(left).to(like), torch.as_tensor(right).to(like)
    *batch, n = shape
    lead = torch.Size(batch)
    if a.ndim < 2 or a.shape[-1] != n or a.shape[:-2] not in ((), lead):
        raise InstanceError(f"A_{kind}: expected [m, {n}]{_own(lead, 'm', n)}, found {list(a.shape)}")
    m = a.shape[-2]
    if b.ndim < 1 or b.shape[-1] != m or b.shape[:-1] not in ((), lead):
        raise InstanceError(f"b_{kind}: expected [{m}]{_own(lead, m)}, found {list(b.shape)}")
    return a, b


def real(*tensors: Tensor) -> torch.dtype:
    """The dtype in which tensors meet: float32 or wider."""
    wide = torch.float32
    for tensor in tensors:
        wide = torch.promote_types(wide, tensor.dtype)
    return wide


def _own(lead: torch.Size, *rest: object) -> str:
    """How rows of their own would look, where a batch has dimensions."""
    return f" or [{', '.join(map(str, (*lead, *rest)))}]" if lead else ""
