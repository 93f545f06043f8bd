"""pulp-lp and pulp-ilp pass the conformance kit, on problems whose vertices or points are all listed.

`imle check pulp-ilp --instances plugins/imle-pulp/tests/test_conformance.py` takes them too.
"""

from __future__ import annotations

import itertools

import numpy as np
import pulp

from imle.testing import Instance, parametrize_with_checks


def mix():
    problem = pulp.LpProblem("mix", pulp.LpMinimize)
    x = [problem.add_variable(f"x{i}", 0, 0.6) for i in range(3)]
    problem += pulp.lpSum(x) == 1
    vertices = list(itertools.permutations([0.6, 0.4, 0.0]))
    return Instance("mix", {"problem": problem, "variables": x}, solutions=vertices)


def knapsack():
    sizes = np.array([3, 4, 5, 6])
    problem = pulp.LpProblem("knapsack", pulp.LpMaximize)
    x = [problem.add_variable(f"x{i}", cat="Binary") for i in range(4)]
    problem += pulp.lpDot(sizes.tolist(), x) <= 10
    vectors = np.array(list(itertools.product([0.0, 1.0], repeat=4)))
    given = {"problem": problem, "variables": x}
    return Instance("knapsack", given, {"sense": "max"}, solutions=vectors[vectors @ sizes <= 10])


def half_open():
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
        expected_failures=NEGATIVE,
    )


NEGATIVE = {"negative-objectives": "the feasible set is unbounded where costs are negative"}


def instances(solver_id):
    return [mix()] if solver_id == "pulp-lp" else [knapsack(), half_open()]


@parametrize_with_checks("pulp-lp", instances("pulp-lp"))
def test_linear_problems(check):
    check()


@parametrize_with_checks("pulp-ilp", instances("pulp-ilp"))
def test_integer_problems(check):
    check()
