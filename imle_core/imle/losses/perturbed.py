"""Losses that perturb theta: options, draws, and the mean of perturbed maxima."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from imle._checks import not_negative, positive_int
from imle._copies import shared_copy
from imle._generators import check_generator, ready_to_draw
from imle.estimators.samples import average
from imle.layers.module import Batch, SolverLayer
from imle.losses.base import Reduction, SolverLoss
from imle.noise import BaseNoiseDistribution, check_noise, noise_by_name, perturb


class PerturbedMaxima(NamedTuple):
    """theta with noise on it, and its maximisers.

    Attributes:
        theta: `[B, S, *event]`, differentiable.
        z: `[B, S, *event]` solutions, detached; 0 where a solve failed.
        valid: `[B, S]`, or None if every sample was solved.
        fixed: `[B, S]` the fixed terms of z; None where the solver has none.
    """

    theta: Tensor
    z: Tensor
    valid: Tensor | None
    fixed: Tensor | None

    def mean(self, values: Tensor) -> Tensor:
        """Mean of `[B, S, ...]` over the samples that were solved."""
        return average(values, self.valid)

    def solved(self) -> Tensor | None:
        """`[B]` rows with at least one sample, or None if that is all of them."""
        return None if self.valid is None else self.valid.any(dim=1)


class PerturbedLoss(SolverLoss):
    """A loss over draws of noise.

    Args:
        layer: a layer made by `imle.layer`; its own noise is not used.
        noise: a name or an object of `imle.noise`, or None.
        nb_samples: S, draws per row.
        temperature: the scale of the noise; at 0 nothing is drawn.
        generator: where noise comes from; by default torch's global generator.
        reduction: see `SolverLoss`.

    Raises:
        OptionError: an option is not valid.
    """

    def __init__(
        self,
        layer: SolverLayer,
        *,
        noise: str | BaseNoiseDistribution | None,
        nb_samples: int = 1,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(layer, reduction=reduction)
        who = type(self).__name__
        if isinstance(noise, str):
            noise = None if noise == "none" else noise_by_name(noise)
        if noise is not None:
            check_noise(f"{who}: noise", noise)
        check_generator(f"{who}: generator", generator)
        positive_int(f"{who}: nb_samples", nb_samples)
        self.noise = noise
        self.nb_samples = nb_samples
        self.temperature = not_negative(f"{who}: temperature", temperature)
        self.generator = generator

    def perturbed(self, batch: Batch) -> PerturbedMaxima:
        """Draw noise and solve. Without noise there is one sample."""
        theta = perturb(self.noise, batch.theta.unsqueeze(1), self._draw(batch), self.temperature)
        with torch.no_grad():
            (z, valid), fixed = batch.solve.valued(theta.detach())
        return PerturbedMaxima(theta, z, valid, fixed)

    def _draw(self, batch: Batch) -> Tensor | None:
        """Noise `[B, S, *event]` as the layer would draw it: some layers put it on a part of the event only."""
        if self.noise is None or self.temperature == 0:
            return None
        ready_to_draw(type(self).__name__, self.generator)
        shared = shared_copy(self.layer)
        shared.noise, shared.nb_samples, shared.generator = self.noise, self.nb_samples, self.generator
        shared.antithetic = False
        return shared._draw(batch.theta.detach(), batch.solve)

    def extra_repr(self) -> str:
        noise = "none" if self.noise is None else repr(self.noise)
        return f"noise={noise}, nb_samples={self.nb_samples}, temperature={self.temperature:g}, {super().extra_repr()}"


def column(fixed: Tensor | None) -> Tensor | None:
    """`[B]` to `[B, 1]`, to stand beside samples."""
    return None if fixed is None else fixed.unsqueeze(1)


def inner_samples(theta: Tensor, z: Tensor) -> Tensor:
    """<theta, z> sample by sample: `[B, S, *event]` to `[B, S]`."""
    terms = theta * z
    return terms.reshape(*terms.shape[:2], math.prod(terms.shape[2:])).sum(dim=2)
