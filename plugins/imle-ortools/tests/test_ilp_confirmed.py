"""SCIP and CBC: what they say is checked, and called proven only where another engine proves it."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

from imle.errors import OptionError
from imle.solvers import SolveStatus
from imle_highs.engines import IntegerEngine
from imle_linear import apart
from imle_linear.program import from_matrices
from imle_ortools.ilp import backends, solver
from imle_ortools.ilp.auto import Settings, auto_engine
from imle_ortools.ilp.confirmed import ConfirmedEngine, CrossCheckedEngine
from imle_ortools.ilp.mp import Bundled
from imle_ortools.ilp.solver import ILPSolver

OPTIMAL, FEASIBLE, INFEASIBLE, UNBOUNDED, TIMEOUT = list(SolveStatus)[:5]


@pytest.mark.parametrize("backend", ["scip", "cbc"])
def test_programs_on_which_one_of_them_is_wrong(backend):
    """CBC says -23 and SCIP -70; the values here are those of exact rational branch and bound."""
    first = ILPSolver(backend=backend).prepare(
        A_ub=[[0, 90], [60, -70]], b_ub=[0, 330], bounds=[(-4, 1), (-5, 4)], integrality=[0, 1]
    )
    second = ILPSolver(backend=backend).prepare(
        A_ub=[[2, 9, -1, -4], [2, 7, 0, 0]],
        b_ub=[54, 27],
        A_eq=[[-3, -2, 3, -5]],
        b_eq=[16],
        bounds=[(-5, 13), (0, 19), (-4, 13), (-4, -3)],
        integrality=[1, 0, 1, 1],
    )
    results = first.solve(np.array([[-8.0, 5.0]])), second.solve(np.array([[-7.0, -3.0, 0.0, -1.0]]))
    assert [result.status.tolist() for result in results] == [[OPTIMAL], [OPTIMAL]]
    np.testing.assert_allclose([result.values[0] for result in results], [-80 / 3, -74.5])
    assert sum(result.counters.get("disagreements", 0) for result in results) == 1


COSTS = np.array([-3.0, -4.0, -5.0, -6.5])
SIZES = [[2, 3, 4, 5]]
TRUE = from_matrices("test", A_ub=SIZES, b_ub=[7], bounds=(0, 1), integrality=1)
NARROW = from_matrices("test", A_ub=SIZES, b_ub=[4], bounds=(0, 1), integrality=1)
WIDE = from_matrices("test", A_ub=SIZES, b_ub=[9], bounds=(0, 1), integrality=1)
EMPTY = from_matrices("test", A_eq=SIZES, b_eq=[1], bounds=(0, 1), integrality=1)
FREE = from_matrices("test", bounds=[(0, None)] * 4, integrality=1)
SETTINGS = Settings(0.0, 1, 0)


class Of:
    """An engine that answers for its own program, whatever right sides it is asked about: sure of itself, and wrong."""

    def __init__(self, program):
        self._own = program.rows
        self._engine = IntegerEngine(program, {}, "default")

    @property
    def events(self):
        return self._engine.events

    def solve(self, costs, rows, seconds):
        return self._engine.solve(costs, self._own, seconds)


def confirmed(first, second, seconds=None):
    engine = ConfirmedEngine(Of(first), second, TRUE, ("the first", "the second"), SETTINGS.relaxation)
    outcome = engine.solve(COSTS, TRUE.rows, seconds)
    return outcome, engine.events["disagreements"], engine.events["rejected_points"]


@pytest.mark.parametrize(
    ("first", "disagreements", "rejected"),
    [(TRUE, 0, 0), (NARROW, 1, 0), (WIDE, 0, 1), (EMPTY, 1, 0), (FREE, 1, 0)],
)
def test_whatever_the_first_says_the_answer_is_the_proven_one(first, disagreements, rejected):
    outcome, *counts = confirmed(first, auto_engine(TRUE, SETTINGS))
    assert outcome.status == OPTIMAL
    assert outcome.point.tolist() == [1, 0, 0, 1]
    assert counts == [disagreements, rejected]


def test_a_solution_that_refutes_the_proof_is_not_lost():
    for second in (NARROW, EMPTY):
        outcome, disagreements, _ = confirmed(TRUE, Of(second))
        assert outcome.status == FEASIBLE
        assert outcome.point.tolist() == [1, 0, 0, 1]
        assert disagreements == 1
        assert np.isnan(outcome.bound)


def hard(rows=6, n=24):
    """Dense knapsacks: the larger ones are beyond what is spent on confirming."""
    rng = np.random.default_rng(0)
    weights = rng.integers(100, 1000, (rows, n)).astype(float)
    return {"A_ub": weights, "b_ub": np.floor(weights.sum(axis=1) / 2), "bounds": (0, 1)}, rng.uniform(0.9, 1.1, (1, n))


def test_what_cannot_be_confirmed_in_time_is_feasible_with_a_bound():
    instance, values = hard(20, 100)
    program = from_matrices("test", **instance, integrality=1)
    second = auto_engine(program, SETTINGS)
    few = from_matrices("test", A_ub=instance["A_ub"][:1], b_ub=[1000], bounds=(0, 1), integrality=1)
    rows = program.rows
    for first in (few, without_a_point(few)):
        outcome = ConfirmedEngine(Of(first), second, program, ("the first", "the second"), SETTINGS.relaxation).solve(
            -values[0], rows, None
        )
        assert outcome.status == FEASIBLE
        said = "optimal" if first is few else "infeasible"
        assert outcome.message == f"the first says {said}, which could not be confirmed in time"
        assert (instance["A_ub"] @ outcome.point <= instance["b_ub"]).all()
        assert outcome.bound <= -values[0] @ outcome.point


def without_a_point(program):
    """The same variables, without a point."""
    n = len(program.costs)
    return from_matrices("test", A_eq=np.ones((1, n)), b_eq=[0.5], bounds=(0, 1), integrality=1)


def test_a_process_that_is_killed_costs_its_row_nothing_but_time():
    instance, values = hard()
    prepared = ILPSolver(sense="max", backend="cbc").prepare(**instance)
    expected = ILPSolver(sense="max", backend="highs").prepare(**instance).solve(values)
    prepared.solve(np.zeros_like(values))  # the process has started
    (process,) = apart._idle[os.getpid()][-1:]
    (pid,) = process.pids
    threading.Timer(0.05, os.kill, (pid, signal.SIGKILL)).start()
    for _ in range(3):
        result = prepared.solve(values)
        assert result.values == pytest.approx(expected.values)
        assert result.status.tolist() == [OPTIMAL]


def test_processes_are_shared_and_keep_the_models_they_were_asked_about_last():
    programs = [from_matrices("test", A_ub=SIZES, b_ub=[b], bounds=(0, 1), integrality=1) for b in range(2, 13)]
    engines = [Bundled("cbc", 0.0, 1, 0).apart(program) for program in programs]
    for _ in range(2):
        for engine, program in zip(engines, programs, strict=True):
            outcome = engine.solve(COSTS, program.rows, None)
            best = min(float(COSTS @ x) for x in np.ndindex(2, 2, 2, 2) if np.dot(SIZES[0], x) <= program.row_upper[0])
            assert COSTS @ outcome.point == pytest.approx(best)
    assert len(apart._idle[os.getpid()]) == 1
    assert len(apart._idle[os.getpid()][0].pids) == 1


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (TRUE, NARROW, "first says optimal -9.5, second says optimal -5"),
        (TRUE, WIDE, None),  # its point is no solution: no word against the other
        (TRUE, EMPTY, "first says optimal -9.5, second says infeasible"),
        (TRUE, FREE, "first says optimal -9.5, second says unbounded"),
        (EMPTY, TRUE, "first says infeasible, second says optimal -9.5"),
        (EMPTY, EMPTY, None),
        (FREE, FREE, None),
    ],
)
def test_cross_checks_quote_both_where_they_contradict_each_other(first, second, said):
    engine = CrossCheckedEngine(Of(first), Of(second), TRUE, ("first", "second"), SETTINGS.relaxation)
    outcome = engine.solve(COSTS, TRUE.rows, None)
    if said is None:
        alone = Of(first).solve(COSTS, None, None)
        assert outcome.status == alone.status
        assert engine.events["disagreements"] == 0
    else:
        assert outcome.status == SolveStatus.ERROR
        assert outcome.message == f"cross-check: {said} (of scaled costs)"
        assert engine.events["disagreements"] == 1


@pytest.mark.parametrize(
    ("backend", "cross_check", "second"),
    [("auto", True, "cp_sat"), ("highs", "scip", "scip"), ("cbc", True, "branch_and_bound"), ("cp-sat", "cbc", "cbc")],
)
def test_cross_check_asks_a_second_engine(backend, cross_check, second):
    rng = np.random.default_rng(0)
    instance = {"A_ub": rng.integers(1, 9, (2, 5)), "b_ub": [11, 12], "A_eq": [[1, 2, 1, 2, 1]], "b_eq": [4]}
    costs = rng.normal(size=(4, 5))
    plain = ILPSolver(backend=backend).prepare(**instance, bounds=(0, 2)).solve(costs)
    both = ILPSolver(backend=backend, cross_check=cross_check).prepare(**instance, bounds=(0, 2)).solve(costs)
    np.testing.assert_allclose(both.values, plain.values)
    assert not both.status.any(), both.messages
    assert both.counters[second] >= plain.counters.get(second, 0) + 1


def test_cross_check_names():
    for wrong in ("cbc", "gurobi"):
        with pytest.raises(OptionError, match="expected a bool or one of auto, highs, cp-sat, scip, found"):
            ILPSolver(backend="cbc", cross_check=wrong)


@pytest.mark.parametrize(
    ("backend", "options", "message"),
    [
        ("auto", {"mip_feasibility_tolerence": 1e-9}, "no option 'mip_feasibility_tolerence'; did you mean 'mip_feas"),
        ("highs", {"mip_feasibility_tolerance": "low"}, "expected a float that HiGHS takes"),
        ("cp-sat", {"cp_model_presolv": False}, "no option 'cp_model_presolv'; did you mean 'cp_model_presolve'?"),
        ("cp-sat", {"cp_model_presolve": "sometimes"}, "expected a bool for 'cp_model_presolve', found 'sometimes'"),
        ("cp-sat", {"num_workers": 8}, "'num_workers' cannot be passed to the engine\n  hint: give threads=..."),
        ("scip", {"numerics/feastoll": 1e-9}, "expected parameters of SCIP, found 'numerics/feastoll': 1e-09"),
        ("scip", {"limits/gap": 0.1}, "'limits/gap' cannot be passed to the engine\n  hint: give gap=..."),
        ("scip", 3, "expected a dict of the engine's own options, found 3"),
        ("cbc", {"ratioGap": 0.1}, "OR-Tools passes none to CBC, found {'ratioGap': 0.1}"),
    ],
)
def test_options_that_engines_do_not_have(backend, options, message):
    with pytest.raises(OptionError) as caught:
        ILPSolver(backend=backend, options=options)
    assert message in str(caught.value)


@pytest.mark.parametrize("limit", [float("inf"), 1e12])
@pytest.mark.parametrize("backend", ["auto", "highs", "cp-sat", "scip", "cbc"])
def test_limits_that_are_none(backend, limit):
    prepared = ILPSolver(backend=backend, time_limit=limit).prepare(A_ub=SIZES, b_ub=[7], bounds=(0, 1))
    assert prepared.solve(COSTS[None]).solutions.tolist() == [[1, 0, 0, 1]]


@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("auto", {"mip_feasibility_tolerance": 1e-9}),
        ("highs", {"mip_feasibility_tolerance": 1e-9}),
        ("cp-sat", {"cp_model_presolve": False}),
        ("scip", {"numerics/feastol": 1e-9, "presolving/maxrounds": 0}),
    ],
)
def test_options_of_the_engines(backend, options):
    solver = ILPSolver(backend=backend, options=options, sense="max")
    assert hash(solver) == hash(ILPSolver(backend=backend, options=options, sense="max"))
    result = solver.prepare(A_ub=SIZES, b_ub=[7], bounds=(0, 1)).solve(-COSTS[None])
    assert result.solutions.tolist() == [[1, 0, 0, 1]]


@pytest.mark.parametrize("backend", ["scip", "cbc"])
def test_a_search_that_does_not_look_at_the_clock_is_ended(backend, monkeypatch):
    rng = np.random.default_rng(0)
    equations = rng.integers(0, 100, (5, 40))  # market split: no search settles it in any time
    program = from_matrices("test", A_eq=equations, b_eq=equations.sum(axis=1) // 2, bounds=(0, 1), integrality=1)
    engine, rows = Bundled(backend, 0.0, 1, 0).apart(program), program.rows
    engine.solve(np.ones(40), rows, 0.01)  # the process has started
    ended = apart._idle[os.getpid()][-1].restarts
    monkeypatch.setattr(apart, "_LONGER", 0.0)
    outcome = engine.solve(np.ones(40), rows, 600.0)
    assert (outcome.status, outcome.message) == (TIMEOUT, "stopped at the time limit without a feasible point")
    assert apart._idle[os.getpid()][-1].restarts == ended + 1
    monkeypatch.undo()
    again = Bundled(backend, 0.0, 1, 0).apart(TRUE).solve(COSTS, TRUE.rows, 60.0)
    assert again.point.tolist() == [1, 0, 0, 1]


def test_parameters_of_scip_reach_it(monkeypatch):
    """A second engine confirms what SCIP says, so that no result shows them."""
    given = []

    def engine_of(backend, program, settings, options):
        given.append((backend, dict(options)))
        return backends.engine_of(backend, program, settings, options)

    monkeypatch.setattr(solver, "engine_of", engine_of)
    prepared = ILPSolver(backend="scip", options={"limits/solutions": 1}).prepare(A_ub=SIZES, b_ub=[7], bounds=(0, 1))
    assert prepared.solve(COSTS[None]).solutions.tolist() == [[1, 0, 0, 1]]
    assert given == [("scip", {"limits/solutions": 1})]
