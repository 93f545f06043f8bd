"""`from imle.ste import ste`: straight-through under the name of torch-adaptive-imle."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

from imle.estimators import StraightThrough
from imle.noise import BaseNoiseDistribution
from imle.wrapper import SolverFunction, wrap

__all__ = ["ste"]


def ste(
    function: SolverFunction | None = None,
    noise_distribution: BaseNoiseDistribution | None = None,
    noise_temperature: float = 1.0,
    nb_samples: int = 1,
) -> Any:
    """Turn a batched solver function into one that hands the gradient of its solutions through to its input.

    Args:
        function: `[N, *event]` to `[N, *event]`; further arguments are handed on to it, as constants.
        noise_distribution: by default no noise.
        noise_temperature: scale of the noise.
        nb_samples: S, noise draws per row.

    Returns:
        A function from `[B, *event]` to samples `[B * S, *event]`, whose gradient is the mean of dL/dz over the samples
        of a row.

    Source: Bengio, Léonard & Courville 2013.
    """
    if function is None:
        return functools.partial(
            cast("Callable[..., Any]", ste),
            noise_distribution=noise_distribution,
            noise_temperature=noise_temperature,
            nb_samples=nb_samples,
        )
    return wrap(
        function,
        StraightThrough(),
        noise_distribution,
        samples=nb_samples,
        temperature=noise_temperature,
        target_temperature=noise_temperature,
    )
