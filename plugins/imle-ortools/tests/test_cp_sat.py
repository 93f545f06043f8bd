"""CP-SAT models: against enumeration, and everything a solve may run into."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ortools.sat.python import cp_model

from imle.errors import ObjectiveError
from imle.solvers import SolveStatus
from imle_ortools.cp_sat import CPSATSolver

entry = st.one_of(st.integers(-3, 3).map(float), st.floats(-2, 2))


@st.composite
def problems(draw):
    """A model of two Booleans and two integers with random constraints, and all its solutions."""
    model = cp_model.CpModel()
    low, high = draw(st.sampled_from([(0, 2), (-2, 1), (1, 1)]))
    x = [model.new_bool_var("a"), model.new_bool_var("b"), model.new_int_var(low, high, "y")]
    x.append(model.new_int_var_from_domain(cp_model.Domain.from_values([-3, 0, 4]), "z"))
    every = list(itertools.product((0, 1), (0, 1), range(low, high + 1), (-3, 0, 4)))
    for _ in range(draw(st.integers(0, 3))):
        weights, bound = draw(st.lists(st.integers(-2, 2), min_size=4, max_size=4)), draw(st.integers(-2, 5))
        model.add(sum(w * v for w, v in zip(weights, x, strict=True)) <= bound)
        every = [s for s in every if sum(w * v for w, v in zip(weights, s, strict=True)) <= bound]
    return model, x, np.array(every, float).reshape(-1, 4)


@pytest.mark.slow
@settings(max_examples=300)
@given(problems(), st.sampled_from(["max", "min"]), st.data())
def test_matches_enumeration(problem, sense, data):
    model, x, every = problem
    kinds = data.draw(st.lists(st.integers(0, 5), min_size=1, max_size=4), label="learned")
    fixed = np.array(data.draw(st.lists(entry, min_size=4, max_size=4), label="fixed"))
    objective = sum(c * v for c, v in zip(fixed.tolist(), x, strict=True)) + 0.5
    (model.maximize if sense == "max" else model.minimize)(objective)
    readings = [*x, ~x[0], ~x[1]]  # negated literals count as learned variables
    columns = np.concatenate([every, 1 - every[:, :2]], axis=1)[:, kinds]
    left = fixed * [k not in kinds and not (k < 2 and k + 4 in kinds) for k in range(4)]
    rows = data.draw(st.lists(st.lists(entry, min_size=len(kinds), max_size=len(kinds)), min_size=1, max_size=3))
    objectives = np.array(rows)
    solver = CPSATSolver(sense=sense).prepare(model=model, variables=[readings[k] for k in kinds])
    result = solver.solve(objectives)
    if not len(every):
        assert result.status.tolist() == [SolveStatus.INFEASIBLE] * len(rows)
        return
    assert result.status is None
    for row, gap, value, solution in zip(
        objectives, solver.gap(objectives), result.values, result.solutions, strict=True
    ):
        totals = columns @ row + every @ left + 0.5
        best = totals.max() if sense == "max" else totals.min()
        assert value == pytest.approx(best, abs=gap + 1e-12)
        reached = np.isclose(totals, value, rtol=0, atol=1e-12) & (columns == solution).all(axis=1)
        assert reached.any(), "no solution of the model has these values"


def choose(n=6, k=2):
    model = cp_model.CpModel()
    x = [model.new_bool_var(f"x{i}") for i in range(n)]
    model.add(sum(x) == k)
    return model, x


def test_the_shape_of_the_variables_is_the_shape_of_the_objective():
    model, x = choose()
    solver = CPSATSolver().prepare(model=model, variables=np.array(x).reshape(2, 1, 3))
    assert solver.objective_shape == (2, 1, 3)
    result = solver.solve(np.arange(12.0).reshape(2, 2, 1, 3))
    assert result.solutions.tolist() == [[[[0, 0, 0]], [[0, 1, 1]]]] * 2
    assert result.values.tolist() == [9, 21]


def test_labels_are_the_names_of_variables_and_literals():
    model = cp_model.CpModel()
    x, y, nameless = model.new_bool_var("x"), model.new_int_var(0, 3, "y"), model.new_bool_var("")
    assert CPSATSolver().prepare(model=model, variables=[[y, x], [x.negated(), y]]).labels == ["y", "x", "not(x)", "y"]
    assert CPSATSolver().prepare(model=model, variables=[x, nameless]).labels is None


def test_a_variable_may_occur_twice_and_constants_fill_places():
    model, x = choose(3, 1)
    variables = [[x[0], x[0]], [x[1], model.new_constant(0)]]
    solver = CPSATSolver().prepare(model=model, variables=variables)
    rows = np.array([[[1.0, 1.0], [1.5, 1e300]]])  # a constant's coefficient must not coarsen the others
    assert solver.solve(rows).solutions.tolist() == [[[1, 1], [0, 0]]]
    assert solver.gap(rows).tolist() == [0]


def test_pandas_series_of_variables():
    model = cp_model.CpModel()
    pandas = pytest.importorskip("pandas")
    x = model.new_bool_var_series("x", pandas.Index(list("abc")))
    model.add(sum(x) == 1)
    result = CPSATSolver().prepare(model=model, variables=x).solve(np.array([[0.0, 2.0, 1.0]]))
    assert result.solutions.tolist() == [[0, 1, 0]]


def test_integer_objectives_of_the_model_stay_for_variables_not_learned():
    model, x = choose(3, 2)
    model.maximize(5 * x[2] + 100 * x[0] + 7)  # the coefficient of x[0] is learned, so 100 does not count
    result = CPSATSolver().prepare(model=model, variables=x[:2]).solve(np.array([[1.0, 2.0], [9.0, 8.0]]))
    assert result.solutions.tolist() == [[0, 1], [1, 1]]
    assert result.values.tolist() == [14, 24]


def test_the_model_is_not_changed_and_later_changes_are_not_seen():
    model, x = choose()
    model.maximize(x[0])
    before = str(model.proto)
    solver = CPSATSolver().prepare(model=model, variables=x[1:])
    solver.solve(np.ones((3, 5)))
    assert str(model.proto) == before
    model.add(x[1] == 0)
    assert solver.solve(np.array([[9.0, 0, 0, 0, 0]])).solutions[0, 0] == 1


def test_a_bad_row_does_not_disturb_the_others():
    model, x = choose()
    rows = np.arange(24.0).reshape(4, 6)
    rows[1, 3] = np.nan
    rows[2, 0] = -np.inf
    solver = CPSATSolver().prepare(model=model, variables=x)
    result = solver.solve(rows)
    assert result.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.ERROR, SolveStatus.ERROR, SolveStatus.OPTIMAL]
    assert result.messages == {
        1: "the objective is nan at position 3",
        2: "the objective is -inf at position 0",
    }
    assert result.solutions[[0, 3]].tolist() == [[0, 0, 0, 0, 1, 1]] * 2
    assert np.isnan(solver.gap(rows)).tolist() == [False, True, True, False]


def test_coefficients_too_large_are_a_row_of_their_own():
    model, x = choose()
    result = CPSATSolver(scale=1e6).prepare(model=model, variables=x).solve(np.array([[1e30] * 6, [1.0] * 6]))
    assert result.status.tolist() == [SolveStatus.ERROR, SolveStatus.OPTIMAL]
    assert result.messages == {0: 'scale=1000000.0 makes the objective overflow; scale="auto" takes one that fits'}
    twice = CPSATSolver().prepare(model=model, variables=[x[0], x[0]]).solve(np.array([[1.7e308] * 2]))
    assert twice.messages == {0: "coefficients of one variable add up to infinity"}


@pytest.mark.parametrize("size", [1e-270, 1e-30, 1.0, 1e30, 1e300])
def test_any_magnitude_is_solved(size):
    model, x = choose()
    rows = np.random.default_rng(0).normal(size=(5, 6)) * size
    solver = CPSATSolver().prepare(model=model, variables=x)
    wanted = np.zeros((5, 6))
    np.put_along_axis(wanted, np.argsort(-rows, axis=1)[:, :2], 1.0, axis=1)
    result = solver.solve(rows)
    assert result.status is None
    assert result.solutions.tolist() == wanted.tolist()
    assert (solver.gap(rows) <= 1e-13 * np.abs(rows).sum(axis=1)).all()


def test_huge_domains_do_not_overflow():
    model = cp_model.CpModel()
    y = [model.new_int_var(-(2**58), 2**58, f"y{i}") for i in range(3)]
    model.add(y[0] - y[1] <= 3)
    model.add(y[1] == 5)
    model.add(y[2] == 2**40)
    solver = CPSATSolver().prepare(model=model, variables=y)
    result = solver.solve(np.array([[1.0, 1.0, 1e-9], [1e9, 1.0, 1.0]]))
    assert result.status is None or set(result.messages) == set(np.flatnonzero(result.status))
    assert (solver.gap(np.full((1, 3), 0.3)) > 0).all()  # such domains leave too few bits: the gap says so


def test_the_gap_is_a_true_bound_and_tight_enough():
    rng = np.random.default_rng(0)
    model = cp_model.CpModel()
    y = [model.new_int_var(0, 3, f"y{i}") for i in range(4)]
    model.add(sum(y) <= 5)
    every = np.array([s for s in itertools.product(range(4), repeat=4) if sum(s) <= 5], float)
    rows = rng.normal(size=(60, 4))
    solver = CPSATSolver(scale=2.0).prepare(model=model, variables=y)
    result, gap = solver.solve(rows), solver.gap(rows)
    lost = (rows @ every.T).max(axis=1) - result.values
    assert (lost <= gap + 1e-12).all()
    assert lost.max() > 0, "so coarse a scale should cost something"
    assert (gap <= 4 * 3 * 0.5 / 2.0).all()
    assert not solver.gap(np.round(rows * 2) / 2).any()


def hard():
    """Market split: feasible only by luck, hard to prove."""
    rng = np.random.default_rng(3)
    model = cp_model.CpModel()
    x = [model.new_bool_var(f"x{i}") for i in range(60)]
    for weights in rng.integers(0, 100, size=(7, 60)).tolist():
        slack = model.new_int_var(0, 10_000, "")
        model.add(sum(w * v for w, v in zip(weights, x, strict=True)) + slack == sum(weights) // 2)
    return model, x


def test_a_time_limit_keeps_the_incumbent():
    model, x = hard()
    solver = CPSATSolver(time_limit=0.3).prepare(model=model, variables=x)
    result = solver.solve(np.random.default_rng(0).uniform(1, 2, size=(1, 60)))
    assert result.status.tolist() == [SolveStatus.FEASIBLE]
    assert result.solutions.sum() > 0


def test_a_time_limit_without_incumbent_is_a_timeout():
    model, x = hard()
    for weights in np.random.default_rng(4).integers(1, 10**6, size=(3, 60)).tolist():
        model.add(sum(w * v for w, v in zip(weights, x, strict=True)) == sum(weights) // 3)
    result = CPSATSolver(time_limit=0.05).prepare(model=model, variables=x).solve(np.ones((1, 60)))
    assert result.status.tolist() == [SolveStatus.TIMEOUT]
    assert np.isnan(result.values).all()


def test_rows_are_the_same_alone_together_and_in_any_order():
    model, x = choose(8, 4)
    rows = np.random.default_rng(0).integers(-1, 2, size=(12, 8)).astype(float)  # ties everywhere
    solver = CPSATSolver().prepare(model=model, variables=x)
    together = solver.solve(rows).solutions
    order = np.random.default_rng(1).permutation(12)
    assert np.array_equal(solver.solve(rows[order]).solutions, together[order])
    assert np.array_equal(np.concatenate([solver.solve(row[None]).solutions for row in rows]), together)


def test_threads_share_a_prepared_solver():
    model, x = choose(8, 4)
    rows = np.random.default_rng(0).normal(size=(4, 10, 8))
    solver = CPSATSolver().prepare(model=model, variables=x)
    alone = [solver.solve(part).solutions for part in rows]
    found = {}
    threads = [
        threading.Thread(target=lambda k=k: found.update({k: solver.solve(rows[k]).solutions})) for k in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(found[k], alone[k]) for k in range(4))


def test_default_options_prove_a_cover_that_ortools_defaults_do_not():
    rng = np.random.default_rng(0)
    model = cp_model.CpModel()
    x = [model.new_bool_var("") for _ in range(400)]
    for _ in range(200):
        model.add_at_least_one([x[i] for i in rng.choice(400, 4, replace=False)])
    result = CPSATSolver(sense="min", time_limit=10).prepare(model=model, variables=x).solve(rng.random((1, 400)))
    assert result.status is None


def test_closing_twice_and_solving_again():
    model, x = choose()
    solver = CPSATSolver().prepare(model=model, variables=x)
    solver.close()
    solver.close()
    assert solver.solve(np.zeros((0, 6))).solutions.shape == (0, 6)
    assert solver.solve(np.zeros((1, 6))).solutions.sum() == 2


def test_wrong_shapes():
    model, x = choose()
    solver = CPSATSolver().prepare(model=model, variables=x)
    with pytest.raises(ObjectiveError) as caught:
        solver.solve(np.zeros((2, 5)))
    assert str(caught.value) == "ortools-cp-sat: expected objectives of shape [N, 6], found [2, 5]"
    with pytest.raises(ObjectiveError):
        solver.gap(np.zeros((2, 5)))


@pytest.mark.parametrize("workers", [2, 4])
def test_more_workers_find_the_same_values(workers):
    model = cp_model.CpModel()
    x = [model.new_bool_var(f"x{i}") for i in range(12)]
    model.add(sum(w * v for w, v in zip([3, 5, 7, 2, 8, 4, 6, 9, 5, 3, 7, 4], x, strict=True)) <= 25)
    scores = np.random.default_rng(0).normal(size=(4, 12))
    one = CPSATSolver().prepare(model, x).solve(scores)
    more = CPSATSolver(workers=workers).prepare(model, x).solve(scores)
    np.testing.assert_allclose(more.values, one.values)
