"""What the rules that differentiate the noise's density share: scores, baselines, checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, cast

import torch
from torch import Tensor

from imle.errors import OptionError
from imle.estimators.base import Trace
from imle.estimators.samples import spread
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


_IN_TRAINING = 'call layer.train(), with output="mean" or "samples"'


def refuse_without_noise(name: str) -> NoReturn:
    """Raise `OptionError`: a pass that draws nothing has no density to differentiate."""
    raise OptionError(
        f"estimator {name!r}: a gradient was asked for of a forward pass without noise: it differentiates the noise's "
        "density",
        hint=f'{_IN_TRAINING}; "imle", "blackbox" and "identity" have gradients of noise-free solutions',
    )


def refuse_learned_without_noise(name: str) -> NoReturn:
    """Raise `OptionError`: likewise of an instance parameter."""
    raise OptionError(
        f"learned: a gradient for {name} was asked for of a forward pass without noise: it is that of the noise's "
        "density",
        hint=f"{_IN_TRAINING}; {name}.detach() says that none is wanted",
    )


def undifferentiable(refuse: Callable[[], NoReturn], *values: Tensor) -> Tensor:
    """The number 0, to be added to what has no gradient in some tensors: asking for one is then an error.

    Args:
        refuse: raises it.
        values: of which there is no gradient.
    """
    return cast(Tensor, _Undifferentiable.apply(refuse, *values))  # type: ignore[no-untyped-call]


class _Undifferentiable(torch.autograd.Function):
    @staticmethod
    def forward(refuse: Callable[[], NoReturn], *values: Tensor) -> Tensor:
        del refuse
        return values[0].new_zeros(())

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.refuse = inputs[0]

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> None:
        ctx.refuse()


def baseline(trace: Trace, values: Tensor) -> Tensor:
    """For each sample the mean over the samples drawn independently of it, 0 where there are none.

    Only then does subtracting it change no expectation: with mirrored draws, a sample's own mirror is left out too.

    Args:
        trace: of a forward pass with noise.
        values: `[B, S, ...]`, one value or array per sample.

    Returns:
        `[B, S, ...]`.
    """
    counts = torch.ones(values.shape[:2], device=values.device) if trace.valid is None else trace.valid
    counts = spread(counts, values).to(values.dtype)
    if trace.valid is not None:
        values = torch.where(counts > 0, values, torch.zeros_like(values))
    pairs = trace.call.antithetic
    return _of_others(values, pairs) / _of_others(counts, pairs).clamp(min=1)


def _of_others(values: Tensor, pairs: bool) -> Tensor:
    """The sum over the other samples of `[B, S, ...]`, or over those in other pairs (s, s + S / 2)."""
    own = values + values.roll(values.shape[1] // 2, dims=1) if pairs else values
    return values.sum(dim=1, keepdim=True) - own


def score_gradient(trace: Trace, weights: Tensor) -> Tensor:
    """mean_s weights_s grad_theta log p(perturbed theta_s), samples that failed left out.

    Args:
        trace: of a forward pass.
        weights: `[B, S]`.

    Returns:
        `[B, *event]`.

    Raises:
        OptionError: the forward pass drew no noise.
    """
    call = trace.call
    if call.noise is None or trace.noise is None:
        refuse_without_noise(call.estimator.name)
    score = call.noise.score(trace.theta.unsqueeze(1), trace.noise, call.temperature)
    return trace.mean(score * spread(weights.to(score.dtype), score), trace.valid)
