"""SIMPLE: exact k-subset samples and the exact derivative of their marginals, Ahmed et al., ICLR 2023."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from imle.errors import OptionError
from imle.estimators.base import Application, Estimator, Trace
from imle.estimators.identity import straight
from imle.estimators.samples import Solutions
from imle.estimators.subset_distribution import marginals_along, sample
from imle.noise import BaseNoiseDistribution
from imle.plugins.spec import SolverSpec


class UniformNoise(BaseNoiseDistribution):
    """Uniform draws on (0, 1), of which exact samples are made; not for perturbing anything."""

    def __repr__(self) -> str:
        return "exact samples"

    def sample(self, shape: Sequence[int]) -> Tensor:
        return self.draw(shape, dtype=torch.get_default_dtype(), device=torch.device("cpu"))

    def draw(
        self,
        shape: Sequence[int],
        *,
        dtype: torch.dtype,
        device: torch.device,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        return torch.rand(tuple(shape), dtype=dtype, device=device, generator=generator)

    def mirror(self, eps: Tensor) -> Tensor:
        return 1 - eps


class Simple(Estimator):
    """For k-subsets only: z_s drawn exactly from p(z) ~ exp(<theta, z> / tau), and J_mu(theta)^T dy backward.

    mu are the marginals of that law, so the gradient is the exact derivative of the expected sample in the direction
    of dy: it has no sampling error of its own. Nothing is perturbed, and the solver is asked once per row, for k.
    In eval() mode the layer gives the k largest, as always.

    The gradient is linear in dy: nothing about it depends on batch size, samples or reduction but dy itself.
    Sampling and the Jacobian take O(n k) each, in float64, on the device of theta.

    Source: sections 3 and 4; the temperature of the layer is tau.
    """

    name: ClassVar[str] = "simple"
    exact_samples: ClassVar[bool] = True
    by_row: ClassVar[bool] = True

    def default_noise(self) -> BaseNoiseDistribution | None:
        return UniformNoise()

    def check(self, spec: SolverSpec, noise: BaseNoiseDistribution | None, temperature: float) -> None:
        if spec.problem != "k-subset":
            raise OptionError(
                f"estimator 'simple' is for k-subsets only, and {spec.id!r} solves: {spec.problem}",
                hint='"imle", "aimle" and "perturbed" work with any solver',
            )
        if not isinstance(noise, UniformNoise):
            raise OptionError(f"estimator 'simple' draws exact samples: expected no noise=, found {noise!r}")
        if temperature == 0:
            raise OptionError("estimator 'simple': temperature: expected a number > 0, found 0")

    def sample(self, theta: Tensor, noise: Tensor | None, call: Application) -> Solutions:
        z, valid = call.solve(theta.unsqueeze(1))
        if noise is None:
            return Solutions(z, valid)
        drawn = sample(_wide(theta, call), _sizes(z), noise.double())
        return Solutions(drawn.to(theta.dtype), None if valid is None else valid.expand(noise.shape[:2]))

    def gradient(self, trace: Trace, dy: Tensor) -> Tensor:
        tau = trace.call.temperature
        _, along = marginals_along(_wide(trace.theta, trace.call), _sizes(trace.z), straight(trace, dy).double())
        return (along / tau).to(trace.theta.dtype)


def _wide(theta: Tensor, call: Application) -> Tensor:
    return theta.detach().double() / call.temperature


def _sizes(z: Tensor) -> Tensor:
    """k of each row, from its first solution. `[B, S, n]` to `[B]`."""
    if z.ndim != 3:
        raise OptionError(
            f"estimator 'simple': expected objectives [n], found {list(z.shape[2:])} for each row",
            hint="bring all dimensions but one to the batch",
        )
    return z[:, 0].sum(dim=1).round().long()
