"""The perturbed Fenchel-Young loss, Berthet et al., NeurIPS 2020; multiplicative: Dalle et al. 2022."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from imle.layers.module import SolverLayer
from imle.losses.base import Reduction, inner, interpreted, more
from imle.losses.perturbed import PerturbedLoss, column, inner_samples
from imle.noise import BaseNoiseDistribution


class PerturbedFenchelYoung(PerturbedLoss):
    """mean_s max_z <theta_s, z> - <theta, y>, where theta_s is theta with noise on it and y the known solution.

    Convex in theta. It is the Fenchel-Young loss without its constant Omega(y), which has no closed form and is 0 for
    a vertex y and noise of mean 0; then its expectation is never negative. The gradient is exact for the draws made:

    - additive noise, theta_s = theta + sigma Z_s: ``mean_s z_s - y``;
    - multiplicative noise, theta_s = theta f_s with f_s = exp(sigma Z_s - sigma^2 / 2): ``mean_s f_s z_s - y``;
      entries keep their sign, as solvers without negative costs need it.

    A row's value and gradient depend on nothing but its own theta, y and draws. The gradient for additive noise has
    entries in [-1, 1] for 0/1 solutions, whatever the scale of theta. At temperature 0 this is the structured
    perceptron loss.

    Args:
        layer: a layer made by `imle.layer`; its solver, sense and instance are used, its noise is not.
        noise: "gaussian", "gumbel", "logistic", "multiplicative", "none" or None, or an object of `imle.noise`.
        nb_samples: S, draws (and solves) per row.
        temperature: sigma.
        generator: where noise comes from; by default torch's global generator.
        reduction: "mean", "sum" or "none"; see `SolverLoss`.

    Raises:
        OptionError: an option is not valid.

    Source: Berthet et al. 2020, section 4, equations 4 and 5; Dalle et al. 2022, section 3.3.

    Example::

        >>> import imle, torch
        >>> loss = imle.losses.PerturbedFenchelYoung(imle.layer("topk", k=1), temperature=0.0)
        >>> scores = torch.tensor([[0.2, 0.9, 0.5]], requires_grad=True)
        >>> value = loss(scores, torch.tensor([[1, 0, 0]]))
        >>> value.backward()
        >>> round(value.item(), 2), scores.grad.tolist()
        (0.7, [[-1.0, 1.0, 0.0]])
    """

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
        super().__init__(
            layer,
            noise=noise,
            nb_samples=nb_samples,
            temperature=temperature,
            generator=generator,
            reduction=reduction,
        )

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
        rest = more(drawn.fixed, column(self.fixed_terms("solution", y, batch)), batch.theta)
        # by Danskin's theorem its derivative in theta_s is z_s, so autograd need not know of the solver
        best = drawn.mean(inner_samples(drawn.theta, drawn.z) + rest)
        return self.reduced(best - inner(batch.theta, y), drawn.solved(), batch)
