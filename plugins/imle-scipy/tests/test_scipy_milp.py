"""Mixed-integer programs against enumeration, every way a row can end, and instances that are refused."""

from __future__ import annotations

import itertools
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, OptimizeResult

from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import PreparedSolver, SolveStatus
from imle_linear.duals import Duals
from imle_linear.program import Rows, from_matrices
from imle_scipy.linprog import LinprogEngine
from imle_scipy.milp import ScipyMILPSolver

SENSES = pytest.mark.parametrize("sense", ["min", "max"])


@st.composite
def problems(draw):
    n = draw(st.integers(1, 3))
    whole = st.integers(-3, 3)
    row = st.lists(whole, min_size=n, max_size=n)
    below = draw(st.lists(row, max_size=2))
    equal = draw(st.lists(row, max_size=1))
    sides = [draw(st.lists(whole, min_size=len(part), max_size=len(part))) for part in (below, equal)]
    upper = draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    objective = draw(st.lists(row, min_size=1, max_size=3))
    instance = {"bounds": [(0, u) for u in upper]}
    if below:
        instance |= {"A_ub": np.array(below, float), "b_ub": sides[0]}
    if equal:
        instance |= {"A_eq": sp.csr_array(np.array(equal, float)), "b_eq": sides[1]}
    return instance, np.array(objective, float)


def points(instance):
    found = np.array(list(itertools.product(*(range(u + 1) for _, u in instance["bounds"]))), float)
    if "A_ub" in instance:
        found = found[(found @ instance["A_ub"].T <= instance["b_ub"]).all(axis=1)]
    if "A_eq" in instance:
        found = found[(found @ instance["A_eq"].toarray().T == instance["b_eq"]).all(axis=1)]
    return found


def test_programs_that_presolve_alone_would_refute():
    """HiGHS ends with "Solve error" on some of them unless it begins the other way."""
    for fixed, coefficient in itertools.product(itertools.product((-3, -2, -1, 1, 2, 3), repeat=2), (2, 3)):
        program = {"bounds": [(0, 0), (0, 0), (0, 2)], "A_eq": np.array([[*fixed, coefficient]], float), "b_eq": [1]}
        result = ScipyMILPSolver().prepare(**program).solve(np.zeros((1, 3)))
        assert result.status is not None
        assert result.status.tolist() == [SolveStatus.INFEASIBLE]


@pytest.mark.slow
@SENSES
@settings(max_examples=100)
@given(problem=problems())
def test_matches_enumeration(sense, problem):
    instance, objective = problem
    feasible = points(instance)
    result = ScipyMILPSolver(sense=sense).prepare(**instance).solve(objective)
    if not len(feasible):
        assert result.status.tolist() == [SolveStatus.INFEASIBLE] * len(objective)
        return
    assert result.status.tolist() == [SolveStatus.OPTIMAL] * len(objective)
    values = objective @ feasible.T
    np.testing.assert_array_equal(result.values, values.max(axis=1) if sense == "max" else values.min(axis=1))
    for point in result.solutions:
        assert (feasible == point).all(axis=1).any()


def knapsack(n=40):
    rng = np.random.default_rng(0)
    sizes = rng.integers(300, 800, (5, n)) / 100
    return {"A_ub": sizes, "b_ub": sizes.sum(axis=1) / 4, "bounds": (0, 1)}, rng.uniform(0.5, 1.5, (2, n))


def test_rows_on_their_own():
    prepared = ScipyMILPSolver(sense="max").prepare(A_ub=[[2, 3, 4, 5]], b_ub=[7], bounds=(0, 1))
    objective = np.random.default_rng(0).integers(-1, 3, (12, 4)).astype(float)
    whole = prepared.solve(objective)
    for row in range(12):
        np.testing.assert_array_equal(prepared.solve(objective[row : row + 1]).solutions[0], whole.solutions[row])
    np.testing.assert_array_equal(prepared.solve(np.asfortranarray(objective)).solutions, whole.solutions)
    wide = np.repeat(objective, 2, axis=1)[:, ::2]
    np.testing.assert_array_equal(prepared.solve(wide).solutions, whole.solutions)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(prepared.solve, [objective] * 6):
            np.testing.assert_array_equal(result.solutions, whole.solutions)


