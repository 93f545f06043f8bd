"""How good decisions are: plain functions of tensors, one value per row, for both senses."""

from imle.metrics.distances import exact_match, hamming
from imle.metrics.gap import optimality_gap
from imle.metrics.regrets import normalised_regret, regret, unambiguous_regret
from imle.metrics.ties import worst_tied

__all__ = [
    "exact_match",
    "hamming",
    "normalised_regret",
    "optimality_gap",
    "regret",
    "unambiguous_regret",
    "worst_tied",
]
