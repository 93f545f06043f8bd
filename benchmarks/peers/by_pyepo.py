"""PyEPO's I-MLE, as its documentation has it; its noise and its solver calls are timed from outside."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.peers.peer import Meter, Metered
from benchmarks.peers.workloads import LAMBDA, TERMS, Knapsack, Paths, Workload

HIGHS = "appsi_highs"


class _TimedPool:
    """PyEPO's worker processes; waiting for them is solving."""

    def __init__(self, pool: Any, meter: Meter) -> None:
        self.pool = pool
        self.meter = meter

    def amap(self, function: Any, costs: Any) -> Any:
        return SimpleNamespace(get=self.meter.wrap("solve", self.pool.amap(function, costs).get, solves=len(costs)))


class PyEPO(Metered):
    """`pyepo.func.implicitMLE` over PyEPO's own model of the problem.

    Args:
        work: the 5x5 shortest path or the knapsack, both PyEPO's own.
        backend: "ortools" (GLOP for paths, SCIP for knapsacks: PyEPO's choices) or "pyomo" (with HiGHS).
        processes: PyEPO's option of that name.
    """

    def __init__(self, work: Workload, backend: str, *, processes: int = 1) -> None:
        func: Any = import_module("pyepo.func")
        super().__init__()
        self.name = "PyEPO, OR-Tools" if backend == "ortools" else "PyEPO, HiGHS"
        noise = func.utils.sumGammaDistribution(kappa=work.kappa, n_iterations=TERMS)
        model = self._model(work, backend)
        self.solve_one = model.solve
        self.set_one = model.setObj
        self.module = func.implicitMLE(
            model,
            n_samples=work.samples,
            sigma=1.0,
            lambd=LAMBDA,
            distribution=noise,
            processes=processes,
        )
        if self.module.pool is not None:
            self.module.pool = _TimedPool(self.module.pool, self.meter)
        noise.sample = self.meter.wrap("noise", noise.sample)
        model._setFullObj = self.meter.wrap("solve", model._setFullObj)
        model.solve = self.meter.wrap("solve", model.solve, solves=1)

    @staticmethod
    def _model(work: Workload, backend: str) -> Any:
        models: Any = import_module("pyepo.model")
        problem = work.problem
        options = {"solver": HIGHS} if backend == "pyomo" else {}
        if isinstance(problem, Paths):
            model: Any = models.shortestPathModel((problem.side, problem.side), backend=backend, **options)
            assert [tuple(arc) for arc in model.arcs] == list(problem.edges)
        else:
            assert isinstance(problem, Knapsack)
            sizes = problem.weights.numpy(), np.array(problem.capacity)
            model = models.knapsackModel(*sizes, backend=backend, **options)
        if backend == "pyomo":
            model._solverfac.options["threads"] = 1  # one thread for everybody
        return model

    def layer(self, objectives: Tensor) -> Tensor:
        found: Tensor = self.module(objectives)
        return found

    def decide(self, objectives: Tensor) -> Tensor:
        solutions = []
        for row in objectives.detach().numpy():
            self.set_one(row)
            solutions.append(self.solve_one()[0])
        return torch.from_numpy(np.array(solutions))
