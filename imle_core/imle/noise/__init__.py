"""Noise distributions for perturb-and-MAP: sum-of-gamma, Gumbel, Gaussian, logistic, multiplicative.

`sample(shape)` is the API of the original torch-imle. Layers call `draw`, which also follows the dtype, device
and generator of the objective, so that noise never moves or widens a computation.
"""

from imle.noise.base import (
    BaseNoiseDistribution,
    adds,
    check_noise,
    draw_like,
    draw_of,
    observe_of,
    perturb,
)
from imle.noise.distributions import (
    GaussianNoiseDistribution,
    GumbelNoiseDistribution,
    LogisticNoiseDistribution,
    MultiplicativeNoiseDistribution,
    SumOfGammaNoiseDistribution,
    noise_by_name,
)
from imle.noise.relative import RelativeNoiseDistribution, draws_again

__all__ = [
    "BaseNoiseDistribution",
    "GaussianNoiseDistribution",
    "GumbelNoiseDistribution",
    "LogisticNoiseDistribution",
    "MultiplicativeNoiseDistribution",
    "RelativeNoiseDistribution",
    "SumOfGammaNoiseDistribution",
    "adds",
    "check_noise",
    "draw_like",
    "draw_of",
    "draws_again",
    "noise_by_name",
    "observe_of",
    "perturb",
]
