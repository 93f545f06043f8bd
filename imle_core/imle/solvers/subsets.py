"""The k-subset functions of torch-adaptive-imle. For a layer that breaks ties exactly, use the id "topk"."""

from __future__ import annotations

import torch
from torch import Tensor


def select_k(logits: Tensor, k: int) -> Tensor:
    """A 0/1 mask of k largest entries: exactly k, whichever of equal ones `torch.topk` takes.

    Args:
        logits: `[..., n]` scores.
        k: how many of the n entries, from 0 to n.

    Returns:
        `[..., n]`, in the dtype of the logits.
    """
    indices = torch.topk(logits, k, dim=-1).indices
    return torch.zeros_like(logits).scatter_(-1, indices, 1.0)


def mathias_select_k(logits: Tensor, k: int) -> Tensor:
    """A 0/1 mask of all entries that are at least the k-th largest: more than k where there are ties.

    Args:
        logits: `[..., n]` scores.
        k: which of the n entries, by size, is the smallest to be in; from 1 to n.

    Returns:
        `[..., n]`, in the dtype of the logits.
    """
    threshold = torch.topk(logits, k, dim=-1).values[..., -1:]
    return (logits >= threshold).to(logits.dtype)
