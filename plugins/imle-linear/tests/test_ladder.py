"""Engines in turn, until an answer holds."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from imle.solvers import SolveStatus
from imle_highs.engines import LinearEngine
from imle_linear.engines import Outcome
from imle_linear.prepared import PreparedProgram, Setup
from imle_linear.program import from_matrices

OPTIMAL, FEASIBLE, INFEASIBLE = SolveStatus.OPTIMAL, SolveStatus.FEASIBLE, SolveStatus.INFEASIBLE
BUDGET = {"A_ub": [[2.0, 3.0, 4.0]], "b_ub": [6.0], "bounds": (0, 1)}
VALUES = np.array([[3.0, 4.0, 5.0], [1.0, -1.0, 0.5]])


class Careless:
    """Takes all that has a value, whatever the budget; says so with the status it is given."""

    def __init__(self, status):
        self.events = Counter()
        self.status = status

    def solve(self, costs, rows, seconds):
        self.events["careless"] += 1
        return Outcome(self.status, (costs < 0).astype(float), "stopped", bound=-1.0)


class Enumerating:
    """All points."""

    def __init__(self, program):
        self.events = Counter()
        points = np.array(list(itertools.product([0.0, 1.0], repeat=3)))
        self.points, self.sums = points, program.matrix.times(points)

    def solve(self, costs, rows, seconds):
        self.events["enumerated"] += 1
        kept = self.points[(self.sums <= rows[1]).all(axis=1)]
        return Outcome(SolveStatus.OPTIMAL, kept[(kept @ costs).argmin()])


def solve(*makers, values=VALUES, **setup):
    program = from_matrices("test", **BUDGET)
    first, *further = makers
    return PreparedProgram(program, Setup("test", "max", None, first, tuple(further), **setup)).solve(values)


def test_the_next_engine_is_asked_where_a_point_is_no_solution():
    result = solve(lambda _: Careless(SolveStatus.OPTIMAL), Enumerating)
    assert result.status.tolist() == [SolveStatus.OPTIMAL] * 2
    assert result.solutions.tolist() == [[1, 0, 1], [1, 0, 1]]
    assert result.counters == {"careless": 2, "rejected_points": 1, "enumerated": 1}  # the second row was right


def test_without_another_engine_the_row_has_failed():
    result = solve(lambda _: Careless(SolveStatus.OPTIMAL))
    assert result.status.tolist() == [SolveStatus.ERROR, SolveStatus.OPTIMAL]
    assert result.messages == {0: "the engine's point is no solution: row 0 of A_ub is broken by 3"}
    assert result.solutions[0].tolist() == [0, 0, 0]
    assert np.isnan(result.values[0])


def test_a_limit_with_a_point_that_is_no_solution():
    result = solve(lambda _: Careless(SolveStatus.FEASIBLE), Enumerating)
    assert result.status.tolist() == [SolveStatus.TIMEOUT, SolveStatus.FEASIBLE]
    assert result.messages[0].startswith("stopped; the engine's point is no solution: row 0 of A_ub")
    assert "enumerated" not in result.counters


@pytest.mark.parametrize("sense", ["min", "max"])
@pytest.mark.parametrize("scale", [2.0**-60, 3.0, 2.0**60])
def test_bounds_are_those_of_the_objective(sense, scale):
    """In its sense and at its scale, with the constant of the objective, and never on the wrong side of the value."""

    class Limited(Careless):
        def solve(self, costs, rows, seconds):
            point = np.array([0.0, 0.0, 1.0])
            return Outcome(SolveStatus.FEASIBLE, point, "stopped", bound=2.0 * float(costs @ point))

    program = replace(from_matrices("test", **BUDGET), offset=7.0)
    prepared = PreparedProgram(program, Setup("test", sense, None, lambda _: Limited(None)))
    sign = 1.0 if sense == "max" else -1.0
    result = prepared.solve(sign * scale * VALUES)
    np.testing.assert_allclose(result.values, 7 + sign * scale * VALUES[:, 2], rtol=1e-12)
    np.testing.assert_allclose(result.bound, 7 + 2 * sign * scale * VALUES[:, 2], rtol=1e-12)


@pytest.mark.parametrize("bounded", [False, True])
def test_where_duals_have_proven_an_optimum_nobody_looks_whether_costs_fall_for_ever(bounded):
    """That would be a linear program more for each row: x is free, and at least 1 by a row."""
    program = from_matrices("test", A_ub=[[-1.0]], b_ub=[-1.0], bounds=(None, None), integrality=0)
    asked = []

    class Proving(Careless):
        def solve(self, costs, rows, seconds):
            return Outcome(OPTIMAL, np.ones(1), bounded=bounded)

    def relaxation(cone):
        asked.append(cone)
        return LinearEngine(cone, {})

    prepared = PreparedProgram(program, Setup("test", "min", None, lambda _: Proving(OPTIMAL), relaxation=relaxation))
    assert prepared.solve(np.array([[2.0]])).values.tolist() == [2.0]
    assert bool(asked) != bounded


def test_claims_about_unbounded_programs():
    """The relaxation decides, where it is given."""

    class Unbounded(Careless):
        def solve(self, costs, rows, seconds):
            return Outcome(SolveStatus.UNBOUNDED, message="unbounded")

    def relaxation(program):
        return LinearEngine(program, {"threads": 1})

    result = solve(lambda _: Unbounded(None), Enumerating, relaxation=relaxation)
    assert result.status.tolist() == [SolveStatus.OPTIMAL] * 2
    alone = solve(lambda _: Unbounded(None), relaxation=relaxation)
    assert set(alone.messages.values()) == {"the engine calls unbounded what is not"}


DELICATE = {"A_ub": [[2e6, 3e6, 0.1]], "b_ub": [4e6], "bounds": (0, 1)}


class Saying:
    """Always the same."""

    def __init__(self, status, point=None, *, exact=False):
        self.events = Counter()
        self.answer = Outcome(status, None if point is None else np.array(point, float), exact=exact)

    def solve(self, costs, rows, seconds):
        self.events["asked"] += 1
        bound = float("nan") if self.answer.point is None else float(costs @ self.answer.point)
        return self.answer._replace(bound=bound)


@pytest.mark.parametrize(
    ("claim", "witness", "expected", "asked"),
    [
        (Saying(OPTIMAL, [0, 1, 1]), Saying(OPTIMAL, [0, 1, 1]), (OPTIMAL, [0, 1, 1]), 2),
        (Saying(OPTIMAL, [1, 0, 0]), Saying(OPTIMAL, [0, 1, 1]), (FEASIBLE, [0, 1, 1]), 2),
        (Saying(OPTIMAL, [0, 1, 1]), Saying(OPTIMAL, [1, 0, 0]), (FEASIBLE, [0, 1, 1]), 2),
        (Saying(OPTIMAL, [0, 1, 1]), Saying(INFEASIBLE), (FEASIBLE, [0, 1, 1]), 2),
        (Saying(OPTIMAL, [0, 1, 1]), Saying(SolveStatus.TIMEOUT), (FEASIBLE, [0, 1, 1]), 2),
        (Saying(OPTIMAL, [0, 1, 1]), Saying(OPTIMAL, [1, 1, 1]), (FEASIBLE, [0, 1, 1]), 2),  # breaks the row
        (Saying(OPTIMAL, [0, 1, 1], exact=True), Saying(OPTIMAL, [1, 0, 0]), (OPTIMAL, [0, 1, 1]), 1),
        (Saying(INFEASIBLE), Saying(OPTIMAL, [1, 0, 0]), (FEASIBLE, [1, 0, 0]), 2),
        (Saying(INFEASIBLE), Saying(INFEASIBLE), (INFEASIBLE, [0, 0, 0]), 2),
        (Saying(FEASIBLE, [1, 0, 0]), Saying(OPTIMAL, [0, 1, 1]), (FEASIBLE, [1, 0, 0]), 1),
    ],
)
def test_a_witness_of_delicate_programs(claim, witness, expected, asked):
    program = from_matrices("test", **DELICATE)
    for engine in (claim, witness):
        engine.events.clear()
    setup = Setup("test", "max", None, lambda _: claim, witness=lambda _: witness)
    result = PreparedProgram(program, setup).solve(VALUES[:1])
    status, point = expected
    assert result.status.tolist() == [status]
    assert result.solutions.tolist() == [point]
    assert result.counters["asked"] == asked
    assert result.counters.get("unconfirmed", 0) == (status == FEASIBLE and asked == 2)
    if status == FEASIBLE:
        assert result.bound is None  # no engine's word is enough


@pytest.mark.parametrize(("size", "integrality"), [(2.0, 0), (2e6, 1)])
@pytest.mark.parametrize(("right", "status"), [(2e6, SolveStatus.ERROR), (-1.0, INFEASIBLE)])
def test_an_endless_search_in_vain(size, integrality, right, status):
    """That no x >= 0 satisfies 2 x <= 2e6 is wrong; that none satisfies 2 x <= -1 the relaxation says too."""
    program = from_matrices("test", A_ub=[[size]], b_ub=[right], bounds=(0, None), integrality=integrality)

    def engine(_):
        return Saying(INFEASIBLE)

    def relaxation(program):
        return LinearEngine(program, {"threads": 1})

    setup = Setup("test", "max", None, engine, relaxation=relaxation, witness=lambda program: engine(program))
    result = PreparedProgram(program, setup).solve(np.array([[1.0]]))
    assert result.status.tolist() == [status]
    assert ("have no bounds" in result.messages.get(0, "")) == (status == SolveStatus.ERROR)


def test_an_engine_is_not_its_own_witness():
    program, engine = from_matrices("test", **DELICATE), lambda _: Saying(OPTIMAL, [0, 1, 1])
    result = PreparedProgram(program, Setup("test", "max", None, engine, witness=engine)).solve(VALUES[:1])
    assert result.status.tolist() == [FEASIBLE]


def test_objectives_that_are_not_finite():
    values = np.array([[np.inf, 1.0, 1.0], [1.0, np.nan, 0.0], [3.0, 4.0, 5.0]])
    result = solve(Enumerating, values=values)
    assert result.status.tolist() == [SolveStatus.ERROR, SolveStatus.ERROR, SolveStatus.OPTIMAL]
    assert result.messages == {0: "the objective is inf at position 0", 1: "the objective is nan at position 1"}


@pytest.mark.parametrize(
    ("row", "right", "claim", "status", "point"),
    [
        ([1000.0, 1.0], 5000.0, [2 + 1e-6, 2999.999], OPTIMAL, [2, 3000]),  # the rest of the row lay about
        ([1000.0, -1.0], 0.5, [1e-6, 0.0], OPTIMAL, [0, 0]),  # whole, and as good as before
        ([-1000.0, 1.0], 0.0, [1e-6, 1e-3], SolveStatus.ERROR, None),  # y <= 1000 x: rounded, much worse
    ],
)
def test_continuous_variables_are_solved_for_again(row, right, claim, status, point):
    """Costs are -(x + 1000 y): what 1e-6 of an item makes room for is not forgotten when the item is rounded."""
    program = from_matrices("test", A_ub=[row], b_ub=[right], bounds=[(0, 2), (0, 5000)], integrality=[1, 0])

    def relaxation(program):
        return LinearEngine(program, {"threads": 1})

    class Nearly(Saying):
        def solve(self, costs, rows, seconds):
            return self.answer

    setup = Setup("test", "max", None, lambda _: Nearly(OPTIMAL, claim), relaxation=relaxation)
    objective = np.array([[1.0, 1000.0 if status == SolveStatus.ERROR else point[1] and 1.0]])
    result = PreparedProgram(program, setup).solve(objective)
    assert result.status.tolist() == [status]
    assert result.counters == {"polished_points": 1}
    if point is None:
        assert result.messages == {0: "the engine's optimum is none with whole numbers: they were only nearly whole"}
    else:
        assert result.solutions.tolist() == [point]


def test_what_two_runs_share_may_still_be_doubted():
    program, engine = from_matrices("test", **DELICATE), Saying(OPTIMAL, [0, 1, 1])
    setup = Setup("test", "max", None, lambda _: engine, witness=lambda _: engine, doubted="it is often wrong")
    result = PreparedProgram(program, setup).solve(VALUES[:1])
    assert result.status.tolist() == [FEASIBLE]
    assert result.messages == {0: "it is often wrong"}
    assert result.solutions.tolist() == [[0, 1, 1]]
    assert result.bound is None
