"""What variables that are not learned add to a solution: by enumeration of what they may be."""

from __future__ import annotations

import itertools

import numpy as np
import pulp
import pytest
import torch

import imle
from imle.losses import PerturbedFenchelYoung, SPOPlus
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_pulp.solvers import PulpILPSolver

SENSES = pytest.mark.parametrize("sense", ["min", "max"])


def switch(sign=1.0):
    """FAULTS B1: min <c, x> + 10 u over binary x and u with x[0] <= u, of which x is learned."""
    rows = {"A_ub": [[1, 0, -1]], "b_ub": [0], "bounds": (0, 1)}
    return {**rows, "costs": [0, 0, sign * 10], "variables": [0, 1]}


def switch_in_pulp(sign=1.0, constant=0.0):
    problem = pulp.LpProblem("switch", pulp.LpMinimize if sign > 0 else pulp.LpMaximize)
    x = [problem.add_variable(f"x{i}", cat="Binary") for i in range(2)]
    u = problem.add_variable("u", cat="Binary")
    problem += sign * 10 * u + x[1] + constant
    problem += x[0] <= u
    return {"problem": problem, "variables": x}


def prepared(solver_id, sense):
    sign = 1.0 if sense == "min" else -1.0
    if solver_id == "highs-ilp":
        return HighsILPSolver(sense=sense).prepare(**switch(sign))
    own = pulp.HiGHS(msg=False, gapRel=0) if solver_id == "pulp.HiGHS" else None
    return PulpILPSolver(sense=sense, solver=own).prepare(**switch_in_pulp(sign))


@SENSES
@pytest.mark.parametrize("solver_id", ["highs-ilp", "pulp-ilp", "pulp.HiGHS"])
def test_the_best_completion(solver_id, sense):
    program = prepared(solver_id, sense)
    assert not program.homogeneous
    points = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [0.5, 0], [np.nan, 0]])
    sign = 1.0 if sense == "min" else -1.0
    expected = sign * np.array([0, 0, 10, 10, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(program.fixed_terms(points), expected)
    costs = sign * np.array([[-5.0, -1.0], [-20.0, -1.0]])
    result = program.solve(costs)
    assert result.solutions.tolist() == [[0, 1], [1, 1]]
    np.testing.assert_allclose(result.values, sign * np.array([-1.0, -11.0]))
    program.close()


@SENSES
def test_by_enumeration(sense):
    """Completions with rows whose right sides differ, and with continuous variables beside whole ones."""
    rng = np.random.default_rng(0)
    for _ in range(10):
        matrix = rng.integers(-3, 6, (2, 5)).astype(float)
        costs = np.concatenate([[0.0] * 3, rng.integers(-5, 6, 2)])
        program = HighsILPSolver(sense=sense).prepare(A_ub=matrix, bounds=(0, 2), variables=[0, 1, 2], costs=costs)
        points = rng.integers(0, 3, (6, 3)).astype(float)
        sides = rng.integers(0, 12, (6, 2)).astype(float)
        rest = np.array(list(itertools.product(range(3), repeat=2)), dtype=float)
        expected = []
        for point, side in zip(points, sides, strict=True):
            ok = (matrix[:, :3] @ point + rest @ matrix[:, 3:].T <= side).all(axis=1)
            worth = (rest @ costs[3:])[ok]
            expected.append(np.nan if not ok.any() else worth.min() if sense == "min" else worth.max())
        np.testing.assert_array_equal(program.fixed_terms(points, b_ub=sides), expected)


def test_linear_programs_and_constants():
    # u >= |x - 1| costs 3 a unit: at a vertex of what is left, which is a piece of a line
    rows = {"A_ub": [[1, -1], [-1, -1]], "b_ub": [1, -1], "bounds": [(0, 3), (0, None)]}
    program = HighsLPSolver().prepare(**rows, variables=[0], costs=[0, 3])
    np.testing.assert_allclose(program.fixed_terms(np.array([[0.0], [0.5], [1.0], [2.5]])), [3, 1.5, 0, 4.5])
    constant = PulpILPSolver().prepare(**switch_in_pulp(constant=7.0))
    assert constant.fixed_terms(np.array([[1.0, 1.0], [0.0, 0.0]])).tolist() == [17, 7]


def test_programs_without_such_terms():
    all_learned = HighsILPSolver().prepare(A_ub=[[1, 1]], b_ub=[1], bounds=(0, 1))
    without_costs = HighsILPSolver().prepare(A_ub=[[1, 1]], b_ub=[1], bounds=(0, 1), variables=[1])
    for program in (all_learned, without_costs):
        assert program.homogeneous
        assert program.fixed_terms is None
    constant = pulp.LpProblem("constant", pulp.LpMinimize)
    x = constant.add_variable("x", 0, 1, cat="Integer")
    constant += x + 4
    program = PulpILPSolver().prepare(problem=constant)
    assert program.homogeneous
    np.testing.assert_array_equal(program.fixed_terms(np.array([[1.0], [2.0]])), [4, np.nan])


@pytest.mark.parametrize("solver_id", ["highs-ilp", "pulp-ilp"])
def test_losses_through_layers(solver_id):
    """At temperature 0, by hand: the guess takes (0, 1), which costs -1; the truth wants (1, 1), which costs -11."""
    instance = switch() if solver_id == "highs-ilp" else switch_in_pulp()
    layer = imle.layer(solver_id, **instance)
    guess, truth = torch.tensor([[-5.0, -1.0]]), torch.tensor([[-20.0, -1.0]])
    best = torch.tensor([[1.0, 1.0]])
    assert PerturbedFenchelYoung(layer, temperature=0.0)(guess, best).item() == pytest.approx(5.0)
    # z = (0, 1) maximises -<2 c - t, z> - h(z) for 2 c - t = (10, -1): 1; the best in truth adds 9 and its h, 10
    assert SPOPlus(layer)(guess, truth).item() == pytest.approx(20.0)


def test_solutions_that_layers_have_rounded_to_float32():
    """Shares of 1000.1 no longer add up to it exactly; a share that is really another one still has no terms."""
    given = {"A_eq": [[1, 1, 0]], "b_eq": [1000.1], "A_ub": [[1, 0, -1]], "b_ub": [0]}
    prepared = HighsLPSolver().prepare(**given, variables=[0, 1], costs=[0, 0, 2])
    exact = np.array([[333.4, 666.7], [1000.1, 0.0], [333.4, 666.8]])
    found = prepared.fixed_terms(exact.astype(np.float32).astype(np.float64))
    np.testing.assert_allclose(found, [666.8, 2000.2, np.nan], rtol=1e-6)
