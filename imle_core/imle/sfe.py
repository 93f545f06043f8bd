"""`from imle.sfe import sfe`: a name of torch-adaptive-imle, whose gradient is straight-through, there and here.

A score-function estimate needs the loss of every sample: `estimator="score-function"` and `layer.expected_loss`.
"""

from __future__ import annotations

from typing import Any

from imle.noise import BaseNoiseDistribution
from imle.ste import ste
from imle.wrapper import SolverFunction

__all__ = ["sfe"]


def sfe(
    function: SolverFunction | None = None,
    noise_distribution: BaseNoiseDistribution | None = None,
    noise_temperature: float = 1.0,
) -> Any:
    """`imle.ste.ste` with one sample per row.

    Args:
        function: `[N, *event]` to `[N, *event]`.
        noise_distribution: by default no noise.
        noise_temperature: scale of the noise.

    Returns:
        A function from `[B, *event]` to `[B, *event]`.
    """
    return ste(function, noise_distribution, noise_temperature)
