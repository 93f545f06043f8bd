"""Ways to train: two-stage, every gradient rule of a solver layer, every loss; with the library's defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from benchmarks.energy.problems import Problem
from imle import losses
from imle.estimators import IMLE, Estimator

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""From predicted objectives, true objectives and best solutions, `[B, n]` each, to a number."""

Maker = Callable[[Problem], Loss]
"""Made anew for every training: rules and pools learn."""

RATES = (0.1, 0.5, 1.0)
"""Adam's learning rates that our settings are tried with; the validation days decide."""


def two_stage() -> Maker:
    """Least squares on the objectives. Decisions play no part."""
    return lambda problem: lambda predicted, true, best: (predicted - true).square().mean()


def layer(rule: str | Callable[[], Estimator], **options: Any) -> Maker:
    """The solver in the network, and the mean value of what it decides, negated for scores."""

    def make(problem: Problem) -> Loss:
        decide = problem.solver(estimator=rule if isinstance(rule, str) else rule(), **options)
        sign = 1 if decide.solver.sense == "min" else -1

        def value(predicted: Tensor, true: Tensor, best: Tensor) -> Tensor:
            del best
            return sign * decide.expected_loss(predicted, lambda z: (z * true.unsqueeze(1)).sum(dim=-1)).mean()

        return value

    return make


def known_solution(kind: type[losses.SolverLoss], *, pool: bool = False, **options: Any) -> Maker:
    """A loss of the best solutions, or of them and a pool."""

    def make(problem: Problem) -> Loss:
        loss = kind(problem.solver(), **(pool_of(problem) if pool else {}), **options)
        return lambda predicted, true, best: loss(predicted, best)

    return make


def known_objective(kind: type[losses.SolverLoss], *, pool: bool = False, **options: Any) -> Maker:
    """A loss of the true objectives, or of them and a pool."""

    def make(problem: Problem) -> Loss:
        loss = kind(problem.solver(), **(pool_of(problem) if pool else {}), **options)
        return lambda predicted, true, best: loss(predicted, true, best)

    return make


def pool_of(problem: Problem) -> dict[str, losses.SolutionPool]:
    """A pool of the best solutions of all training rows, to which every twentieth batch adds its own."""
    pool = losses.SolutionPool(capacity=10_000, solve_ratio=0.05)
    pool.add(problem.train.best)
    return {"pool": pool}


TWO_STAGE, DEFAULT = "two-stage", "imle (default)"
MANY: dict[str, Any] = {"nb_samples": 10}
OURS: dict[str, Maker] = {
    TWO_STAGE: two_stage(),
    DEFAULT: layer("imle"),
    "imle, 10 samples": layer("imle", **MANY),
    "imle, symmetric, 10 samples": layer(lambda: IMLE(symmetric=True), **MANY),
    "aimle, 10 samples": layer("aimle", **MANY),
    "blackbox": layer("blackbox"),
    "identity": layer("identity"),
    "straight-through": layer("straight-through"),
    "perturbed, 10 samples": layer("perturbed", **MANY),
    "perturbed-multiplicative, 10 samples": layer("perturbed-multiplicative", **MANY),
    "SPO+": known_objective(losses.SPOPlus),
    "Fenchel-Young": known_solution(losses.PerturbedFenchelYoung),
    "implicit MLE": known_solution(losses.ImplicitMLE),
    "NCE": known_solution(losses.NCE, pool=True),
    "MAP contrastive": known_solution(losses.MAPContrastive, pool=True),
    "pointwise": known_objective(losses.PointwiseLTR, pool=True),
    "pairwise": known_objective(losses.PairwiseLTR, pool=True),
    "listwise": known_objective(losses.ListwiseLTR, pool=True),
}
"""By name."""
