"""Implicit maximum likelihood estimation (I-MLE), Niepert, Minervini & Franceschi, NeurIPS 2021."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from imle._checks import positive
from imle.errors import OptionError
from imle.estimators.base import Estimator, Trace
from imle.estimators.samples import Solutions, average, difference
from imle.target import Step, absolute_step, relative_step


class IMLE(Estimator):
    """z_s minus the solution of a target distribution, averaged over samples.

    With z_s = z(theta + tau eps_s), the gradient is

    - ``mean_s [ z_s - z(alpha theta - lambda dy_s + tau' eps_s) ]``, or
    - ``mean_s [ z(theta + lambda dy_s + tau' eps_s) - z(theta - lambda dy_s + tau' eps_s) ] / 2`` if symmetric,

    and 1/lambda times that if scale.

    By default the step is relative, for each row i

        ``lambda_i = beta sqrt(mean_s ||c(theta_i + tau eps_is)||^2) / ||dy_i||``,

    where c takes the mean of its entries off a row: the shift lambda dy is beta times as long as what was solved
    varies.
    Without noise it is twice as long: the target of an objective that is all wrong is then its mirror image. The target
    does not depend on batch size, number of samples, loss scale or reduction, nor on a constant that is on all scores.
    (A row whose entries are equal counts as it is, and one of zeros has norm 1.)

    The gradient is divided by lambda, so that it is proportional to dy, as a derivative is. Undivided (`scale=False`)
    it has entries in [-1, 1] that depend on the direction of dy alone: weights of losses and rows, loss scalers and
    averages over processes then do nothing. An absolute `lambda_` is the paper's, and so is its undivided
    difference: both change with everything that scales dy.

    Args:
        lambda_: the paper's lambda, absolute; None for the relative step.
        beta: size of the relative step.
        alpha: weight of theta in the target: 1 perturbs it (implicit differentiation), 0 looks for the best
            solution against dy alone (combinatorial).
        symmetric: central differences (AIMLE, Minervini et al. 2023, equation 8): two target solves per sample.
        scale: divide by lambda; by default where the step is relative.

    Raises:
        OptionError: an option is not valid, or two do not go together.

    Source: I-MLE, equations 5, 7 and 8, algorithm 1.
    """

    name: ClassVar[str] = "imle"
    by_row: ClassVar[bool] = True
    default_temperature: ClassVar[float] = 3.0

    def __init__(
        self,
        lambda_: float | None = None,
        *,
        beta: float = 1.0,
        alpha: float = 1.0,
        symmetric: bool = False,
        scale: bool | None = None,
    ) -> None:
        super().__init__()
        self.lambda_ = None if lambda_ is None else positive("estimator: lambda_", lambda_)
        self.relative_beta = positive("estimator: beta", beta)
        self.alpha = float(alpha)
        self.symmetric = symmetric
        self.scale = lambda_ is None if scale is None else scale
        if symmetric and alpha != 1.0:
            raise OptionError(f"estimator: symmetric=True needs alpha=1, found alpha={alpha!r}")

    @property
    def solves(self) -> int:
        """Solves per sample in a backward pass: one more where differences are central."""
        return 2 if self.symmetric else 1

    def extra_repr(self) -> str:
        step = f"beta={self.relative_beta:g}" if self.lambda_ is None else f"lambda_={self.lambda_:g}"
        return f"{step}, alpha={self.alpha:g}, symmetric={self.symmetric}, scale={self.scale}"

    def step(self, trace: Trace, dy: Tensor) -> Step:
        """lambda.

        Args:
            trace: of the forward pass.
            dy: `[B, 1 or S, *event]` the gradient of the loss.

        Returns:
            numbers that broadcast against dy.
        """
        if self.lambda_ is not None:
            return absolute_step(dy, self.lambda_)
        return relative_step(trace.variation(), dy, self.relative_beta, trace.samples_of(dy))

    def gradient(self, trace: Trace, dy: Tensor) -> Tensor:
        step = self.step(trace, dy)
        upper, lower = self.solutions(trace, step.times(dy))
        if upper.valid is None and lower.valid is None:  # nothing of the size of all samples is made
            return self.finish(average(upper.z, None) - average(lower.z, None), step)
        return self.finish(trace.mean(*difference(upper, lower)), step)

    def solutions(self, trace: Trace, shift: Tensor) -> tuple[Solutions, Solutions]:
        """The forward (or, if symmetric, upper) solutions and the target's.

        Args:
            trace: of the forward pass.
            shift: lambda dy, `[B, 1 or S, *event]`.
        """
        theta = trace.theta.unsqueeze(1)
        lower = trace.solve_target(theta - shift if self.alpha == 1.0 else self.alpha * theta - shift)
        if self.symmetric:
            return trace.solve_target(theta + shift), lower
        return Solutions(trace.z, trace.valid), lower

    def finish(self, difference: Tensor, step: Step) -> Tensor:
        """The gradient `[B, *event]`: the mean difference, times 1/2 if symmetric, times 1/lambda if scale.

        Args:
            difference: `[B, *event]`, mean over samples.
            step: lambda.
        """
        if self.symmetric:
            difference = difference / 2
        return step.reshape(-1, *(1,) * (difference.ndim - 1)).divide(difference) if self.scale else difference
