"""Duals of linear programs against finite differences, enumerated vertices, and what proves them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import scipy.sparse

from imle.solvers import SolveStatus
from imle_highs.engines import LinearEngine
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_linear.duals import Duals
from imle_linear.engines import Outcome
from imle_linear.prepared import PreparedProgram, Setup
from imle_linear.program import from_matrices

ROWS = 80
STEP = 1e-4
NAMES = ("A_ub", "b_ub", "A_eq", "b_eq", "bounds")


def random_rows(rng):
    """One pair of matrices, and for each of many rows costs, right sides and bounds around a point inside."""
    n, m, k = int(rng.integers(2, 9)), int(rng.integers(1, 7)), int(rng.integers(1, 3))
    k = min(k, n - 1)
    a_ub, a_eq = rng.normal(size=(m, n)), rng.normal(size=(k, n))
    inside = rng.uniform(-0.5, 0.5, (ROWS, n))
    width = rng.uniform(0.1, 1.0, (2, ROWS, n))
    rows = {"b_ub": inside @ a_ub.T + rng.uniform(0.05, 0.5, (ROWS, m)), "b_eq": inside @ a_eq.T}
    rows["bounds"] = np.stack([inside - width[0], inside + width[1]], axis=-1)
    return {"A_ub": a_ub, "A_eq": a_eq}, rows, rng.normal(size=(ROWS, n))


def solved(sense, matrices, rows, costs, duals=()):
    prepared = HighsLPSolver(sense=sense).prepare(**matrices)
    result = prepared.solve(costs, **rows, duals=duals)
    assert not result.status.any()
    return result


def along(duals, direction):
    """`[N]` derivatives along a direction."""
    return sum((duals[name] * own).reshape(ROWS, -1).sum(axis=1) for name, own in direction.items())


@pytest.mark.parametrize("sense", ["min", "max"])
def test_thousands_of_random_programs_by_finite_differences(sense):
    """Where the value has a kink within a step, a subgradient is on one side of it; else it is the derivative."""
    rng = np.random.default_rng(0)
    sign = 1.0 if sense == "min" else -1.0
    smooth = kinks = 0
    for _ in range(13):
        matrices, rows, costs = random_rows(rng)
        found = solved(sense, matrices, rows, costs, NAMES)
        for moved, kept, convex in ((rows, matrices, True), (matrices, rows, False)):
            direction = {name: rng.normal(size=own.shape) for name, own in moved.items()}
            steps = [{name: own + s * STEP * direction[name] for name, own in moved.items()} for s in (-1, 1)]
            (left, right) = (solved(sense, *((kept, own) if convex else (own, kept)), costs).values for own in steps)
            told = along(found.duals, direction)
            kink = np.abs(left + right - 2 * found.values) > STEP * 1e-3 * (1 + np.abs(told))
            np.testing.assert_allclose(((right - left) / (2 * STEP))[~kink], told[~kink], rtol=1e-6, atol=1e-6)
            if convex:  # in right sides and bounds the least value is convex
                for value, step in ((left, -STEP), (right, STEP)):
                    assert (sign * (value - found.values - step * told) >= -1e-9).all()
            smooth, kinks = smooth + int((~kink).sum()), kinks + int(kink.sum())
    assert smooth > 2000
    assert kinks < 0.02 * smooth


def vertices(a, lower, upper):
    """All points `[n]` in fractions at which n independent ends of rows `lower <= a x <= upper` meet, and hold."""
    ends = [(row, end) for row, *both in zip(a, lower, upper, strict=True) for end in both if end is not None]
    found = []
    for chosen in itertools.combinations(ends, len(a[0])):
        point = crossing([list(row) for row, _ in chosen], [end for _, end in chosen])
        if point is None or point in found:
            continue
        sums = [sum(c * x for c, x in zip(row, point, strict=True)) for row in a]
        holds = zip(sums, lower, upper, strict=True)
        if all((low is None or low <= s) and (high is None or s <= high) for s, low, high in holds):
            found.append(point)
    return found


def crossing(rows, ends):
    """Where some hyperplanes meet, by Gauss in fractions; None if that is no single point."""
    system = [[*row, end] for row, end in zip(rows, ends, strict=True)]
    n = len(system)
    for column in range(n):
        pivot = next((row for row in range(column, n) if system[row][column]), None)
        if pivot is None:
            return None
        system[column], system[pivot] = system[pivot], system[column]
        system[column] = [entry / system[column][column] for entry in system[column]]
        for row in range(n):
            if row != column and system[row][column]:
                factor = system[row][column]
                system[row] = [x - factor * y for x, y in zip(system[row], system[column], strict=True)]
    return [row[-1] for row in system]


@pytest.mark.parametrize("seed", range(12))
def test_degenerate_programs_of_small_whole_numbers_by_enumeration(seed):
    """Exact values of other right sides and bounds are never below what a subgradient promises."""
    rng = np.random.default_rng(seed)
    n, m = 3, 2
    a, costs = rng.integers(-1, 3, (m, n)), rng.integers(-2, 3, n)
    box = np.stack([np.zeros(n, int), rng.integers(1, 3, n)], axis=-1)
    b = a @ rng.integers(0, 2, n) + rng.integers(0, 2, m)

    def exact(b, box):
        rows = [[Fraction(int(entry)) for entry in row] for row in (*a, *np.eye(n, dtype=int))]
        lower = [None] * m + [Fraction(int(end)) for end in box[:, 0]]
        upper = [Fraction(int(end)) for end in (*b, *box[:, 1])]
        values = [sum(int(c) * x for c, x in zip(costs, p, strict=True)) for p in vertices(rows, lower, upper)]
        return min(values, default=None)

    names = ("A_ub", "b_ub", "bounds")
    found = HighsLPSolver().prepare(A_ub=a, b_ub=b, bounds=box).solve(costs[None].astype(float), duals=names)
    best, y, x = exact(b, box), found.duals["b_ub"][0], found.solutions[0]
    assert found.values[0] == pytest.approx(float(best), abs=1e-9)
    np.testing.assert_allclose(found.duals["A_ub"][0], -np.outer(y, x), atol=1e-9)
    for _ in range(8):
        moved, wider = b + rng.integers(-1, 2, m), box + rng.integers(-1, 2, (n, 2)) * [1, 1]
        if (wider[:, 0] > wider[:, 1]).any() or (other := exact(moved, wider)) is None:
            continue
        promised = y @ (moved - b) + (found.duals["bounds"][0] * (wider - box)).sum()
        assert float(other) >= float(best) + promised - 1e-9


def test_infinite_ends_have_no_duals_and_ranges_have_those_of_the_end_that_holds():
    result = HighsLPSolver().prepare(A_ub=[[-1.0, -1.0]], b_ub=[-4.0]).solve(np.array([[1.0, 5.0]]), duals=NAMES)
    assert result.duals["b_ub"].tolist() == [[-1.0]]
    assert result.duals["bounds"].tolist() == [[[0, 0], [4, 0]]]  # the second one stays at 0; inf holds nothing
    assert result.duals["A_eq"].shape == (1, 0, 2)
    assert result.duals["b_eq"].shape == (1, 0)


def test_sparse_matrices_have_dense_duals():
    a_ub, costs = np.array([[1.0, 0, 2, 0], [0, 0, 1, 3]]), np.array([[-1.0, 1, -3, -2]])
    found, dense = (
        HighsLPSolver().prepare(A_ub=a, b_ub=[2, 3], bounds=(0, 2)).solve(costs, duals=("A_ub", "b_ub"))
        for a in (scipy.sparse.csr_array(a_ub), a_ub)
    )
    np.testing.assert_allclose(found.duals["A_ub"], -found.duals["b_ub"][:, :, None] * found.solutions[:, None])
    np.testing.assert_array_equal(found.duals["A_ub"], dense.duals["A_ub"])


def test_costs_that_are_not_learned():
    instance = {"A_ub": [[1, 0, -1]], "b_ub": [0], "bounds": (0, 1), "costs": [0, 0, 0.5], "variables": [0, 1]}
    for solver in (HighsLPSolver(), HighsILPSolver()):
        result = solver.prepare(**instance).solve(np.array([[-1.0, 1.0], [1.0, 1.0]]), duals=("costs",))
        assert result.duals["costs"].tolist() == [[0, 0, 1], [0, 0, 0]]
        assert result.values.tolist() == [-0.5, 0]


@pytest.mark.parametrize("size", [1e-200, 1e-9, 1.0, 1e9, 1e200])
def test_duals_have_the_size_of_the_objective_and_of_the_rows(size):
    prepared = HighsLPSolver(sense="max").prepare(A_ub=[[1e-7, 3e-7], [2e6, 1e6]], b_ub=[3e-7, 2e6])
    duals = prepared.solve(size * np.array([[1.0, 2.0]]), duals=("b_ub",)).duals["b_ub"]
    np.testing.assert_allclose(duals, size * np.array([[0.6e7, 0.2e-6]]), rtol=1e-9)  # both rows hold: y A = c


def test_relaxations_of_integer_programs():
    """The best of 0.7 x + 0.4 y + 0.5 z with weights 3, 2, 4 up to 4 takes x and half of y: 0.2 for one more unit."""
    instance = {"A_ub": [[3, 2, 4]], "b_ub": [4], "bounds": (0, 1)}
    result = HighsILPSolver(sense="max").prepare(**instance).solve(np.array([[0.7, 0.4, 0.5]]), duals=("b_ub", "A_ub"))
    assert result.solutions.tolist() == [[1, 0, 0]]
    np.testing.assert_allclose(result.duals["b_ub"], [[0.2]])
    np.testing.assert_allclose(result.duals["A_ub"], [[[-0.2, -0.1, 0]]], atol=1e-12)


class Misleading(LinearEngine):
    """HiGHS, whose duals are those of another row."""

    def solve(self, costs, rows, seconds):
        outcome = super().solve(costs, rows, seconds)
        return outcome if outcome.duals is None else outcome._replace(duals=outcome.duals[::-1] + 1.0)


def highs(program):
    return LinearEngine(program, {})


def misleading(program):
    return Misleading(program, {})


@pytest.mark.parametrize(("engine", "relaxation"), [(highs, misleading), (misleading, highs)])
def test_duals_that_prove_nothing_are_asked_for_again(engine, relaxation):
    program = from_matrices("test", A_ub=[[1.0, 3.0], [2.0, 1.0]], b_ub=[3.0, 2.0], integrality=0)
    prepared = PreparedProgram(program, Setup("test", "max", None, engine, relaxation=relaxation))
    result = prepared.solve(np.array([[1.0, 2.0]]), duals=("b_ub",))
    np.testing.assert_allclose(result.duals["b_ub"], [[0.6, 0.2]])


def test_a_row_whose_optimum_no_duals_prove_is_none():
    program = from_matrices("test", A_ub=[[1.0, 3.0], [2.0, 1.0]], b_ub=[3.0, 2.0], integrality=0)
    prepared = PreparedProgram(program, Setup("test", "max", None, misleading, relaxation=misleading))
    result = prepared.solve(np.array([[1.0, 2.0], [-1.0, -2.0]]), duals=("b_ub",))
    assert result.status.tolist() == [SolveStatus.ERROR, SolveStatus.OPTIMAL]  # 1 towards no end is 0, which is right
    assert "no dual values were found that prove the optimum" in result.messages[0]
    assert prepared.solve(np.array([[1.0, 2.0]])).status.tolist() == [SolveStatus.OPTIMAL]


class Early(LinearEngine):
    """Stops at a feasible point."""

    def solve(self, costs, rows, seconds):
        return Outcome(SolveStatus.FEASIBLE, np.zeros(2), "stopped at the time limit with a feasible point")


def test_a_row_that_was_not_solved_to_the_end_has_no_duals():
    program = from_matrices("test", A_ub=[[1.0, 3.0]], b_ub=[3.0], integrality=0)
    prepared = PreparedProgram(program, Setup("test", "max", None, lambda p: Early(p, {}), relaxation=highs))
    result = prepared.solve(np.array([[1.0, 2.0]]), duals=("b_ub",))
    assert result.status.tolist() == [SolveStatus.TIMEOUT]
    assert result.messages[0] == "stopped at the time limit with a feasible point, which has no dual values"


def test_what_proves_a_point():
    program = from_matrices("test", A_ub=[[-1.0, -1.0]], b_ub=[-4.0], bounds=[(0, 3), (0, None)], integrality=0)
    costs, rows = np.array([1.0, 5.0]), program.rows
    best, other = np.array([3.0, 1.0]), np.array([0.0, 4.0])
    proof = Duals.proven(program, costs, rows, best, np.array([-5.0]))
    assert proof is not None
    assert proof.bounds.tolist() == [-4.0, 0.0]
    assert Duals.proven(program, costs, rows, best, np.array([-1.0])) is None  # dual feasible, of another vertex
    assert Duals.proven(program, costs, rows, other, np.array([-5.0])) is None
    assert Duals.proven(program, costs, rows, best, np.array([5.0])) is None  # towards an end that is infinite
    assert Duals.proven(program, costs, rows, best, np.array([-6.0])) is None  # r < 0 where there is no upper bound
    tilted = replace(program, lower=program.lower - 1.0)
    assert Duals.proven(tilted, costs, rows, best, np.array([-5.0])) is not None  # the ends are those of the row
