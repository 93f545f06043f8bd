"""Regret: what is lost by deciding with a predicted objective. Elmachtoub & Grigas, Management Science 2022."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from imle.errors import ObjectiveError
from imle.metrics.checks import rows_of, sign_of
from imle.solvers.protocol import Sense


def regret(true_objective: Tensor, solution: Tensor, optimal: Tensor, *, sense: Sense, event_ndim: int = 1) -> Tensor:
    """How much worse a decision is than the best one, by the true objective. Never negative for feasible decisions.

    Args:
        true_objective: `[*batch, *event]` scores ("max") or costs ("min").
        solution: `[*batch, *event]` what was decided, such as `layer(predicted)` in eval mode.
        optimal: `[*batch, *event]` best solutions for the true objective.
        sense: "max" or "min"; `layer.solver.sense`.
        event_ndim: how many trailing dimensions make up one solution.

    Returns:
        `[*batch]`, in the units of the objective.

    Raises:
        ObjectiveError: shapes differ.
        OptionError: an option is not valid.

    Source: section 2, definition 1 (the SPO loss without its worst case over ties).

    Example::

        >>> import torch
        >>> costs = torch.tensor([[3.0, 1.0, 2.0]])
        >>> regret(costs, torch.tensor([[1, 0, 0]]), torch.tensor([[0, 1, 0]]), sense="min")
        tensor([2.])
    """
    sign = sign_of(sense)
    theta, chosen, best = rows_of(event_ndim, true_objective=true_objective, solution=solution, optimal=optimal)
    return sign * (theta * (best - chosen)).sum(dim=-1)


def normalised_regret(
    true_objective: Tensor, solution: Tensor, optimal: Tensor, *, sense: Sense, event_ndim: int = 1
) -> Tensor:
    """The sum of all regrets over the sum of the absolute true optima: the number tables report, times 100 in per cent.

    Args:
        true_objective, solution, optimal, sense, event_ndim: as for `regret`.

    Returns:
        a scalar; nan if all optima are 0.

    Raises:
        ObjectiveError, OptionError: as for `regret`.

    Source: Tang & Khalil 2022 (PyEPO), section 5.2.
    """
    theta, best = rows_of(event_ndim, true_objective=true_objective, optimal=optimal)
    lost = regret(true_objective, solution, optimal, sense=sense, event_ndim=event_ndim)
    return lost.sum() / (theta * best).sum(dim=-1).abs().sum()


def unambiguous_regret(
    true_objective: Tensor,
    predicted: Tensor,
    solutions: Tensor,
    *,
    sense: Sense,
    event_ndim: int = 1,
    tolerance: float = 1e-6,
) -> Tensor:
    """The regret of the worst solution among those that the prediction holds for the best: no luck with ties.

    Args:
        true_objective: `[*batch, *event]` scores ("max") or costs ("min").
        predicted: `[*batch, *event]`, in the same sense.
        solutions: `[M, *event]` all feasible solutions, or a pool of them. Where they are too many, give
            `worst_tied(layer, predicted, true_objective)` to `regret`.
        sense: "max" or "min"; `layer.solver.sense`.
        event_ndim: how many trailing dimensions make up one solution.
        tolerance: predicted values tie if they differ by at most this, relative to the largest of the row.

    Returns:
        `[*batch]`, in the units of the objective.

    Raises:
        ObjectiveError: shapes differ, or there is no solution.
        OptionError: an option is not valid.

    Source: section 2, definition 2.
    """
    sign = sign_of(sense)
    true, guess = rows_of(event_ndim, true_objective=true_objective, predicted=predicted)
    pool = _pool(solutions, true_objective.shape[true_objective.ndim - event_ndim :]).to(true)
    values, expected = sign * true @ pool.T, sign * guess @ pool.T
    best = expected.amax(dim=-1, keepdim=True)
    tied = expected >= best - tolerance * expected.abs().amax(dim=-1, keepdim=True)
    worst = values.masked_fill(~tied, float("inf")).amin(dim=-1)
    return values.amax(dim=-1) - worst


def _pool(solutions: Any, event: Any) -> Tensor:
    if not isinstance(solutions, Tensor) or solutions.shape[1:] != event or not len(solutions):
        found = list(solutions.shape) if isinstance(solutions, Tensor) else type(solutions).__name__
        raise ObjectiveError(f"solutions: expected [M, {', '.join(map(str, event))}] with M >= 1, found {found}")
    return solutions.reshape(len(solutions), -1)
