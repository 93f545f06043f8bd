"""The learning rates and parameters that the benchmark's authors chose.

Source: config.json and HyperparamConfiguration.pdf (tables 1, 4 and 5) of the repository PredOpt/predopt-benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from benchmarks.energy.methods import Loss, Maker, known_objective, known_solution, layer, pool_of, two_stage
from benchmarks.energy.problems import CAPACITIES, DEGREES, SCHEDULES, Problem
from imle import losses
from imle.estimators import IMLE, Blackbox
from imle.noise import SumOfGammaNoiseDistribution


def imle(lambda_: float, temperature: float) -> Maker:
    """An absolute step, one sample, and sum-of-gamma noise of one term, kappa 5."""
    noise = SumOfGammaNoiseDistribution(k=5, nb_iterations=1)
    return layer(lambda: IMLE(lambda_), noise=noise, temperature=temperature)


def map_contrastive() -> Maker:
    """Against a pool, by how much predictions exceed the true objective."""

    def make(problem: Problem) -> Loss:
        loss = losses.MAPContrastive(problem.solver(), shifted=True, **pool_of(problem))
        return lambda predicted, true, best: loss(predicted, best, true)

    return make


MAKERS: Mapping[str, Callable[..., Maker]] = {
    "two-stage": two_stage,
    "SPO+": lambda: known_objective(losses.SPOPlus),
    "blackbox": lambda lambda_: layer(lambda: Blackbox(lambda_)),
    "imle": imle,
    "Fenchel-Young": lambda s: known_solution(losses.PerturbedFenchelYoung, noise="gumbel", temperature=s),
    "MAP contrastive": map_contrastive,
    "pairwise": lambda margin: known_objective(losses.PairwiseLTR, pool=True, margin=margin),
    "listwise": lambda tau: known_objective(losses.ListwiseLTR, pool=True, temperature=tau),
}
"""From a method's own parameters."""

KNAPSACK = {
    "two-stage": [(0.5,), (1.0,), (1.0,)],
    "SPO+": [(0.5,), (1.0,), (1.0,)],
    "blackbox": [(0.5, 0.1), (1.0, 1.0), (0.5, 1.0)],
    "imle": [(0.5, 0.1, 0.5), (0.5, 0.1, 0.1), (0.5, 0.1, 5.0)],
    "Fenchel-Young": [(1.0, 0.005), (1.0, 0.5), (0.5, 0.5)],
    "MAP contrastive": [(1.0,), (1.0,), (1.0,)],
    "pairwise": [(0.5, 10.0), (0.5, 10.0), (0.5, 10.0)],
    "listwise": [(1.0, 0.001), (1.0, 0.001), (0.5, 0.0001)],
}
SCHEDULE = {
    "two-stage": [(0.5,), (0.5,), (0.5,)],
    "SPO+": [(1.0,), (0.5,), (0.5,)],
    "blackbox": [(0.01, 0.1), (0.5, 1.0), (0.5, 1.0)],
    "imle": [(0.5, 1.0, 2.0), (0.5, 1.0, 1.0), (0.5, 1.0, 1.0)],
    "Fenchel-Young": [(0.01, 0.1), (0.5, 5.0), (0.01, 0.1)],
    "MAP contrastive": [(0.5,), (0.5,), (0.5,)],
    "pairwise": [(0.1, 1.0), (0.1, 5.0), (0.1, 50.0)],
    "listwise": [(0.1, 5.0), (0.1, 5.0), (0.1, 5.0)],
}
PATHS = {
    "two-stage": [(1.0,), (0.05,), (0.05,), (1.0,), (0.05,)],
    "SPO+": [(0.01,), (0.05,), (0.1,), (1.0,), (1.0,)],
    "blackbox": [(0.1, 10.0), (0.1, 1.0), (0.05, 1.0), (0.05, 0.1), (0.1, 0.1)],
    "imle": [(0.5, 100.0, 1.0), (0.5, 100.0, 0.1), (0.5, 100.0, 2.0), (0.5, 10.0, 0.5), (0.5, 100.0, 2.0)],
    "Fenchel-Young": [(1.0, 5.0), (0.1, 0.1), (0.1, 0.1), (0.05, 5.0), (0.1, 5.0)],
    "MAP contrastive": [(0.1,), (0.1,), (1.0,), (1.0,), (1.0,)],
    "pairwise": [(1.0, 1.0), (0.1, 0.5), (0.1, 1.0), (1.0, 10.0), (1.0, 10.0)],
    "listwise": [(0.1, 0.1), (0.1, 0.1), (1.0, 0.1), (0.1, 1.0), (1.0, 1.0)],
}
"""By method, one entry per instance: the learning rate, then the method's own parameters."""

CHOICES: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    f"{kind}{instance}": {method: choices[column] for method, choices in table.items()}
    for kind, instances, table in (
        ("knapsack ", CAPACITIES, KNAPSACK),
        ("schedule ", SCHEDULES, SCHEDULE),
        ("paths, degree ", DEGREES, PATHS),
    )
    for column, instance in enumerate(instances)
}
"""By problem and method."""
