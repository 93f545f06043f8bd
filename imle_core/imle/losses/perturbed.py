"""Losses that perturb theta: the maxima of many draws against a known solution."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from imle._checks import not_negative, positive_int
from imle._copies import shared_copy
from imle._generators import check_generator, ready_to_draw
from imle.estimators.samples import average
from imle.layers.module import Batch, SolverLayer
from imle.losses.base import Reduction, SolverLoss, interpreted, more, valued
from imle.noise import BaseNoiseDistribution, check_noise, noise_by_name, observe_of, perturb


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
    """A loss over draws of noise; at temperature 0 nothing is drawn. Options are those of its subclasses."""

    def __init__(
        self,
        layer: SolverLayer,
        *,
        noise: str | BaseNoiseDistribution | None = "gaussian",
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
        self.noise = noise
        self.nb_samples = positive_int(f"{who}: nb_samples", nb_samples)
        self.temperature = not_negative(f"{who}: temperature", temperature)
        self.generator = generator

    @interpreted
    def forward(self, objective: Tensor, solution: Tensor, **rows: Sequence[Any]) -> Tensor:
        """The loss of a batch.

        Args:
            objective: `[*batch, *event]`, scores or costs, as the layer takes it.
            solution: `[*batch, *event]` known solutions y, any real dtype.
            rows: instance parameters that differ per row, as the layer takes them.

        Returns:
            a scalar, or `[*batch]` for reduction="none".

        Raises:
            ObjectiveError: a wrong shape or type, or not finite.
            SolveError: rows failed and the layer's on_failure is "raise".
        """
        batch = self.read(objective, rows)
        y = self.solutions(solution, batch, objective)
        drawn = self.perturbed(batch)
        fixed = self.fixed_terms("solution", y, batch)
        rest = more(drawn.fixed, None if fixed is None else fixed.unsqueeze(1), batch.theta)
        return self.reduced(self.excess(batch.theta, y, drawn, rest), drawn.solved(), batch)

    @abstractmethod
    def excess(self, theta: Tensor, y: Tensor, drawn: PerturbedMaxima, rest: Tensor | float) -> Tensor:
        """By how much the maxima are better than the known solutions. `[B]`.

        By Danskin's theorem the derivative of a maximum is its solution, so autograd need not know of the solver.

        Args:
            theta: `[B, *event]`.
            y: `[B, *event]` known solutions.
            drawn: theta with noise on it, and its maxima.
            rest: `[B, S]` how much better fixed terms of the maxima are; 0 where there are none.
        """

    def perturbed(self, batch: Batch) -> PerturbedMaxima:
        """Draw noise and solve. Without noise there is one sample."""
        theta = perturb(self.noise, batch.theta.unsqueeze(1), self._draw(batch), self.temperature)
        return PerturbedMaxima(theta, *valued(batch, theta))

    def _draw(self, batch: Batch) -> Tensor | None:
        """Noise `[B, S, *event]` as the layer would draw it: some layers put it on a part of the event only."""
        if self.noise is None or self.temperature == 0:
            return None
        ready_to_draw(type(self).__name__, self.generator)
        shared = shared_copy(self.layer)
        shared.noise, shared.nb_samples, shared.generator = self.noise, self.nb_samples, self.generator
        shared.antithetic = False
        theta = batch.theta.detach()
        observe_of(self.noise)(theta, batch.solve.own(theta))
        return shared._draw(theta, batch.solve)

    def extra_repr(self) -> str:
        noise = "none" if self.noise is None else repr(self.noise)
        return f"noise={noise}, nb_samples={self.nb_samples}, temperature={self.temperature:g}, {super().extra_repr()}"
