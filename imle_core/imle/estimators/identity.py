"""Backpropagation through combinatorial algorithms with the identity, Sahoo et al., ICLR 2023."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor
from torch.nn.functional import normalize

from imle._sizes import row_sizes
from imle.errors import OptionError
from imle.estimators.base import Estimator, Trace

Projection = Literal["none", "mean", "norm", "both"]


class Identity(Estimator):
    """z(P theta) forward, dy pulled back through a projection P: the negative identity for costs, and no second solve.

    P removes directions in which the gradient would move theta without changing any solution, which otherwise
    lets theta collapse. "norm" divides each row by its Euclidean norm: solutions do not depend on the scale of theta,
    unless terms of the objective are fixed, for which it is refused. "mean" subtracts the row's mean first: right only
    where every solution has the same number of ones (k-subsets, assignments, tours), not for paths. eval() and
    output="map" solve theta as it was given.

    The gradient is linear in dy: nothing about it depends on batch size, samples or reduction but dy itself.

    Args:
        projection: "none", "mean", "norm" or "both".

    Raises:
        OptionError: there is no such projection.

    Source: sections 3.2 and 3.3.
    """

    name: ClassVar[str] = "identity"
    by_row: ClassVar[bool] = True
    stochastic: ClassVar[bool] = False

    def __init__(self, projection: Projection = "norm") -> None:
        super().__init__()
        if projection not in ("none", "mean", "norm", "both"):
            raise OptionError(f"estimator: projection: expected none, mean, norm or both, found {projection!r}")
        self.projection = projection

    def extra_repr(self) -> str:
        return f"projection={self.projection!r}"

    def check_scale(self, homogeneous: bool) -> None:
        if not homogeneous and self.projection in ("norm", "both"):
            raise OptionError(
                f"estimator 'identity': projection={self.projection!r} takes the scale of the objective for "
                "meaningless, but here solutions depend on it, as where terms of the objective are fixed",
                hint='Identity(projection="none") works, and so do "imle" and "blackbox"',
            )

    def transform(self, theta: Tensor, own: Tensor | None = None) -> Tensor:
        if self.projection == "none":
            return theta
        flat = theta.flatten(1)
        if self.projection in ("mean", "both"):
            if own is None:
                flat = flat - flat.mean(dim=1, keepdim=True)
            else:
                mask = own.expand(theta.shape).flatten(1)
                mean = flat.sum(dim=1, keepdim=True) / mask.sum(dim=1, keepdim=True).clamp(min=1)
                flat = (flat - mean).masked_fill(~mask, 0.0)
        if self.projection in ("norm", "both"):
            size = row_sizes(flat.detach()).unsqueeze(1)  # the norm of a row in float32 may overflow or vanish
            flat = normalize(flat / size, dim=1)
        return flat.reshape(theta.shape)

    def gradient(self, trace: Trace, dy: Tensor) -> Tensor:
        self.check_scale(trace.call.homogeneous)
        return straight(trace, dy)


def straight(trace: Trace, dy: Tensor) -> Tensor:
    """mean_s dy_s, leaving out samples that were not solved. `[B, *event]`."""
    return trace.mean(dy, trace.valid)
