"""Average precision as a loss, Rolinek et al., CVPR 2020."""

from __future__ import annotations

from torch import Tensor

from imle.losses.of_ranks import RankLoss


class AveragePrecisionLoss(RankLoss):
    """1 - AP, where AP is the mean over relevant entries of the share of relevant entries among those ranked so high.

    AP = mean_i rk+(i) / rk(i) over relevant entries i, where rk counts all entries and rk+ relevant ones. It is 0 where
    all relevant entries come first.

    Args:
        layer: gives ranks, such as `imle.layer("ranking", ...)`; the gradient is that of its estimator.
        margin: by how much scores of relevant entries shall be above those of others.
        reduction: "none" gives `[*batch]`; "mean" and "sum" are those of rows with a relevant entry.

    Example::

        >>> import imle, torch
        >>> layer = imle.layer("ranking", estimator={"name": "blackbox", "lambda_": 4.0})
        >>> loss = imle.losses.AveragePrecisionLoss(layer)
        >>> scores = torch.tensor([[0.3, 0.9, 0.5, 0.1]], requires_grad=True)
        >>> value = loss(scores, torch.tensor([[1, 0, 1, 0]]))  # ranks 3 and 2: precision 2/3 and 1/2
        >>> value.backward()
        >>> round(value.item(), 4), scores.grad[0, 1:3].tolist()
        (0.4167, [0.25, -0.25])
    """

    def terms(self, ranks: Tensor, among: Tensor) -> Tensor:
        return 1 - among / ranks.clamp(min=1)
