"""Differentiation of black-box solvers, Pogančić (Vlastelica), Paulus, Musil, Martius & Rolínek, ICLR 2020."""

from __future__ import annotations

from typing import ClassVar

from imle.estimators.imle import IMLE


class Blackbox(IMLE):
    """[ z(theta) - z(theta - lambda dy) ] / lambda: the slope of a piecewise-affine interpolation of the loss.

    The gradient is proportional to dy. With the relative step of `IMLE` the second solve does not depend on batch
    size, loss scale or reduction; with an absolute `lambda_` it does.

    Args:
        lambda_: the paper's lambda, absolute; None for the relative step.
        beta: size of the relative step.

    Source: section 3.2, algorithm 1 (for costs; here for theta = -costs).
    """

    name: ClassVar[str] = "blackbox"
    stochastic: ClassVar[bool] = False

    def __init__(self, lambda_: float | None = None, *, beta: float = 2.0) -> None:
        super().__init__(lambda_, beta=beta, scale=True)

    def extra_repr(self) -> str:
        return f"beta={self.relative_beta:g}" if self.lambda_ is None else f"lambda_={self.lambda_:g}"
