"""Losses for solver layers, one per file: each takes any layer, and reads objectives as that layer does.

With known solutions: `PerturbedFenchelYoung`, `RegularisedFenchelYoung`, `ImplicitMLE`, `StructuredHinge`, `NCE`,
`MAPContrastive`, and `CaVE`, which does not solve. With true objectives: `SPOPlus`, `PerturbationGradient`,
`ListwiseLTR`, `PairwiseLTR`, `PointwiseLTR`. For parameters of constraints: `FeasibilityAware`, with their true values;
`SolverFree`, with solutions alone. For layers that rank, with relevant entries: `AveragePrecisionLoss`, `RecallLoss`.
`RegularisedFrankWolfe` is no loss, but the smoothed solver that one of them is of.
"""

from imle.losses.average_precision import AveragePrecisionLoss
from imle.losses.base import SolverLoss
from imle.losses.cave import CaVE
from imle.losses.feasibility_aware import FeasibilityAware
from imle.losses.fenchel_young import PerturbedFenchelYoung
from imle.losses.implicit_mle import ImplicitMLE
from imle.losses.listwise import ListwiseLTR
from imle.losses.map_contrastive import MAPContrastive
from imle.losses.nce import NCE
from imle.losses.pairwise import PairwiseLTR
from imle.losses.perturbation_gradient import PerturbationGradient
from imle.losses.pointwise import PointwiseLTR
from imle.losses.recall import RecallLoss
from imle.losses.regularised import RegularisedFenchelYoung, RegularisedFrankWolfe
from imle.losses.solver_free import SolverFree
from imle.losses.spo_plus import SPOPlus
from imle.losses.structured_hinge import StructuredHinge
from imle.solvers.pool import SolutionPool

__all__ = [
    "NCE",
    "AveragePrecisionLoss",
    "CaVE",
    "FeasibilityAware",
    "ImplicitMLE",
    "ListwiseLTR",
    "MAPContrastive",
    "PairwiseLTR",
    "PerturbationGradient",
    "PerturbedFenchelYoung",
    "PointwiseLTR",
    "RecallLoss",
    "RegularisedFenchelYoung",
    "RegularisedFrankWolfe",
    "SPOPlus",
    "SolutionPool",
    "SolverFree",
    "SolverLoss",
    "StructuredHinge",
]
