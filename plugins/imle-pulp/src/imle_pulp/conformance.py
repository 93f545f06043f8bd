"""What `imle check` checks the solvers on; imported by checks and by nothing else."""

from __future__ import annotations

import itertools

import numpy as np
import pulp  # type: ignore[import-untyped]

from imle.testing import Instance


def instances(solver_id: str) -> list[Instance]:
    """Problems whose vertices or points are all listed."""
    return [_mix()] if solver_id == "pulp-lp" else [_knapsack(), _half_open(), _fixed_cost()]


def _mix() -> Instance:
    problem = pulp.LpProblem("mix", pulp.LpMinimize)
    x = [problem.add_variable(f"x{i}", 0, 0.6) for i in range(3)]
    problem += pulp.lpSum(x) == 1
    vertices = list(itertools.permutations([0.6, 0.4, 0.0]))
    return Instance("mix", {"problem": problem, "variables": x}, solutions=vertices)


def _knapsack() -> Instance:
    sizes = np.array([3, 4, 5, 6])
    problem = pulp.LpProblem("knapsack", pulp.LpMaximize)
    x = [problem.add_variable(f"x{i}", cat="Binary") for i in range(4)]
    problem += pulp.lpDot(sizes.tolist(), x) <= 10
    vectors = np.array(list(itertools.product([0.0, 1.0], repeat=4)))
    given = {"problem": problem, "variables": x}
    return Instance("knapsack", given, {"sense": "max"}, solutions=vectors[vectors @ sizes <= 10])


def _half_open() -> Instance:
    """One variable has no upper bound: costs below zero are unbounded."""
    problem = pulp.LpProblem("half_open", pulp.LpMinimize)
    x = [problem.add_variable("a", 0, 2, cat="Integer"), problem.add_variable("b", 0, cat="Integer")]
    problem += x[0] + x[1] >= 2
    return Instance(
        "half open",
        {"problem": problem, "variables": x},
        solutions=[(0, 2), (1, 1), (2, 0)],
        objectives=lambda rng, rows: rng.uniform(0.5, 1.5, size=(rows, 2)),
        bad_objective=[1.0, -1.0],
        expected_failures={"negative-objectives": "the feasible set is unbounded where costs are negative"},
    )


def _fixed_cost() -> Instance:
    """The first variable needs a third one, whose cost is the problem's own and not learned."""
    problem = pulp.LpProblem("fixed_cost", pulp.LpMinimize)
    a, b, needed = (problem.add_variable(name, cat="Binary") for name in ("a", "b", "needed"))
    problem += 0.5 * needed + b
    problem += a <= needed
    points = list(itertools.product([0, 1], repeat=2))
    return Instance("a cost that is not learned", {"problem": problem, "variables": [a, b]}, solutions=points)
