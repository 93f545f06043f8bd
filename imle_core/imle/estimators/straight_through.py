"""The straight-through estimator, Bengio, Léonard & Courville 2013."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from imle.estimators.base import Estimator, Trace
from imle.estimators.identity import straight


class StraightThrough(Estimator):
    """z_s = z(theta + tau eps_s) forward, dy backward, as if the solver were the identity.

    The gradient is linear in dy: nothing about it depends on batch size, samples or reduction but dy itself.
    """

    name: ClassVar[str] = "straight-through"
    by_row: ClassVar[bool] = True

    def gradient(self, trace: Trace, dy: Tensor) -> Tensor:
        return straight(trace, dy)
