"""How good decisions are: plain functions of tensors, one value per row, for both senses."""

from imle._excess import excess
from imle.metrics.distances import exact_match, hamming
from imle.metrics.feasibility import infeasibility, post_hoc_regret, scaled_to_feasible
from imle.metrics.gap import optimality_gap
from imle.metrics.ranks import average_precision, recall_at
from imle.metrics.regrets import normalised_regret, regret, unambiguous_regret
from imle.metrics.ties import worst_tied

__all__ = [
    "average_precision",
    "exact_match",
    "excess",
    "hamming",
    "infeasibility",
    "normalised_regret",
    "optimality_gap",
    "post_hoc_regret",
    "recall_at",
    "regret",
    "scaled_to_feasible",
    "unambiguous_regret",
    "worst_tied",
]
