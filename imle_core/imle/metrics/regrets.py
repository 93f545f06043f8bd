"""Regret: what is lost by deciding with a predicted objective. Elmachtoub & Grigas, Management Science 2022."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from imle.errors import ObjectiveError
from imle.layers.module import SolverLayer
from imle.metrics.checks import reading, rows_of
from imle.solvers.protocol import Sense


def regret(
    true_objective: Tensor,
    solution: Tensor,
    optimal: Tensor,
    *,
    sense: Sense | None = None,
    event_ndim: int | None = None,
    layer: SolverLayer | None = None,
    **rows: Sequence[Any],
) -> Tensor:
    """How much worse a decision is than the best one, by the true objective. Never negative for feasible decisions.

    With `layer=`, fixed terms, such as costs of variables that are not learned, count too. With
    `sense=` alone they cannot be known: it is for solvers that have none.

    Args:
        true_objective: `[*batch, *event]` scores ("max") or costs ("min").
        solution: `[*batch, *event]` what was decided, such as `layer(predicted)` in eval mode.
        optimal: `[*batch, *event]` best solutions for the true objective.
        sense: "max" or "min", instead of `layer`.
        event_ndim: how many trailing dimensions make up one solution, by default 1; a layer knows.
        layer: the layer that decides.
        rows: instance parameters that differ per row, as the layer takes them.

    Returns:
        `[*batch]`, in the units of the objective.

    Raises:
        ObjectiveError: shapes differ, or a solution is not feasible.
        OptionError: an option is not valid.

    Source: section 2, definition 1 (the SPO loss without its worst case over ties).

    Example::

        >>> import torch
        >>> costs = torch.tensor([[3.0, 1.0, 2.0]])
        >>> regret(costs, torch.tensor([[1, 0, 0]]), torch.tensor([[0, 1, 0]]), sense="min")
        tensor([2.])
    """
    return _lost(true_objective, solution, optimal, sense, event_ndim, layer, rows)[0]


def normalised_regret(
    true_objective: Tensor,
    solution: Tensor,
    optimal: Tensor,
    *,
    sense: Sense | None = None,
    event_ndim: int | None = None,
    layer: SolverLayer | None = None,
    **rows: Sequence[Any],
) -> Tensor:
    """The sum of all regrets over the sum of the absolute true optima: the number tables report, times 100 in per cent.

    Args:
        true_objective, solution, optimal, sense, event_ndim, layer, rows: as for `regret`.

    Returns:
        a scalar; nan if all optima are 0.

    Raises:
        ObjectiveError, OptionError: as for `regret`.

    Source: Tang & Khalil 2022 (PyEPO), section 5.2.
    """
    lost, best = _lost(true_objective, solution, optimal, sense, event_ndim, layer, rows)
    return lost.sum() / best.abs().sum()


def _lost(
    true_objective: Tensor,
    solution: Tensor,
    optimal: Tensor,
    sense: Sense | None,
    event_ndim: int | None,
    layer: SolverLayer | None,
    rows: dict[str, Sequence[Any]],
) -> tuple[Tensor, Tensor]:
    """The regret of each row, and the value of its optimum, as maximisations."""
    read = reading(true_objective, sense, event_ndim, layer, rows)
    given = rows_of(read.event_ndim, true_objective=true_objective, solution=solution, optimal=optimal)
    theta, chosen, best = map(read.inside, given)
    chosen, best = read.own(chosen), read.own(best)
    other, rest = read.fixed_terms("solution", solution), read.fixed_terms("optimal", optimal)
    lost = read.sign * (theta * (best - chosen)).sum(dim=-1) + (rest - other)
    return lost.to(theta), (read.sign * (theta * best).sum(dim=-1) + rest).to(theta)


def unambiguous_regret(
    true_objective: Tensor,
    predicted: Tensor,
    solutions: Tensor,
    *,
    sense: Sense | None = None,
    event_ndim: int | None = None,
    layer: SolverLayer | None = None,
    tolerance: float = 1e-6,
    **rows: Sequence[Any],
) -> Tensor:
    """The regret of the worst solution among those that the prediction holds for the best: no luck with ties.

    Args:
        true_objective: `[*batch, *event]` scores ("max") or costs ("min").
        predicted: `[*batch, *event]`, in the same sense.
        solutions: `[M, *event]` all feasible solutions, or a pool of them. Where they are too many, give
            `worst_tied(layer, predicted, true_objective)` to `regret`.
        sense, event_ndim, layer, rows: as for `regret`.
        tolerance: predicted values tie if they differ by at most this, relative to the largest of the row.

    Returns:
        `[*batch]`, in the units of the objective.

    Raises:
        ObjectiveError: shapes differ, or there is no solution.
        OptionError: an option is not valid.

    Source: section 2, definition 2.
    """
    read = reading(true_objective, sense, event_ndim, layer, rows)
    true, guess = map(read.inside, rows_of(read.event_ndim, true_objective=true_objective, predicted=predicted))
    pool = _pool(solutions, true_objective.shape[true_objective.ndim - read.event_ndim :])
    pool = read.own_of_all(pool).to(true)
    rest = read.fixed_terms_of_all("solutions", solutions)
    values, expected = read.sign * true @ pool.T + rest, read.sign * guess @ pool.T + rest
    best = expected.amax(dim=-1, keepdim=True)
    tied = expected >= best - tolerance * expected.abs().amax(dim=-1, keepdim=True)
    worst = values.masked_fill(~tied, float("inf")).amin(dim=-1)
    return (values.amax(dim=-1) - worst).to(true)


def _pool(solutions: Any, event: Any) -> Tensor:
    if not isinstance(solutions, Tensor) or solutions.shape[1:] != event or not len(solutions):
        found = list(solutions.shape) if isinstance(solutions, Tensor) else type(solutions).__name__
        raise ObjectiveError(f"solutions: expected [M, {', '.join(map(str, event))}] with M >= 1, found {found}")
    return solutions.reshape(len(solutions), -1)
