"""What the rules that differentiate the noise's density share: scores, baselines, checks."""

from __future__ import annotations

import torch
from torch import Tensor

from imle.errors import OptionError
from imle.estimators.trace import Trace, spread
from imle.noise import BaseNoiseDistribution


def check_density(name: str, noise: BaseNoiseDistribution | None, temperature: float) -> None:
    """Refuse what has no density to differentiate.

    Raises:
        OptionError: no noise, temperature 0, or a distribution without a density in closed form.
    """
    if noise is None or temperature == 0:
        raise OptionError(
            f"estimator {name!r}: expected noise and a positive temperature, found {noise!r} and {temperature:g}",
            hint='"blackbox" and "identity" work without noise',
        )
    if not hasattr(noise, "score"):
        raise OptionError(f"estimator {name!r}: {type(noise).__name__} has no score()")
    noise.score(torch.ones(1, 1), torch.zeros(1, 1), temperature)  # refuses now, not in the first backward pass


def leave_one_out(values: Tensor, valid: Tensor | None) -> Tensor:
    """The mean over the other samples, 0 where there are none. `[B, S, ...]` to the same shape.

    Args:
        values: one value or array per sample.
        valid: `[B, S]` samples that count, or None for all.
    """
    if valid is not None:
        values = torch.where(spread(valid, values), values, torch.zeros_like(values))
        others = spread(valid.sum(dim=1, keepdim=True) - valid.to(torch.int64), values)
    else:
        others = torch.tensor(values.shape[1] - 1, device=values.device)
    return (values.sum(dim=1, keepdim=True) - values) / others.clamp(min=1).to(values.dtype)


def score_gradient(trace: Trace, weights: Tensor) -> Tensor:
    """mean_s weights_s grad_theta log p(perturbed theta_s), samples that failed left out.

    Args:
        trace: of a forward pass with noise.
        weights: `[B, S]`.

    Returns:
        `[B, *event]`.
    """
    call = trace.call
    assert call.noise is not None
    assert trace.noise is not None
    if trace.valid is not None:
        weights = torch.where(trace.valid, weights, torch.zeros_like(weights))
    score = call.noise.score(trace.theta.unsqueeze(1), trace.noise, call.temperature)
    return (score * spread(weights, score)).mean(dim=1)
