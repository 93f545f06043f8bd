"""`from imle.imle import imle`: I-MLE under the names of torch-adaptive-imle, so that its users move without edits."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

from imle.noise import BaseNoiseDistribution
from imle.target import BaseTargetDistribution, TargetDistribution
from imle.wrapper import SolverFunction, TargetRule, wrap

__all__ = ["imle"]


def imle(
    function: SolverFunction | None = None,
    target_distribution: BaseTargetDistribution | None = None,
    noise_distribution: BaseNoiseDistribution | None = None,
    nb_samples: int = 1,
    nb_marginal_samples: int = 1,
    theta_noise_temperature: float = 1.0,
    target_noise_temperature: float = 1.0,
    symmetric_perturbation: bool = False,
    _is_minimization: bool = False,
) -> Any:
    """Turn a batched solver function into a differentiable one, directly or as a decorator.

    Args:
        function: `[N, *event]` to `[N, *event]`; further arguments are handed on to it, as constants.
        target_distribution: by default `TargetDistribution(alpha=1.0, beta=1.0)`.
        noise_distribution: by default no noise.
        nb_samples, nb_marginal_samples: their product S is the number of noise draws per row.
        theta_noise_temperature: scale of the noise in the forward solves.
        target_noise_temperature: scale of the same noise in the backward solves.
        symmetric_perturbation: central differences (AIMLE, equation 8).
        _is_minimization: the function minimises; noise is then subtracted from the costs, as it should be.

    Returns:
        A function from `[B, *event]` to samples `[B * S, *event]`.

    Source: Minervini, Franceschi & Niepert, AAAI 2023; the difference is taken to the forward solutions, as in
    I-MLE, also where the temperatures differ.
    """
    if function is None:
        return functools.partial(
            cast("Callable[..., Any]", imle),
            target_distribution=target_distribution,
            noise_distribution=noise_distribution,
            nb_samples=nb_samples,
            nb_marginal_samples=nb_marginal_samples,
            theta_noise_temperature=theta_noise_temperature,
            target_noise_temperature=target_noise_temperature,
            symmetric_perturbation=symmetric_perturbation,
            _is_minimization=_is_minimization,
        )
    return wrap(
        function,
        TargetRule(target_distribution or TargetDistribution(), symmetric=symmetric_perturbation),
        noise_distribution,
        samples=nb_samples * nb_marginal_samples,
        temperature=theta_noise_temperature,
        target_temperature=target_noise_temperature,
        minimize=_is_minimization,
    )
