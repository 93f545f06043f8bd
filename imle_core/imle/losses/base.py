"""What all losses share: reading a batch through the layer, checking what it is compared with, reduction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Literal, NamedTuple, TypeVar, cast

import torch
from torch import Tensor, nn

from imle._copies import check_layer
from imle.errors import ObjectiveError, OptionError
from imle.estimators.base import Estimator
from imle.layers.boundary import sums_to_finite
from imle.layers.module import Batch, SolverLayer
from imle.layers.shapes import row_name

Reduction = Literal["mean", "sum", "none"]
REDUCTIONS = ("mean", "sum", "none")

F = TypeVar("F", bound=Callable[..., Any])


class Maximum(NamedTuple):
    """The best solutions for some scores.

    Attributes:
        z: `[B, *event]`; 0 where a solve failed.
        valid: `[B]` which rows hold, or None for all.
        fixed: `[B]` float64, their fixed terms (see `PreparedSolver.fixed_terms`); None where there are none.
    """

    z: Tensor
    valid: Tensor | None
    fixed: Tensor | None


def interpreted(forward: F) -> F:
    """Keep compilers out: the forward pass of a loss calls solvers in plain Python, around which graphs break."""

    @wraps(forward)
    def kept(*arguments: Any, **keywords: Any) -> Any:
        if torch.compiler.is_compiling():
            from imle.layers.uncompiled import outside_graphs

            return outside_graphs(forward, *arguments, **keywords)
        return forward(*arguments, **keywords)

    return cast(F, kept)


class SolverLoss(nn.Module):
    """A loss for the objective of a solver layer, one value per row.

    The layer lends its solver, instance, sense, failure policy and statistics; its estimator, noise, output and
    train or eval mode do not matter. Values are computed in float32 or wider, and returned so. Rows that cannot be
    solved raise, or with on_failure="zero-grad" have value 0 and no gradient.

    Args:
        layer: a layer made by `imle.layer`.
        reduction: "none" gives `[*batch]`; "mean" and "sum" are the mean and the sum of that over all rows, those
            of failed rows included, so a row weighs the same whatever happens to others. Of no rows both are 0.

    Raises:
        OptionError: not a layer, or not a reduction.
    """

    def __init__(self, layer: SolverLayer, *, reduction: Reduction = "mean") -> None:
        super().__init__()
        check_layer(f"{type(self).__name__}: layer", layer)
        if reduction not in REDUCTIONS:
            raise OptionError(
                f"{type(self).__name__}: reduction: expected 'mean', 'sum' or 'none', found {reduction!r}"
            )
        self.layer = layer
        self.reduction: Reduction = reduction

    def read(self, objective: Tensor, rows: Mapping[str, Sequence[Any]]) -> Batch:
        """The objective as scores to maximise, and the solver.

        Args:
            objective: `[*batch, *event]`, as the layer takes it.
            rows: instance parameters that differ per row.
        """
        return plain(self.layer, objective, rows)

    def scores(self, name: str, objective: Any, batch: Batch, like: Tensor) -> Tensor:
        """The true objective, read in the same sense, as detached `[B, *event]` theta.

        Args:
            name, objective, batch, like: as for `rows`.
        """
        return self.rows(name, objective, batch, like) * _sign(self.layer)

    def solutions(self, solution: Any, batch: Batch, like: Tensor) -> Tensor:
        """Known solutions, checked, as the solver returns them: `[B, *event]`.

        Args:
            solution: `[*batch, *event]`.
            batch, like: as for `rows`.
        """
        return self.layer.as_solved(self.rows("solution", solution, batch, like), batch.solve)

    def rows(self, name: str, values: Any, batch: Batch, like: Tensor) -> Tensor:
        """Check a target of the loss, and give it theta's dtype and device.

        Args:
            name: of the argument, for messages.
            values: `[*batch, *event]`.
            batch: what the objective was read to.
            like: `[*batch, *event]` the objective.

        Returns:
            `[B, *event]`.

        Raises:
            ObjectiveError: missing, of another shape than the objective, or not finite.
        """
        who = f"{type(self).__name__}: {name}"
        given = check_shape(who, values, like.shape)
        if given.is_complex():
            raise ObjectiveError(f"{who}: expected real numbers, found {given.dtype}")
        wide = given.detach().to(batch.theta).reshape(batch.theta.shape)
        if not sums_to_finite(wide):
            wide = batch.solve.inside(wide)  # what is given on the padding counts for nothing
            if not bool(wide.isfinite().all()):
                raise ObjectiveError(f"{who}: found nan or infinity")
        return wide

    def fixed_terms(self, name: str, z: Tensor, batch: Batch) -> Tensor | None:
        """The fixed terms of known solutions, `[B]`; None where the solver has none.

        Args:
            name: of the argument, for messages.
            z: `[B, *event]` the solutions.
            batch: what the objective was read to.

        Raises:
            ObjectiveError: a solution is not feasible, so that nothing can be said of it; names the row.
        """
        found = batch.solve.fixed_terms(z.unsqueeze(1))
        return None if found is None else feasible(f"{type(self).__name__}: {name}", found, batch).squeeze(1)

    def reduced(self, values: Tensor, valid: Tensor | None, batch: Batch) -> Tensor:
        """One value per row to what the user asked for.

        Args:
            values: `[B]`.
            valid: `[B]` rows that count, or None if all do.
            batch: for its leading dimensions.
        """
        if valid is not None:
            values = torch.where(valid, values, torch.zeros_like(values))
        if self.reduction == "none":
            return values.reshape(batch.solve.lead)
        total = values.sum()
        return total / max(len(values), 1) if self.reduction == "mean" else total

    def extra_repr(self) -> str:
        return f"reduction={self.reduction!r}"


def plain(layer: SolverLayer, objective: Tensor, rows: Mapping[str, Sequence[Any]]) -> Batch:
    """`layer.read` without what the estimator does to theta on its way to a gradient: that is no part of a loss."""
    batch = layer.read(objective, **rows)
    if type(layer.estimator).transform is Estimator.transform:
        return batch
    scores = objective.reshape(batch.theta.shape).to(batch.theta.dtype) * _sign(layer)
    return Batch(batch.solve.inside(scores), batch.solve)


def _sign(layer: SolverLayer) -> float:
    return -1.0 if layer.solver.sense == "min" else 1.0


def maximise(batch: Batch, theta: Tensor) -> Maximum:
    """argmax <theta, z> + h(z) of `[B, *event]` scores; h are fixed terms, as of variables that are not learned."""
    with torch.no_grad():
        (z, valid), fixed = batch.solve.valued(theta.detach().unsqueeze(1))
    rows = (None if rest is None else rest.squeeze(1) for rest in (valid, fixed))
    return Maximum(z.squeeze(1), *rows)


def advantage(theta: Tensor, one: Tensor, other: Tensor, fixed: Tensor | None, others: Tensor | None) -> Tensor:
    """By how much the first of two solutions is better: <theta, z - z'> + h(z) - h(z').

    Args:
        theta: `[B, *event]`.
        one, other: `[B, *event]` z and z'.
        fixed, others: `[B]` h of them, or None both.
    """
    return inner(theta, one - other) + more(fixed, others, theta)


def more(fixed: Tensor | None, others: Tensor | None, like: Tensor) -> Tensor | float:
    """h(z) - h(z'), taken in float64, in the dtype of theta; 0 where there are no such terms."""
    return 0.0 if fixed is None or others is None else (fixed - others).to(like.dtype)


def feasible(who: str, fixed: Tensor, batch: Batch, row: int = 0) -> Tensor:
    """The fixed terms of solutions, `[B, ...]`, checked: all of them are feasible.

    Args:
        who: what the message begins with.
        fixed: nan where a solution is not feasible: nothing can be said of it.
        batch: that rows belong to.
        row: of the batch, that is the first here.

    Raises:
        ObjectiveError: a solution is not feasible; names the row.
    """
    if (bad := fixed.isnan().nonzero()).numel():
        raise ObjectiveError(
            f"{who}: expected feasible solutions, found one that is not, for "
            f"{row_name(row + int(bad[0, 0]), batch.solve.lead)}",
            hint="variables that are not learned have no values that fit it",
        )
    return fixed


def check_shape(who: str, values: Any, shape: Sequence[int], like: str = "the objective") -> Tensor:
    """Refuse what is not a tensor of a shape.

    Args:
        who: what the message begins with.
        values: what was given.
        shape: the one it must have.
        like: what has that shape.

    Returns:
        the tensor.

    Raises:
        ObjectiveError: what was found.
    """
    if not isinstance(values, Tensor):
        raise ObjectiveError(
            f"{who}: expected shape {list(shape)}, found {type(values).__name__}",
            hint=None if values is None else "torch.as_tensor(...) converts arrays and lists",
        )
    if values.shape != shape:
        raise ObjectiveError(f"{who}: expected shape {list(shape)}, that of {like}, found {list(values.shape)}")
    return values


def inner(theta: Tensor, z: Tensor, *, lead: int = 1) -> Tensor:
    """<theta, z> row by row: `[B, *event]` to `[B]`; with lead=2 sample by sample: `[B, S, *event]` to `[B, S]`."""
    return (theta * z).flatten(lead).sum(dim=lead)
