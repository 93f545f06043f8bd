"""The score-function estimator, REINFORCE, Williams 1992."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from imle.errors import OptionError
from imle.estimators.base import Estimator, Trace
from imle.estimators.scores import baseline, check_density, score_gradient
from imle.noise import BaseNoiseDistribution
from imle.plugins.spec import SolverSpec


class ScoreFunction(Estimator):
    """The gradient of an expected loss from the losses of samples; it differentiates neither loss nor solver.

    With z_s = z(theta + sigma Z_s) and losses L_s it is ``mean_s (L_s - b_s) nu(Z_s) / sigma``, nu as for `Perturbed`,
    with the leave-one-out baseline ``b_s = mean of L_r, r != s`` (with antithetic=True without the mirror of s, too; 0
    where no sample is left). It is unbiased for any loss, linear or not, and noisy.

    It differentiates the noise's density: a forward pass without noise (`eval()` mode, output="map") has no gradient.

    No backward pass sees the loss of each sample: call ``layer.expected_loss(objective, loss)``. A plain backward
    pass is refused.

    The gradient is linear in the losses: a row's does not depend on other rows, its expectation not on the number
    of samples.

    Source: Williams 1992, "Simple statistical gradient-following algorithms for connectionist reinforcement learning".
    """

    name: ClassVar[str] = "score-function"
    needs_noise: ClassVar[bool] = True

    def default_noise(self) -> str | BaseNoiseDistribution | None:
        return "gaussian"

    def check(self, spec: SolverSpec, noise: BaseNoiseDistribution | None, temperature: float) -> None:
        del spec
        check_density(self.name, noise, temperature)

    def gradient(self, trace: Trace, dy: Tensor) -> Tensor:
        """Refuse: no backward pass sees what this rule needs.

        Raises:
            OptionError: always.
        """
        raise OptionError(
            "estimator 'score-function' needs the loss of every sample, which backward() does not see",
            hint="layer.expected_loss(objective, loss) takes a function [*batch, S, *event] -> [*batch, S]",
        )

    def loss_gradient(self, trace: Trace, losses: Tensor) -> Tensor:
        """The gradient for theta of each row's mean loss.

        Args:
            trace: of the forward pass.
            losses: `[B, S]`, one per sample.

        Returns:
            `[B, *event]`.
        """
        return score_gradient(trace, losses - baseline(trace, losses))
