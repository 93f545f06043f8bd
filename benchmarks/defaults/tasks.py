"""The program: what everybody trains on, and for how long."""

from __future__ import annotations

from typing import get_args

from benchmarks.defaults import choices, decisions
from benchmarks.defaults.problem import Sizes, Task
from benchmarks.energy.problems import unavailable
from imle.datasets.l2x import ExplainName

REGRET, OPTIMAL = "regret, %", "optimal, %"

TASKS: dict[str, Task] = {
    "paths": Task(decisions.paths, REGRET, "low", 200, (0.01, 0.03, 0.1), Sizes(400, 400, 1000)),
    "knapsack": Task(decisions.knapsack, REGRET, "low", 200, (0.01, 0.03, 0.1), Sizes(400, 400, 1000)),
    "matching": Task(decisions.matching, REGRET, "low", 200, (0.01, 0.03, 0.1), Sizes(400, 400, 1000)),
    "tours": Task(decisions.tours, REGRET, "low", 200, (0.03, 0.1, 0.3), Sizes(400, 400, 1000)),
    **(
        {}
        if unavailable("knapsack 60")
        else {"electricity": Task(decisions.electricity, REGRET, "low", 200, (0.03, 0.1, 0.3), Sizes(550, 100, 139))}
    ),
    "terrain": Task(decisions.terrain, OPTIMAL, "high", 200, (0.003, 0.01, 0.03), Sizes(600, 100, 200)),
    "Sudoku": Task(decisions.sudoku, "boards right, %", "high", 200, (0.001, 0.003, 0.01), Sizes(400, 100, 200)),
    "5 of 10": Task(choices.subsets, "loss", "low", 50, (0.1, 0.3, 1.0), Sizes(0, 100, 100)),
    "selector": Task(choices.selected, "error, %", "low", 400, (0.003, 0.01, 0.03), Sizes(2000, 1000, 1000)),
    "VAE": Task(choices.codes, "-ELBO, nats", "low", 300, (0.002, 0.005, 0.015), Sizes(1000, 300, 450)),
    **{
        f"L2X {name}": Task(
            choices.Explain(name),
            "features found, %",
            "high",
            400,
            (0.001, 0.003, 0.01),
            Sizes(4000, 1000, 1000),
        )
        for name in get_args(ExplainName)
    },
}
