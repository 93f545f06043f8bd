"""MaxSAT against enumeration of all assignments: weights of any sign and size, both senses, both outputs."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imle.errors import InstanceError
from imle.solvers import SolveStatus
from imle_pysat.maxsat import MaxSATSolver

SENSES = pytest.mark.parametrize("sense", ["max", "min"])
STRATIFIED = pytest.mark.parametrize("stratified", [True, False])
EXAMPLES = settings(max_examples=150)
VARIABLES = 4

literals = st.integers(1, VARIABLES).flatmap(lambda v: st.sampled_from([v, -v]))
clauses = st.lists(st.lists(literals, min_size=1, max_size=3), max_size=4)
softs = st.lists(st.lists(literals, max_size=3), min_size=1, max_size=5)  # empty ones too
floats = st.integers(-3, 3).map(float) | st.floats(-1e6, 1e6)


def rows(size):
    return st.lists(st.lists(floats, min_size=size, max_size=size), min_size=1, max_size=3)


def satisfied(formula, assignment):
    return [any(assignment[abs(literal) - 1] == (literal > 0) for literal in clause) for clause in formula]


def models(hard, variables=VARIABLES):
    every = itertools.product([False, True], repeat=variables)
    return [assignment for assignment in every if all(satisfied(hard, assignment))]


def exact(weights, chosen):
    return sum((Fraction(weight) for weight, taken in zip(weights, chosen, strict=True) if taken), Fraction(0))


def proven(result):
    """Bounds; those of results that have none, where all rows are optimal, are the values."""
    return result.values if result.bound is None else result.bound


@STRATIFIED
@SENSES
@EXAMPLES
@given(hard=clauses, soft=softs, data=st.data())
def test_weights_of_clauses(stratified, sense, hard, soft, data):
    objective = data.draw(rows(len(soft)))
    feasible = {tuple(satisfied(soft, assignment)) for assignment in models(hard)}
    solver = MaxSATSolver(sense=sense, stratified=stratified)
    if not feasible:
        with pytest.raises(InstanceError, match="found a contradiction"):
            solver.prepare(hard=hard, soft=soft)
        return
    result = solver.prepare(hard=hard, soft=soft).solve(np.array(objective))
    assert result.status is None
    for weights, mask in zip(objective, result.solutions, strict=True):
        best = (max if sense == "max" else min)(exact(weights, chosen) for chosen in feasible)
        assert tuple(mask == 1) in feasible
        assert exact(weights, mask) == best  # to the last bit: nothing is rounded


@SENSES
@EXAMPLES
@given(hard=clauses, soft=softs, data=st.data())
def test_weights_of_variables_beside_fixed_soft_clauses(sense, hard, soft, data):
    fixed = data.draw(st.lists(floats, min_size=len(soft), max_size=len(soft)))
    hard = [*hard, [VARIABLES, -VARIABLES]]  # so that there are as many variables as counted here
    objective = data.draw(rows(VARIABLES))
    feasible = models(hard)
    solver = MaxSATSolver(weights="variables", sense=sense)
    if not feasible:
        return
    result = solver.prepare(hard=hard, soft=soft, soft_weights=fixed).solve(np.array(objective))
    for row, (weights, mask) in enumerate(zip(objective, result.solutions, strict=True)):
        total = {a: exact(weights, a) + exact(fixed, satisfied(soft, a)) for a in feasible}
        assert total[tuple(mask == 1)] == (max if sense == "max" else min)(total.values())
        assert result.values[row] == pytest.approx(float(total[tuple(mask == 1)]), rel=1e-9, abs=1e-6)
        assert proven(result)[row] == result.values[row]


@SENSES
@EXAMPLES
@given(hard=clauses, soft=softs, data=st.data())
def test_fixed_terms_are_the_weights_of_satisfied_soft_clauses(sense, hard, soft, data):
    fixed = data.draw(st.lists(floats, min_size=len(soft), max_size=len(soft)))
    hard = [*hard, [VARIABLES, -VARIABLES]]
    feasible = models(hard)
    if not feasible:
        return
    prepared = MaxSATSolver(weights="variables", sense=sense).prepare(hard=hard, soft=soft, soft_weights=fixed)
    terms = prepared.fixed_terms
    assert (terms is None) == prepared.homogeneous == (not any(fixed))
    if terms is None:
        return
    every = list(itertools.product([False, True], repeat=VARIABLES))
    found = terms(np.array(every, np.float64))
    for assignment, term in zip(every, found, strict=True):
        if assignment in feasible:
            assert term == pytest.approx(float(exact(fixed, satisfied(soft, assignment))), rel=1e-12, abs=1e-9)
        else:
            assert np.isnan(term)
    assert np.isnan(terms(np.array([[0.5] * VARIABLES]))).all()
    objective = np.array(data.draw(rows(VARIABLES)))
    result = prepared.solve(objective)
    expected = (objective * result.solutions).sum(axis=1) + terms(result.solutions)
    np.testing.assert_allclose(result.values, expected, rtol=1e-9, atol=1e-6)


def test_what_has_no_fixed_terms():
    for options, instance in (
        ({}, {"soft": [[1]]}),
        ({"weights": "variables"}, {"hard": [[1, 2]]}),
        ({"weights": "variables"}, {"soft": [[1, 2]], "soft_weights": [0]}),
    ):
        prepared = MaxSATSolver(**options).prepare(**instance)
        assert prepared.fixed_terms is None
        assert prepared.homogeneous
    assert not MaxSATSolver(scale=10.0).prepare(soft=[[1]]).homogeneous  # rounded: size matters


@SENSES
@EXAMPLES
@given(hard=clauses, soft=softs, scale=st.sampled_from([0.01, 0.3, 1, 7, 1000]), data=st.data())
def test_rounding_costs_no_more_than_the_gap_and_is_not_called_optimal(sense, hard, soft, scale, data):
    objective = data.draw(rows(len(soft)))
    feasible = {tuple(satisfied(soft, assignment)) for assignment in models(hard)}
    if not feasible:
        return
    prepared = MaxSATSolver(scale=scale, sense=sense).prepare(hard=hard, soft=soft)
    gaps = prepared.gap(np.array(objective))
    assert (gaps <= len(soft) * 0.5 / scale * (1 + 1e-12)).all()
    result = prepared.solve(np.array(objective))
    status = np.zeros(len(gaps), np.int8) if result.status is None else result.status
    for row, (weights, mask, gap) in enumerate(zip(objective, result.solutions, gaps, strict=True)):
        best = (max if sense == "max" else min)(exact(weights, chosen) for chosen in feasible)
        lost = abs(best - exact(weights, mask))
        assert lost <= Fraction(gap) * (1 + Fraction(1, 10**12))
        assert status[row] == (SolveStatus.FEASIBLE if gap else SolveStatus.OPTIMAL)
        limit = Fraction(proven(result)[row])
        if gap:
            assert best <= limit if sense == "max" else best >= limit


@SENSES
@EXAMPLES
@given(hard=clauses, soft=softs, scale=st.sampled_from([0.01, 0.3, 1, 7]), data=st.data())
def test_bounds_of_rounded_rows_include_fixed_terms(sense, hard, soft, scale, data):
    fixed = data.draw(st.lists(floats, min_size=len(soft), max_size=len(soft)))
    hard = [*hard, [VARIABLES, -VARIABLES]]
    feasible = models(hard)
    if not feasible:
        return
    objective = np.array(data.draw(rows(VARIABLES)))
    solver = MaxSATSolver(weights="variables", sense=sense, scale=scale)
    prepared = solver.prepare(hard=hard, soft=soft, soft_weights=fixed)
    result = prepared.solve(objective)
    for row, (weights, gap) in enumerate(zip(objective.tolist(), prepared.gap(objective), strict=True)):
        total = {a: exact(weights, a) + exact(fixed, satisfied(soft, a)) for a in feasible}
        own = total[tuple(result.solutions[row] == 1)]
        best, limit = (max if sense == "max" else min)(total.values()), Fraction(proven(result)[row])
        if gap:
            assert own <= best <= limit if sense == "max" else limit <= best <= own
            assert float(abs(limit - own)) == pytest.approx(gap, rel=1e-6, abs=1e-9)
        else:
            assert own == best


def test_exact_means_a_gap_of_zero():
    prepared = MaxSATSolver().prepare(hard=[[-1, -2, -3]], soft=[[1], [2], [3]])
    objective = np.array([[1e-300, 2e-300, 1e300], [0.1 + 0.2, 0.3, 1.0]])
    assert prepared.gap(objective).tolist() == [0.0, 0.0]
    assert prepared.solve(objective).solutions.tolist() == [[0, 1, 1], [1, 0, 1]]  # 0.1 + 0.2 > 0.3, by one bit
    coarse = MaxSATSolver(scale=10).prepare(hard=[[-1, -2, -3]], soft=[[1], [2], [3]])
    assert coarse.gap(objective)[1] == pytest.approx(0, abs=1e-15)
    assert coarse.gap(np.array([[0.12, 0.3, 1.0]]))[0] == pytest.approx(0.02)


@STRATIFIED
@pytest.mark.parametrize("limit", [None, 0.002, 0.02])
def test_larger_formulas_agree_with_an_integer_program(stratified, limit):
    """Without a time limit; with one, their bounds do."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    random = np.random.default_rng(0)

    def clause(size):
        return [
            int(v + 1) * int(s)
            for v, s in zip(random.choice(18, size, False), random.choice([-1, 1], size), strict=True)
        ]

    hard, soft = [clause(3) for _ in range(30)], [clause(2) for _ in range(30)]
    objective = random.normal(size=(6, 30))
    prepared = MaxSATSolver(stratified=stratified).prepare(hard=hard, soft=soft)
    prepared.solver = MaxSATSolver(stratified=stratified, time_limit=limit)  # a model is known, however short the time
    found = prepared.solve(objective)
    limits, lower, upper = [], [], []

    def add(literals, column=None, at_least=1.0, at_most=np.inf):
        row = np.zeros(48)
        for literal in literals:
            row[abs(literal) - 1] += np.sign(literal)
        negative = sum(literal < 0 for literal in literals)
        if column is not None:
            row[18 + column] = -1.0
        limits.append(row), lower.append(at_least - negative), upper.append(at_most - negative)

    for literals in hard:
        add(literals)
    for number, literals in enumerate(soft):  # selector <= sum of literals, and >= each of them
        add(literals, number, 0.0)
        for literal in literals:
            add([literal], number, -np.inf, 0.0)
    for row, weights in enumerate(objective):
        costs = np.concatenate([np.zeros(18), -weights])
        best = milp(costs, integrality=1, bounds=Bounds(0, 1), constraints=LinearConstraint(limits, lower, upper))
        assert found.values[row] - 1e-6 <= -best.fun <= proven(found)[row] + 1e-6
        assert proven(found)[row] < np.maximum(weights, 0.0).sum() + 1e-6  # what no model can gain
        if found.status is None or found.status[row] == SolveStatus.OPTIMAL:
            assert found.values[row] == pytest.approx(-best.fun, abs=1e-6)
        assert limit is not None or found.status is None