def test_every_way_a_row_can_end():
    ray = ScipyMILPSolver().prepare(bounds=[(0, None), (0, 1)])
    result = ray.solve(np.array([[-1.0, 1.0], [1.0, -1.0], [np.inf, 0.0]]))
    assert result.status.tolist() == [SolveStatus.UNBOUNDED, SolveStatus.OPTIMAL, SolveStatus.ERROR]
    assert result.solutions.tolist() == [[0, 0], [0, 1], [0, 0]]
    assert set(result.messages) == {0, 2}
    odd = ScipyMILPSolver().prepare(A_eq=[[2, -2]], b_eq=[1]).solve(-np.ones((1, 2)))
    assert odd.status.tolist() == [SolveStatus.INFEASIBLE]  # its relaxation is unbounded


def test_limits_keep_the_incumbent():
    instance, values = knapsack(100)
    result = ScipyMILPSolver(sense="max", time_limit=0.3).prepare(**instance).solve(values)
    assert result.status.tolist() == [SolveStatus.FEASIBLE] * 2
    assert (result.solutions @ instance["A_ub"].T <= instance["b_ub"] + 1e-6).all()
    assert (result.values > 0).all()
    instance, values = knapsack(40)
    few = ScipyMILPSolver(sense="max", node_limit=1).prepare(**instance).solve(values)
    assert few.status.tolist() == [SolveStatus.FEASIBLE] * 2
    assert (few.bound >= few.values).all()
    assert (few.gap < 0.2).all()
    sizes = np.random.default_rng(1).integers(100, 1000, (5, 60))
    hard = ScipyMILPSolver(time_limit=1e-9).prepare(A_eq=sizes, b_eq=sizes.sum(axis=1) // 3, bounds=(0, 1))
    assert hard.solve(np.ones((1, 60))).status.tolist() == [SolveStatus.TIMEOUT]
    sizes = sizes[:, :20]
    none = ScipyMILPSolver(node_limit=1).prepare(A_eq=sizes, b_eq=sizes.sum(axis=1) // 3, bounds=(0, 1))
    assert none.solve(np.ones((1, 20))).status.tolist() == [SolveStatus.TIMEOUT]


def test_points_that_violate_constraints_are_not_called_optimal(monkeypatch):
    """scipy#24141: HiGHS may round its way out of the feasible set; such points are solved again, or refused."""
    matrix = [
        [0, 1, 1, 0, 1, 0, 0, 0],
        [0, 0, 1, 1, 1, 0, 1, 1],
        [1, 1, 1, 1, 1, 1, 0, 1],
        [0, 1, 0, 1, 1, 1, 0, 0],
        [0, 1, 0, 0, 1, 1, 0, 1],
        [0, 1, 1, 1, 0, 1, 1, 0],
    ]
    sides = [42, 252, 277, 41, 222, 48]
    for presolve in (True, False):
        result = ScipyMILPSolver(presolve=presolve).prepare(A_eq=matrix, b_eq=sides).solve(np.ones((1, 8)))
        if result.status.tolist() == [SolveStatus.OPTIMAL]:
            assert (matrix @ result.solutions[0] == sides).all()
        else:
            assert "the engine's point is no solution: row " in result.messages[0]
    prepared = ScipyMILPSolver(own_process=False).prepare(A_ub=[[1, 1]], b_ub=[1], bounds=(0, 1))
    answers = [np.array([1.0, 1.0]), np.array([1.0, 0.0])]
    tried = []

    def run(self, costs, rows, seconds):
        tried.append(self._options["presolve"])
        return OptimizeResult(x=answers[len(tried) - 1 if len(answers) > 1 else 0], status=0, mip_dual_bound=None)

    monkeypatch.setattr("imle_scipy.engine.ScipyEngine._run", run)
    result = prepared.solve(-np.ones((1, 2)))
    assert (result.solutions.tolist(), result.counters) == ([[1.0, 0.0]], {"rejected_points": 1})
    assert tried == [True, False]
    answers.pop()
    result = prepared.solve(-np.ones((1, 2)))
    assert result.status.tolist() == [SolveStatus.ERROR]
    assert result.messages == {0: "the engine's point is no solution: row 0 of A_ub is broken by 1"}
    assert result.counters == {"rejected_points": 3}


def test_a_gap_stops_early_within_it():
    instance, values = knapsack(25)
    exact = ScipyMILPSolver(sense="max").prepare(**instance).solve(values)
    near = ScipyMILPSolver(sense="max", gap=0.1).prepare(**instance).solve(values)
    assert (near.values >= 0.9 * exact.values).all()
    assert (near.values <= exact.values + 1e-9).all()


@pytest.mark.parametrize("scale", [2.0**-1000, 1e-12, 1e12, 2.0**1000])
def test_objectives_of_any_size(scale):
    prepared = ScipyMILPSolver(sense="max").prepare(A_ub=[[3, 4, 5, 6]], b_ub=[10], bounds=(0, 1))
    assert prepared.solve(np.array([[1.0, 2.0, 2.1, 3.9]]) * scale).solutions.tolist() == [[0, 1, 0, 1]]


def test_continuous_variables_and_bounds_of_all_kinds():
    for bounds in ([(0, 0.5), (0, 2)], Bounds([0, 0], [0.5, 2]), np.array([[0, 0.5], [0, 2.0]])):
        prepared = ScipyMILPSolver(sense="max").prepare(A_ub=[[1, 1]], b_ub=[2.25], bounds=bounds, integrality=[0, 1])
        np.testing.assert_allclose(prepared.solve(np.ones((1, 2))).solutions, [[0.25, 2.0]])
    free = ScipyMILPSolver().prepare(A_ub=[[-1.0]], b_ub=[2.5], bounds=(None, None))
    assert free.solve(np.ones((1, 1))).solutions.tolist() == [[-2.0]]


def test_right_sides_per_row():
    prepared = ScipyMILPSolver(sense="max").prepare(A_ub=[[3, 4, 5, 6]], A_eq=[[1, 1, 0, 0]], b_eq=[1], bounds=(0, 1))
    result = prepared.solve(np.ones((3, 4)), b_ub=[[10], [18], [-1]])
    assert result.status.tolist() == [0, 0, SolveStatus.INFEASIBLE]
    assert result.values[:2].tolist() == [2.0, 3.0]
    both = prepared.solve(np.ones((1, 4)), b_ub=[[20]], b_eq=[[2]])
    assert both.values.tolist() == [4.0]
    with pytest.raises(InstanceError, match="b_ub missing: A_ub has 1 rows"):
        prepared.solve(np.ones((1, 4)))
    with pytest.raises(
        InstanceError, match=r"b_ub: expected 1 numbers, one per row of A_ub, found shape \[2\]"
    ) as caught:
        prepared.solve(np.ones((2, 4)), b_ub=[[10], [10, 1]])
    assert caught.value.row == 1
    with pytest.raises(InstanceError, match="b_ub: expected one vector per row, 2 in all, found 1"):
        prepared.solve(np.ones((2, 4)), b_ub=[[10]])


@pytest.mark.parametrize(
    ("instance", "message"),
    [
        ({"b_ub": [1]}, "b_ub: expected A_ub beside it, found b_ub alone"),
        ({"A_ub": [1, 2]}, r"A_ub: expected a matrix \[rows, variables\], found shape \[2\]"),
        ({"A_ub": [["a"]]}, r"A_ub: expected numbers, found 'a' at \(0, 0\)"),
        ({"A_ub": [[np.nan]]}, r"A_ub: expected finite entries .*, found nan at \(0, 0\)"),
        ({"A_ub": [[1, 1e-13]]}, r"A_ub: expected finite entries .*, found 1e-13 at \(0, 1\)"),
        ({"A_ub": [[1]], "A_eq": [[1, 1]]}, "as many columns in A_ub as in A_eq, found 1 in A_ub and 2 in A_eq"),
        ({"A_ub": [[1]], "b_ub": [1, 2]}, r"b_ub: expected 1 numbers, one per row of A_ub, found shape \[2\]"),
        ({"A_ub": [[1]], "b_ub": [-np.inf]}, "b_ub: expected finite numbers .*, found -inf"),
        ({"bounds": [(0, 1), (2, 1)]}, r"bounds: expected lower <= upper, found \(2, 1\) for variable 1"),
        ({"bounds": [(0, 1, 2)]}, "bounds: expected a pair"),
        ({"bounds": [(0, 1)], "integrality": 2}, r"integrality: expected 0 \(continuous\) or 1 \(integer\), found 2"),
        ({"bounds": [(0, 1)], "integrality": [0, 1]}, "integrality: expected"),
    ],
)
def test_instances_that_are_refused(instance, message):
    with pytest.raises(InstanceError, match=message):
        ScipyMILPSolver().prepare(**instance)


@pytest.mark.parametrize(
    "options",
    [{"sense": "least"}, {"time_limit": 0}, {"gap": -1.0}, {"gap": np.inf}, {"node_limit": 0}, {"presolve": 2}],
)
def test_options_that_are_refused(options):
    with pytest.raises(OptionError, match=f"scipy-milp: {next(iter(options))}: expected"):
        ScipyMILPSolver(**options)


def test_the_rest_of_the_protocol(capfd):
    solver = ScipyMILPSolver(sense="max", time_limit=5.0)
    assert pickle.loads(pickle.dumps(solver)) == solver
    assert hash(solver) == hash(ScipyMILPSolver(sense="max", time_limit=5.0))
    prepared = solver.prepare(bounds=[(0, 1)])
    assert isinstance(prepared, PreparedSolver)
    assert prepared.solve(np.zeros((0, 1))).solutions.shape == (0, 1)
    with pytest.raises(ObjectiveError, match=r"expected objectives of shape \[N, 1\], found \[1, 2\]"):
        prepared.solve(np.zeros((1, 2)))
    prepared.close()
    prepared.close()
    assert prepared.solve(np.ones((1, 1))).solutions.tolist() == [[1.0]]
    assert capfd.readouterr() == ("", "")


OPEN_ENDED = {
    "A_ub": [[-4.0, 8.0, 2.0, 3.0, 6.0, 0.0], [0.0, 0.0, 2.0, 7.0, -3.0, 2.0]],
    "b_ub": [57.32, 27.0],
    "bounds": [(None, None), (None, 1.0), (None, None), (0.0, None), (0.0, None), (0.0, 1.0)],
    "integrality": [1, 0, 1, 1, 1, 0],
}


@pytest.mark.parametrize("presolve", [True, False])
def test_programs_without_bounds(presolve):
    """Found by `make fuzz SEED=2026`: after presolve, SciPy's HiGHS calls 216 optimal, with a bound of 229.28.

    The objective is four times the first row: no point has more than 4 * 57.32 = 229.28.
    """
    prepared = ScipyMILPSolver(sense="max", presolve=presolve).prepare(**OPEN_ENDED)
    result = prepared.solve(np.array([[-16.0, 32.0, 8.0, 12.0, 24.0, 0.0]]))
    assert result.status[0] in (SolveStatus.OPTIMAL, SolveStatus.FEASIBLE)
    assert result.values[0] == pytest.approx(229.28, rel=1e-9)


@pytest.mark.parametrize("presolve", [True, False])
def test_optimal_points_of_programs_without_bounds_are_challenged(presolve):
    """Found by `make fuzz SEED=9203`, case 805: SciPy's HiGHS says (0, 66, 0), in every way it is asked; (1, 47, 0) is
    better, and it finds that as soon as it is asked for something better."""
    rows = np.array([[2.2, 0.2, 8.9], [-4 / 3, -7 / 3, 8 / 3], [8.4, 0.43, -5.4], [-3 / 7, -11 / 7, 6 / 7]])
    right = np.array([17.8, -5.0, 28.62, -17 / 7])
    assert (rows @ [1, 47, 0] <= right).all()
    objective = np.array([[-33.6, -1.72, 21.6]])
    bounds = [(None, None), (None, None), (0, None)]
    result = ScipyMILPSolver(presolve=presolve).prepare(A_ub=rows, b_ub=right, bounds=bounds).solve(objective)
    assert result.values[0] == pytest.approx((objective @ [1, 47, 0]).item())
    ends = [(-10, 10), (-100, 100), (0, 100)]
    bounded = ScipyMILPSolver(presolve=presolve).prepare(A_ub=rows, b_ub=right, bounds=ends).solve(objective)
    assert bounded.values[0] == pytest.approx((objective @ [1, 47, 0]).item())


def test_duals_of_rows_with_two_ends_and_of_equations():
    """SciPy's linprog has rows with one end, and equations."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        matrix, inside = rng.normal(size=(4, 3)), rng.uniform(-1, 1, 3)
        program = from_matrices("test", A_ub=matrix, b_ub=np.zeros(4), bounds=(-2, 2), integrality=0)
        sums = matrix @ inside
        lower, upper = sums - [np.inf, 0, 0.1, 0.5], sums + np.array([0.2, 0, 0.3, 0.5])
        rows, costs = Rows(lower, upper, program.lower, program.upper), rng.normal(size=3)
        found = LinprogEngine(program).solve(costs, rows, None)
        assert found.status == SolveStatus.OPTIMAL
        assert Duals.proven(program, costs, rows, found.point, found.duals) is not None
