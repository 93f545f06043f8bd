"""Target distributions: where the backward solve looks, given theta and the gradient of the loss."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from imle._sizes import row_norms
from imle.errors import OptionError

__all__ = ["AdaptiveTargetDistribution", "BaseTargetDistribution", "TargetDistribution"]


class BaseTargetDistribution(ABC):
    """A family of target distributions. Subclasses need only `params`."""

    @abstractmethod
    def params(self, theta: Tensor, dy: Tensor) -> Tensor:
        """Parameters of the target distribution.

        Args:
            theta: `[N, *event]` parameters of the input distribution, one row per sample.
            dy: `[N, *event]` gradient of the loss with respect to the samples.

        Returns:
            `[N, *event]` theta', the objective (to maximise) of the backward solve.
        """

    def process(self, theta: Tensor, dy: Tensor, gradient: Tensor) -> Tensor:
        """Rescale the difference of the two solves.

        Args:
            theta, dy: as in `params`.
            gradient: `[B, S, *event]` forward minus backward solutions.
        """
        del theta, dy
        return gradient


class TargetDistribution(BaseTargetDistribution):
    r"""theta' = alpha * theta - beta * dy (Niepert et al. 2021, equations 7 and 8).

    alpha = 1 perturbs theta (implicit differentiation, "PID"), alpha = 0 looks for the best solution against the
    gradient alone (combinatorial). beta is the paper's lambda.

    Args:
        alpha: weight of theta.
        beta: weight of dy.
        do_gradient_scaling: divide the gradient by beta, as finite differences do; off in the paper's code.
        eps: the smallest divisor.

    Raises:
        OptionError: an option is not a finite number.

    Example::

        >>> import torch
        >>> TargetDistribution(alpha=1.0, beta=1.0).params(theta=torch.tensor([1.0]), dy=torch.tensor([-1.0]))
        tensor([2.])
    """

    def __init__(
        self, alpha: float = 1.0, beta: float = 1.0, do_gradient_scaling: bool = False, eps: float = 1e-7
    ) -> None:
        if not (math.isfinite(alpha) and math.isfinite(beta)):
            raise OptionError(f"target distribution: expected finite numbers, found alpha={alpha!r}, beta={beta!r}")
        self.alpha = alpha
        self.beta = beta
        self.do_gradient_scaling = do_gradient_scaling
        self.eps = eps

    def __repr__(self) -> str:
        return f"TargetDistribution(alpha={self.alpha}, beta={self.beta})"

    def params(self, theta: Tensor, dy: Tensor) -> Tensor:
        return self.alpha * theta - self.beta * dy

    def process(self, theta: Tensor, dy: Tensor, gradient: Tensor) -> Tensor:
        return gradient / max(self.beta, self.eps) if self.do_gradient_scaling else gradient


class AdaptiveTargetDistribution(BaseTargetDistribution):
    """AIMLE's target (Minervini et al. 2023, section 4): a step relative to theta whose size is adapted.

    theta' = alpha * theta - lambda_i * dy with lambda_i = beta ||theta_i|| / ||dy_i|| for each row i, and the
    gradient is divided by the same lambda_i. After each backward pass, beta moves up while the running mean of
    non-zero gradient entries per row is below `target_norm`, else down, never below 0.

    Args:
        initial_alpha: weight of theta.
        initial_beta: beta to start from.
        initial_grad_norm: running mean of non-zero entries to start from.
        beta_update_step: how far beta moves each time.
        beta_update_momentum: share of the previous move that is added.
        grad_norm_decay_rate: weight of the past in the running mean.
        target_norm: non-zero gradient entries per row to aim for.

    Note:
        The authors' code takes one norm over the whole batch, and divides by another lambda than it multiplied
        with whenever there is more than one sample; here each row has its own, as in the paper.
    """

    def __init__(
        self,
        initial_alpha: float = 1.0,
        initial_beta: float = 1.0,
        initial_grad_norm: float = 1.0,
        beta_update_step: float = 0.0001,
        beta_update_momentum: float = 0.0,
        grad_norm_decay_rate: float = 0.9,
        target_norm: float = 1.0,
    ) -> None:
        self.alpha = initial_alpha
        self.beta = initial_beta
        self.grad_norm = initial_grad_norm
        self.beta_update_step = beta_update_step
        self.beta_update_momentum = beta_update_momentum
        self.previous_beta_update = 0.0
        self.grad_norm_decay_rate = grad_norm_decay_rate
        self.target_norm = target_norm

    def params(self, theta: Tensor, dy: Tensor) -> Tensor:
        return self.alpha * theta - relative_step(row_norms(theta), dy, self.beta).times(dy)

    def process(self, theta: Tensor, dy: Tensor, gradient: Tensor) -> Tensor:
        beta = self.beta
        self._adapt(gradient)
        if beta == 0:
            return torch.zeros_like(gradient)
        step = relative_step(row_norms(theta), dy, beta).reshape(*gradient.shape[:2], *(1,) * (gradient.ndim - 2))
        return step.divide(gradient)

    def _adapt(self, gradient: Tensor) -> None:
        rows = gradient.shape[0] * gradient.shape[1]
        if rows == 0:
            return
        per_row = torch.count_nonzero(gradient).item() / rows
        self.grad_norm = self.grad_norm_decay_rate * self.grad_norm + (1 - self.grad_norm_decay_rate) * per_row
        direction = 1.0 if self.grad_norm < self.target_norm else -1.0
        update = self.beta_update_momentum * self.previous_beta_update + direction * self.beta_update_step
        self.beta = max(self.beta + update, 0.0)
        self.previous_beta_update = update


class Step(NamedTuple):
    """lambda of each row: factor * theta_size / dy_size, kept apart where their quotient may overflow.

    Attributes:
        factor: `[N, 1, ...]`; where dy is 0, and so lambda dy whatever lambda is, 0 or far beyond all others.
        theta_size, dy_size: likewise, the largest entries of theta and dy; None where the factor holds all of lambda.
    """

    factor: Tensor
    theta_size: Tensor | None = None
    dy_size: Tensor | None = None

    def times(self, dy: Tensor) -> Tensor:
        """lambda dy."""
        if self.theta_size is None or self.dy_size is None:
            return (dy * self.factor).to(dy.dtype)
        return dy / self.dy_size * self.factor * self.theta_size

    def divide(self, difference: Tensor) -> Tensor:
        """difference / lambda, for beta > 0; 0 where the loss has no gradient."""
        found = difference / self.factor
        if self.theta_size is None or self.dy_size is None:
            return found.to(difference.dtype)
        found = found * self.dy_size / self.theta_size
        return torch.where(self.factor == 0, 0.0, found).to(difference.dtype)

    def reshape(self, *shape: int) -> Step:
        """The same with other dimensions of size 1."""
        if self.theta_size is None or self.dy_size is None:
            return Step(self.factor.reshape(shape))
        return Step(self.factor.reshape(shape), self.theta_size.reshape(shape), self.dy_size.reshape(shape))


def absolute_step(dy: Tensor, lambda_: float) -> Step:
    """The same lambda for every row."""
    return Step(dy.new_full((1,) * dy.ndim, lambda_))


def relative_step(
    norms: tuple[Tensor, Tensor | None], dy: Tensor, beta: float | Tensor, samples: int | Tensor = 1
) -> Step:
    """A scale-free step lambda_i = beta (norm of objective i) / ||dy_i||, one per row.

    A row of zeros has no scale of its own; its norm counts as 1. Rows of any size that their dtype can hold have
    a step.

    Args:
        norms: `[N]` of the objectives, and the sizes that they have been divided by, if they have been.
        dy: `[N, *event]`, or `[N, S, *event]`.
        beta: the relative size of the step.
        samples: how many of the S samples were solved, `[N]` where rows differ: ||dy_i|| is the root mean square over
            these, so that S equal samples give the step of one. dy of the others is 0.

    Returns:
        lambda, with as many dimensions as dy.
    """
    theta_norm, theta_size = norms
    dy_norm, dy_size = row_norms(dy)
    if isinstance(samples, Tensor):
        dy_norm = dy_norm / samples.clamp(min=1).sqrt()
    elif samples > 1:
        dy_norm = dy_norm / math.sqrt(samples)
    theta_norm = theta_norm.masked_fill(theta_norm == 0, 1.0)
    if not isinstance(beta, float) or beta != 1.0:
        theta_norm = beta * theta_norm
    if dy_size is None:
        factor = theta_norm / dy_norm.clamp(min=_NO_GRADIENT)
    else:
        factor = (theta_norm / dy_norm).masked_fill(dy_norm == 0, 0.0)
    return Step(factor, theta_size, dy_size).reshape(-1, *(1,) * (dy.ndim - 1))


_NO_GRADIENT = 1e-60
"""Less than any norm of numbers narrower than float64, but that of zeros."""
