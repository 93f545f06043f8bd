"""How far decisions are from what turns out feasible, and what it costs to mend them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from imle._checks import not_negative
from imle._excess import excess, linear_rows, real
from imle.errors import ObjectiveError
from imle.layers.module import SolverLayer
from imle.metrics.regrets import regret
from imle.solvers.protocol import Sense


def infeasibility(solution: Tensor, *, share: bool = False, tolerance: float = 1e-6, **rows: Any) -> Tensor:
    """The total violation of linear rows by a decision, under their true parameters; or the share of rows violated.

    Args:
        solution: `[*batch, n]` what was decided.
        share: the number of rows violated over the number of rows, instead of the sum of violations.
        tolerance: a row is violated if it is exceeded by more than this.
        rows: the true `A_ub`, `b_ub`, `A_eq`, `b_eq`, as for `excess`.

    Returns:
        `[*batch]`; the mean of `infeasibility(...) > 0` is the share of decisions that are infeasible.

    Raises:
        ObjectiveError, InstanceError: as for `excess`.
        OptionError: the tolerance is not a number of at least 0.

    Example::

        >>> import torch
        >>> loads = torch.tensor([[1, 1, 1], [1, 0, 0]])
        >>> infeasibility(loads, A_ub=[[2.0, 3.0, 4.0], [1.0, 1.0, 1.0]], b_ub=[5.0, 2.0])
        tensor([5., 0.])
    """
    beyond = excess(solution, **rows)
    violated = beyond > not_negative("infeasibility: tolerance", tolerance)
    return violated.to(beyond).mean(dim=-1) if share else torch.where(violated, beyond, 0.0).sum(dim=-1)


def scaled_to_feasible(solution: Tensor, *, A_ub: Any, b_ub: Any) -> Tensor:  # noqa: N803 - as solvers name them
    """The decision times the number nearest to 1, and not negative, that keeps all rows.

    The correction of packing and covering programs: packing, with nonnegative A_ub and b_ub, scales down; covering,
    ``-A z <= -b``, up. Integers do not stay whole.

    Args:
        solution: `[*batch, n]` what was decided.
        A_ub, b_ub: the true rows, as for `excess`.

    Returns:
        `[*batch, n]`, in float32 or wider.

    Raises:
        ObjectiveError: the solution has a wrong type, or no multiple of it is feasible; names the row.
        InstanceError: shapes of rows do not fit.

    Source: Hu, Lee & Lee, AAAI 2023, the correction of their experiments.

    Example::

        >>> import torch
        >>> scaled_to_feasible(torch.tensor([[2.0, 2.0]]), A_ub=[[1.0, 1.0]], b_ub=[3.0])
        tensor([[1.5000, 1.5000]])
    """
    load = excess(solution, A_ub=A_ub, b_ub=torch.zeros(torch.as_tensor(b_ub).shape))
    _, right = linear_rows("ub", A_ub, b_ub, load, solution.shape)
    most = torch.where(load > 0, right / load, float("inf")).amin(dim=-1)  # load * scale <= right
    least = torch.where(load < 0, right / load, 0.0).amax(dim=-1).clamp(min=0.0)
    impossible = (least > most) | (most < 0) | ((load == 0) & (right < 0)).any(dim=-1)
    if bool(impossible.any()):
        row = int(impossible.reshape(-1).nonzero()[0])
        raise ObjectiveError(
            f"scaled_to_feasible: solution: no multiple of it keeps the rows (row {row})",
            hint="correct it in another way, such as by solving again with the true parameters",
        )
    scale = torch.maximum(torch.minimum(torch.ones_like(most), most), least)
    return solution.to(real(solution, load)) * scale.unsqueeze(-1)


def post_hoc_regret(
    true_objective: Tensor,
    solution: Tensor,
    optimal: Tensor,
    *,
    correct: Callable[[Tensor], Tensor],
    penalty: float | Tensor | Callable[[Tensor, Tensor], Tensor] = 0.0,
    sense: Sense | None = None,
    event_ndim: int | None = None,
    layer: SolverLayer | None = None,
    **rows: Sequence[Any],
) -> Tensor:
    """The regret of a decision that is mended once the true parameters are known, and what mending it costs.

    For costs it is ``<c, z'> - <c, z*> + Pen(z, z')``, for scores ``<c, z*> - <c, z'> + Pen(z, z')``, where z' is the
    decision z corrected, so that it is feasible under the true parameters, and z* the best under these. Never negative;
    0 for a decision that needs no correction and is best.

    Args:
        true_objective: `[*batch, *event]` true scores ("max") or costs ("min").
        solution: `[*batch, *event]` what was decided.
        optimal: `[*batch, *event]` best solutions under all true parameters.
        correct: decisions `[*batch, *event]` to feasible ones; it returns those that are feasible as they are.
            `scaled_to_feasible` for packing and covering; in two-stage problems the solution of the second stage,
            which minimises the cost and the penalty together under the true parameters.
        penalty: of a change, per unit of each variable: a number, or a tensor that fits `[*batch, *event]`, for
            ``sum_i sigma_i |z_i - z'_i|``; or a function of decisions and corrected decisions, `[*batch]`.
        sense, event_ndim, layer, rows: as for `regret`; rows are true parameters.

    Returns:
        `[*batch]`, in the units of the objective.

    Raises:
        ObjectiveError: shapes differ, or a corrected decision is not feasible for the layer.
        OptionError: an option is not valid.

    Source: Hu, Lee & Lee, "Predict+Optimize for packing and covering LPs with unknown parameters in constraints", AAAI
    2023; two-stage: Hu, Lee & Lee, NeurIPS 2023.

    Example::

        >>> import functools, torch
        >>> mend = functools.partial(scaled_to_feasible, A_ub=[[1.0, 1.0]], b_ub=[3.0])
        >>> values, packed, best = torch.tensor([[2.0, 1.0]]), torch.tensor([[2.0, 2.0]]), torch.tensor([[3.0, 0.0]])
        >>> post_hoc_regret(values, packed, best, correct=mend, penalty=0.1, sense="max")
        tensor([1.6000])
    """
    mended = correct(solution)
    lost = regret(true_objective, mended, optimal, sense=sense, event_ndim=event_ndim, layer=layer, **rows)
    if callable(penalty):
        paid = penalty(solution, mended)
        if not isinstance(paid, Tensor) or paid.shape != lost.shape:
            found = list(paid.shape) if isinstance(paid, Tensor) else type(paid).__name__
            raise ObjectiveError(f"penalty: expected {list(lost.shape)} of it, found {found}")
        return lost + paid
    changes = (solution.to(mended) - mended).abs()
    rate = torch.as_tensor(penalty).to(changes)
    try:
        paid = changes * rate.expand_as(changes)
    except RuntimeError:
        raise ObjectiveError(
            f"penalty: expected a shape that fits {list(changes.shape)}, found {list(rate.shape)}"
        ) from None
    return lost + paid.reshape(*lost.shape, -1).sum(dim=-1).to(lost)
