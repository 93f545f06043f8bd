"""How high relevant entries are ranked; as Rolinek et al., CVPR 2020, define it."""

from __future__ import annotations

import torch
from torch import Tensor

from imle._checks import positive_int
from imle.errors import ObjectiveError
from imle.losses.of_ranks import among_relevant, refuse_grades, refuse_unranked
from imle.metrics.checks import rows_of


def average_precision(ranks: Tensor, relevant: Tensor) -> Tensor:
    """The mean, over relevant entries, of the share of relevant entries among those ranked as high or higher.

    Args:
        ranks: `[*batch, n]`, 1 for the first, as the solver "ranking" gives them; 0 for padding.
        relevant: `[*batch, n]` of bool or 0/1.

    Returns:
        `[*batch]`; nan where no entry is relevant.

    Raises:
        ObjectiveError: shapes differ, ranks are not such numbers, or relevant entries not such ones, or without a rank.

    Example::

        >>> import torch
        >>> average_precision(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([[1, 1, 0]]))
        tensor([0.8333])
    """
    order, wanted = _read(ranks, relevant)
    shares: Tensor = wanted * among_relevant(order, wanted) / order.clamp(min=1)
    return shares.sum(dim=-1) / wanted.sum(dim=-1)


def recall_at(ranks: Tensor, relevant: Tensor, k: int) -> Tensor:
    """1 where a relevant entry is among the k first, else 0; the mean is recall@k as retrieval of images reports it.

    Args:
        ranks, relevant: as for `average_precision`.
        k: at least 1.

    Returns:
        `[*batch]`; nan where no entry is relevant.

    Raises:
        ObjectiveError: shapes differ, ranks are not such numbers, or relevant entries not such ones, or without a rank.
        OptionError: k is no positive int.
    """
    k = positive_int("recall_at: k", k)
    order, wanted = _read(ranks, relevant)
    found = (wanted.bool() & (order >= 1) & (order <= k)).any(dim=-1).to(wanted.dtype)
    return torch.where(wanted.any(dim=-1), found, torch.nan)


def _read(ranks: Tensor, relevant: Tensor) -> tuple[Tensor, Tensor]:
    """Ranks and relevant entries in float32 or wider."""
    order, wanted = rows_of(1, ranks=ranks, relevant=relevant)
    wrong = order[(order < 0) | (order > order.shape[-1]) | (order != order.round())]
    if len(wrong):
        raise ObjectiveError(
            f"ranks: expected whole numbers, 1 to {order.shape[-1]}, and 0 for padding, found {wrong[0].item():g}",
            hint="layer.eval() ranks scores without noise; bfloat16 has whole numbers up to 256 only",
        )
    refuse_grades("relevant", wanted)
    refuse_unranked("relevant", order, wanted)
    return order, wanted
