"""Implicit maximum likelihood with known solutions, Niepert, Minervini & Franceschi, NeurIPS 2021."""

from __future__ import annotations

import torch
from torch import Tensor

from imle.errors import OptionError
from imle.layers.module import SolverLayer
from imle.losses.base import Reduction, inner
from imle.losses.perturbed import PerturbedLoss, PerturbedMaxima
from imle.noise import BaseNoiseDistribution, MultiplicativeNoiseDistribution


class ImplicitMLE(PerturbedLoss):
    """mean_s [ max_z <theta_s, z> - <theta_s, y> ] with theta_s = theta + tau eps_s: how far y is from being drawn.

    The gradient is ``mean_s z_s - y``: the marginals of perturb-and-MAP minus those of a target distribution that
    is all on the known solution y, which is maximum likelihood. For feasible y no draw's term is negative, and the
    loss is 0 exactly where every draw gives y (up to ties); `PerturbedFenchelYoung` has the same gradient, and
    differs in value by a term of mean 0 (or constant) in which y meets the noise.

    Value and gradient of a row depend on nothing but its own theta, y and draws.

    Args:
        layer: a layer made by `imle.layer`; its solver, sense and instance are used, its noise is not.
        noise: "gumbel", "gaussian", "logistic", "none" or None, or an object of `imle.noise`, such as
            `SumOfGammaNoiseDistribution`. Additive noise only.
        nb_samples: S, draws (and solves) per row.
        temperature: tau.
        generator: where noise comes from; by default torch's global generator.
        reduction: "mean", "sum" or "none"; see `SolverLoss`.

    Raises:
        OptionError: an option is not valid.

    Source: I-MLE, section 3, equations 3 to 5, with q concentrated on y.
    """

    def __init__(
        self,
        layer: SolverLayer,
        *,
        noise: str | BaseNoiseDistribution | None = "gumbel",
        nb_samples: int = 1,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(
            layer,
            noise=noise,
            nb_samples=nb_samples,
            temperature=temperature,
            generator=generator,
            reduction=reduction,
        )
        if isinstance(self.noise, MultiplicativeNoiseDistribution):
            raise OptionError(
                "ImplicitMLE: noise: expected additive noise, found multiplicative",
                hint="PerturbedFenchelYoung takes noise='multiplicative'",
            )

    def excess(self, theta: Tensor, y: Tensor, drawn: PerturbedMaxima, rest: Tensor | float) -> Tensor:
        del theta
        return drawn.mean(inner(drawn.theta, drawn.z - y.unsqueeze(1), lead=2) + rest)
