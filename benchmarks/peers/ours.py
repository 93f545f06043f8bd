"""imle itself."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

import imle
from benchmarks.peers.peer import Peer, Spent
from benchmarks.peers.workloads import LAMBDA, TERMS, Knapsack, Paths, Workload
from imle.errors import SolverWarning
from imle.estimators import IMLE
from imle.noise import SumOfGammaNoiseDistribution


class Ours(Peer):
    """A layer of imle with the solver made for the problem."""

    name = "imle"

    def __init__(self, work: Workload, *, workers: int = 1) -> None:
        self.solver_layer = self._layer(
            work,
            estimator=IMLE(lambda_=LAMBDA, scale=True),
            noise=SumOfGammaNoiseDistribution(k=work.kappa, nb_iterations=TERMS),
            nb_samples=work.samples,
            executor=None if workers == 1 else workers,
        )

    def _layer(self, work: Workload, **options: Any) -> imle.SolverLayer:
        problem = work.problem
        if isinstance(problem, Paths):
            options |= {"edges": problem.edges, "source": 0, "target": problem.side**2 - 1}
            return imle.layer("networkx-shortest-path", **options)
        if isinstance(problem, Knapsack):
            options |= {"weights": problem.weights.numpy(), "capacity": list(problem.capacity)}
            return imle.layer("knapsack", **options)
        return imle.layer("grid-shortest-path", **options)

    def layer(self, objectives: Tensor) -> Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SolverWarning)  # on tiles everybody clips negative costs
            found: Tensor = self.solver_layer(objectives)
            return found

    def decide(self, objectives: Tensor) -> Tensor:
        self.solver_layer.eval()
        with torch.no_grad():
            found = self.layer(objectives)
        self.solver_layer.train()
        return found

    @property
    def spent(self) -> Spent:
        stats = self.solver_layer.stats
        return Spent(stats.solves, stats.seconds["noise"], stats.seconds["solve"])
