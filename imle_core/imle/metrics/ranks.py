"""How high relevant entries are ranked; as Rolinek et al., CVPR 2020, define it."""

from __future__ import annotations

import torch
from torch import Tensor

from imle._checks import positive_int
from imle.losses.of_ranks import among_relevant
from imle.metrics.checks import rows_of


def average_precision(ranks: Tensor, relevant: Tensor) -> Tensor:
    """The mean, over relevant entries, of the share of relevant entries among those ranked as high or higher.

    Args:
        ranks: `[*batch, n]`, 1 for the first, as the solver "ranking" gives them; 0 for padding.
        relevant: `[*batch, n]` of bool or 0/1.

    Returns:
        `[*batch]`; nan where no entry is relevant.

    Raises:
        ObjectiveError: shapes differ.

    Example::

        >>> import torch
        >>> average_precision(torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([[1, 1, 0]]))
        tensor([0.8333])
    """
    order, wanted = rows_of(1, ranks=ranks, relevant=relevant)
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
        ObjectiveError: shapes differ.
        OptionError: k is no positive int.
    """
    k = positive_int("recall_at: k", k)
    order, wanted = rows_of(1, ranks=ranks, relevant=relevant)
    found = (wanted.bool() & (order >= 1) & (order <= k)).any(dim=-1).to(wanted.dtype)
    return torch.where(wanted.any(dim=-1), found, torch.nan)
