"""The distribution p(z) ~ exp <theta, z> over the k-subsets of n: normaliser, samples, marginals and their derivative.

Everything is a recursion over items in log space, O(n k) per row, with no loop but the one over items:
``A[j, m] = log sum over the m-subsets of the first j items``, and B likewise for the last items.

Source: Ahmed, Zeng, Niepert & Van den Broeck, "SIMPLE: a gradient estimator for k-subset sampling", ICLR 2023,
algorithms 1 and 2.
"""

from __future__ import annotations

import torch
from torch import Tensor

NEVER = -1e300
"""The logarithm of 0: finite, so that no difference of two is nan."""


def prefixes(theta: Tensor, most: int) -> Tensor:
    """log sum over the m-subsets of the first j items. `[N, n]` float64 to `[N, n + 1, most + 1]`."""
    rows, n = theta.shape
    table = theta.new_full((rows, n + 1, most + 1), NEVER)
    table[:, :, 0] = 0.0
    for j in range(n):
        table[:, j + 1, 1:] = torch.logaddexp(table[:, j, 1:], table[:, j, :-1] + theta[:, j, None])
    return table


def sample(theta: Tensor, k: Tensor, uniform: Tensor) -> Tensor:
    """Exact samples: item by item, from the last to the first, given how many are still to come.

    Args:
        theta: `[B, n]` float64.
        k: `[B]` sizes.
        uniform: `[B, S, n]` in (0, 1).

    Returns:
        `[B, S, n]` of zeros and ones with k ones.
    """
    n = theta.shape[1]
    table = prefixes(theta, int(k.max()) if len(k) else 0)
    left = k[:, None].expand(uniform.shape[:2]).clone()
    chosen = torch.zeros_like(uniform)
    for j in reversed(range(n)):
        without = table[:, j].gather(1, (left - 1).clamp(min=0))  # [B, S]
        probability = torch.exp(theta[:, j, None] + without - table[:, j + 1].gather(1, left))
        # as many items as places: rounding must not leave one out
        take = (left > 0) & ((uniform[:, :, j] < probability) | (left > j))
        chosen[:, :, j] = take
        left -= take.to(left.dtype)
    return chosen


def marginals_along(theta: Tensor, k: Tensor, direction: Tensor) -> tuple[Tensor, Tensor]:
    """The marginals mu(theta), and their derivative along a direction (which is J^T direction: J is symmetric).

    Args:
        theta: `[B, n]` float64.
        k: `[B]` sizes.
        direction: `[B, n]` float64.

    Returns:
        mu and d mu, each `[B, n]`.
    """
    rows, n = theta.shape
    most = int(k.max()) if rows else 0
    if most == 0:
        return torch.zeros_like(theta), torch.zeros_like(theta)
    ahead, d_ahead = _along(theta, direction, most)
    behind, d_behind = _along(theta.flip(1), direction.flip(1), most)
    behind, d_behind = behind.flip(1), d_behind.flip(1)  # [B, j, m]: the m-subsets of items j, j + 1, ...
    # item i is in, with m of the others before it and k - 1 - m behind it
    before, after = ahead[:, :n, :most], behind[:, 1:, :]
    d_before, d_after = d_ahead[:, :n, :most], d_behind[:, 1:, :]
    rest = (k[:, None] - 1 - torch.arange(most, device=k.device)[None, :])[:, None, :].expand(rows, n, most)
    terms = torch.where(rest >= 0, before + after.gather(2, rest.clamp(min=0)), NEVER)
    d_terms = d_before + d_after.gather(2, rest.clamp(min=0))
    total = ahead[:, n].gather(1, k[:, None])
    d_total = d_ahead[:, n].gather(1, k[:, None])
    weights = torch.exp(terms + theta[:, :, None] - total[:, :, None])  # [B, n, most]
    # one by one: rows of a smaller k end in zeros, which must not change how the others are added up
    mu = weights.cumsum(dim=2)[:, :, -1]
    d_mu = (weights * (d_terms + (direction - d_total)[:, :, None])).cumsum(dim=2)[:, :, -1]
    return torch.where(k[:, None] > 0, mu, 0.0), torch.where(k[:, None] > 0, d_mu, 0.0)


def _along(theta: Tensor, direction: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """`prefixes`, and their derivative along the direction."""
    table = prefixes(theta, most)
    slope = torch.zeros_like(table)
    for j in range(theta.shape[1]):
        with_item = torch.exp(table[:, j, :-1] + theta[:, j, None] - table[:, j + 1, 1:])
        with_item = torch.where(table[:, j + 1, 1:] <= NEVER / 2, 0.0, with_item)
        slope[:, j + 1, 1:] = slope[:, j, 1:] + with_item * (slope[:, j, :-1] + direction[:, j, None] - slope[:, j, 1:])
    return table, slope
