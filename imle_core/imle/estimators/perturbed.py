"""Perturbed optimisers, Berthet et al., NeurIPS 2020; multiplicative: Dalle, Baty, Bouvier & Parmentier 2022."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from imle.errors import OptionError
from imle.estimators.base import Estimator, Trace
from imle.estimators.scores import baseline, check_density, score_gradient
from imle.noise import BaseNoiseDistribution, MultiplicativeNoiseDistribution
from imle.plugins.spec import SolverSpec


class Perturbed(Estimator):
    """mean_s z(theta + sigma Z_s), with the derivative of its expectation and without a second solve.

    The gradient is ``mean_s <z_s - b_s, dy_s> nu(Z_s) / sigma`` with nu minus the gradient of the noise's log density
    (Z for Gaussian, 1 - exp(-Z) for Gumbel, tanh(Z / 2) for logistic noise), and the leave-one-out baseline
    ``b_s = mean of z_r, r != s``, which lowers the variance and changes no expectation. With antithetic=True it leaves
    out the mirror of s, too. Where no sample is left (S = 1, or one mirrored pair) b_s is 0.

    It differentiates the noise's density: a forward pass without noise (`eval()` mode, output="map") has no gradient.

    The gradient is linear in dy: nothing about it depends on batch size, samples or reduction but dy itself. For
    output="samples" the loss is linearised at each sample; for the gradient of an expected loss that is not linear
    use "score-function".

    The temperature of the layer is sigma.

    Source: Berthet et al., proposition 3.1 and section 3.2.
    """

    name: ClassVar[str] = "perturbed"
    by_row: ClassVar[bool] = True
    needs_noise: ClassVar[bool] = True

    def default_noise(self) -> str | BaseNoiseDistribution | None:
        return "gaussian"

    def check(self, spec: SolverSpec, noise: BaseNoiseDistribution | None, temperature: float) -> None:
        del spec
        check_density(self.name, noise, temperature)

    def gradient(self, trace: Trace, dy: Tensor) -> Tensor:
        centred = trace.z - baseline(trace, trace.z)
        return score_gradient(trace, (centred * dy).flatten(2).sum(dim=2))


class PerturbedMultiplicative(Perturbed):
    """`Perturbed` with noise that keeps the sign of every entry: mean_s z(theta exp(sigma Z_s - sigma^2 / 2)).

    For solvers that take no negative costs. The gradient is ``mean_s <z_s - b_s, dy_s> Z_s / (sigma theta)``, and 0
    where theta is 0. Linear in dy, as that of `Perturbed`; nothing about it depends on batch size, samples or
    reduction but dy itself.

    Source: Dalle et al. 2022, section 3.3.
    """

    name: ClassVar[str] = "perturbed-multiplicative"

    def default_noise(self) -> str | BaseNoiseDistribution | None:
        return "multiplicative"

    def check(self, spec: SolverSpec, noise: BaseNoiseDistribution | None, temperature: float) -> None:
        super().check(spec, noise, temperature)
        if not isinstance(noise, MultiplicativeNoiseDistribution):
            raise OptionError(
                f"estimator {self.name!r}: expected multiplicative noise, found {noise!r}",
                hint='leave noise= out, or take estimator="perturbed"',
            )
