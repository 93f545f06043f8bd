"""The perturbed Fenchel-Young loss, Berthet et al., NeurIPS 2020; multiplicative: Dalle et al. 2022."""

from __future__ import annotations

from torch import Tensor

from imle.losses.base import inner
from imle.losses.perturbed import PerturbedLoss, PerturbedMaxima


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

    def excess(self, theta: Tensor, y: Tensor, drawn: PerturbedMaxima, rest: Tensor | float) -> Tensor:
        return drawn.mean(inner(drawn.theta, drawn.z, lead=2) + rest) - inner(theta, y)
