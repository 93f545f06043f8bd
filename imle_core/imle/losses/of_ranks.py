"""What losses of ranks share: margins, relevant entries, and the gradient through a layer that ranks."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from imle._checks import not_negative
from imle._copies import check_layer
from imle.errors import ObjectiveError, OptionError
from imle.layers.module import SolverLayer
from imle.losses.base import REDUCTIONS, Reduction, check_shape, interpreted


class RankLoss(nn.Module):
    """A loss of the ranks that relevant entries have among all, the highest score being first, with rank 1.

    Ranks come from a layer that ranks, and so does their gradient: of its estimator, which is
    ``{"name": "blackbox", "lambda_": ...}`` in the paper. With noise it is the mean of the losses of all samples
    (`SolverLayer.expected_loss`). No gradient goes through the order of relevant entries among themselves. Ranks and
    losses are in float32 or wider.

    Args:
        layer: gives ranks, such as `imle.layer("ranking", ...)`.
        margin: alpha, by how much relevant entries shall be above others: their scores are lowered, and those of others
            are raised, by half of it. Without one, an order once right has no gradient, however narrow it is.
        reduction: "none" gives `[*batch]`; "mean" and "sum" are those of rows with a relevant entry. Rows without one
            have loss 0.

    Raises:
        OptionError: not a layer, one that ranks the lowest score first, or an option is not valid.

    Source: Rolinek, Musil, Paulus, Vlastelica, Michaelis & Martius, "Optimizing rank-based metrics with blackbox
    differentiation", CVPR 2020.
    """

    def __init__(self, layer: SolverLayer, *, margin: float = 0.0, reduction: Reduction = "mean") -> None:
        super().__init__()
        name = type(self).__name__
        check_layer(f"{name}: layer", layer)
        if reduction not in REDUCTIONS:
            raise OptionError(f"{name}: reduction: expected 'mean', 'sum' or 'none', found {reduction!r}")
        if layer.solver.sense == "max":
            raise OptionError(
                f"{name}: layer: expected one that gives the highest score rank 1, found sense='max' of {layer.spec.id}"
            )
        self.layer = layer
        self.margin = not_negative(f"{name}: margin", margin)
        self.reduction: Reduction = reduction

    @interpreted
    def forward(self, scores: Tensor, relevant: Tensor, **rows: Any) -> Tensor:
        """The loss of a batch.

        Args:
            scores: `[*batch, n]`, as the layer takes them.
            relevant: `[*batch, n]` of bool or 0/1.
            rows: instance parameters that differ per row, such as `lengths`, each a sequence.

        Returns:
            a scalar, or `[*batch]` for reduction="none".

        Raises:
            ObjectiveError: `relevant` has another shape or other values, or entries that have no rank.
        """
        who = f"{type(self).__name__}: relevant"
        given = check_shape(who, relevant, scores.shape, "the scores").to(scores.device)
        refuse_grades(who, given)
        wide = scores.to(torch.promote_types(scores.dtype, torch.float32))  # bfloat16 has no rank 257
        wanted = given.detach().to(wide.dtype)
        counts = wanted.bool().sum(dim=-1)

        def of_samples(ranks: Tensor) -> Tensor:
            own = wanted.unsqueeze(-2).to(ranks.dtype)
            refuse_unranked(who, ranks.detach(), own)
            return (own * self.terms(ranks, among_relevant(ranks.detach(), own))).sum(dim=-1)

        total = self.layer.expected_loss(wide - self.margin * (wanted - 0.5), of_samples, **rows)
        values = total / counts.clamp(min=1)
        if self.reduction == "none":
            return values
        summed = values.sum()
        return summed / (counts > 0).sum().clamp(min=1) if self.reduction == "mean" else summed

    @abstractmethod
    def terms(self, ranks: Tensor, among: Tensor) -> Tensor:
        """What entries contribute to the loss; those of relevant entries are averaged.

        Args:
            ranks: `[*batch, S, n]` among all entries.
            among: `[*batch, S, n]` for relevant entries, their ranks among relevant ones; no gradient.

        Returns:
            `[*batch, S, n]`.
        """

    def extra_repr(self) -> str:
        return f"margin={self.margin:g}, reduction={self.reduction!r}"


def refuse_grades(who: str, relevant: Tensor) -> None:
    """Raise if what is relevant is not told by bool or 0/1.

    Raises:
        ObjectiveError: names the argument.
    """
    if not bool(((relevant == 0) | (relevant == 1)).all()):
        raise ObjectiveError(f"{who}: expected bool or 0/1, found other numbers")


def refuse_unranked(who: str, ranks: Tensor, relevant: Tensor) -> None:
    """Raise if a relevant entry has no rank.

    Args:
        who: the argument, for the message.
        ranks, relevant: as for `among_relevant`.

    Raises:
        ObjectiveError: says so.
    """
    if bool((relevant * (ranks < 1)).any()):
        raise ObjectiveError(
            f"{who}: expected entries that have ranks, found one without", hint="none are on the padding"
        )


def among_relevant(ranks: Tensor, relevant: Tensor) -> Tensor:
    """How many relevant entries have a rank up to that of each entry: for relevant ones, their ranks among these.

    Args:
        ranks: `[..., n]`, 0 for padding.
        relevant: `[..., n]` of 0 and 1, in the dtype of the ranks; not broadcast beyond leading dimensions.
    """
    places = (ranks.long() - 1).clamp(min=0)  # padding has rank 0, and is not relevant
    by_place = torch.zeros_like(ranks).scatter_add(-1, places, relevant.expand_as(ranks))
    return by_place.cumsum(dim=-1).gather(-1, places)
