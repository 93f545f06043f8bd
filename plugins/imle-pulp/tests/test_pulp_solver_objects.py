"""`solver=`: which objects are taken, how a user's own solver is called, and how what it says is read."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pulp
import pytest
import torch

import imle
from imle.errors import OptionError, SolveError, SolverUnavailableError
from imle.solvers import SolveStatus
from imle_pulp.solvers import PulpILPSolver, PulpLPSolver

pytestmark = pytest.mark.filterwarnings("ignore:PULP_CBC_CMD is deprecated:DeprecationWarning")


def knapsack(capacity=10):
    problem = pulp.LpProblem("knapsack", pulp.LpMaximize)
    items = [problem.add_variable(f"x{i}", cat="Binary") for i in range(4)]
    problem += pulp.lpDot([3, 4, 5, 6], items) <= capacity, "weight"
    problem += items[0] + items[1] >= 0
    return problem, items


class Own(pulp.LpSolver):
    """A user's solver: it leaves the work to HiGHS, and does not say whether it is available."""

    def actualSolve(self, lp):  # noqa: N802 - PuLP's name
        return pulp.HiGHS(msg=False).actualSolve(lp)


class Refusing(Own):
    def actualSolve(self, lp):  # noqa: N802
        if lp.objective[lp.variables()[0]] < 0:
            raise pulp.PulpSolverError("negative values are beneath me")
        return super().actualSolve(lp)


def test_a_row_the_solver_refuses_leaves_the_others_alone():
    problem, items = knapsack()
    prepared = PulpILPSolver(sense="max", solver=Refusing()).prepare(problem, items)
    result = prepared.solve(np.array([[1.0, 0, 0, 0], [-1.0, 0, 0, 1.0], [1.0, 2.0, 1.0, 2.5]]))
    assert result.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.ERROR, SolveStatus.OPTIMAL]
    assert result.messages == {1: "Refusing raised PulpSolverError: negative values are beneath me"}
    assert result.solutions[2].tolist() == [0, 1, 0, 1]


def test_errors_of_other_kinds_are_rows_too():
    """PuLP's own HiGHS raises KeyError for model statuses it does not know."""
    rng = np.random.default_rng(0)
    problem = pulp.LpProblem("nodes", pulp.LpMaximize)
    x = [problem.add_variable(f"x{i}", cat="Binary") for i in range(30)]
    weights = rng.integers(100, 200, size=(3, 30))
    for row in weights.tolist():
        problem += pulp.lpDot(row, x) <= 1500
    solver = pulp.HiGHS(msg=False, mip_max_nodes=0, presolve="off")
    result = PulpILPSolver(sense="max", solver=solver).prepare(problem, x).solve(rng.random(size=(1, 30)))
    assert result.status.tolist() == [SolveStatus.ERROR]
    assert result.messages[0].startswith("HiGHS raised KeyError")


class Recording(Own):
    def __init__(self, seen):
        super().__init__(msg=True)
        self.seen = seen

    def actualSolve(self, lp):  # noqa: N802
        self.seen.append((lp, self.msg))
        return super().actualSolve(lp)


def test_the_solver_sees_the_problem_as_its_author_wrote_it():
    problem, items = knapsack()
    seen = []
    scores = np.array([[3.0, 1.5, -2.0, 0.0]])
    PulpILPSolver(sense="max", solver=Recording(seen)).prepare(problem, items[::-1]).solve(scores[:, ::-1].copy())
    ((lp, msg),) = seen  # what the user gave the solver is shared with its copies
    assert msg is False
    assert lp is not problem
    assert lp.name.startswith("knapsack_")
    assert lp.sense == pulp.LpMaximize
    assert [(v.name, v.lowBound, v.upBound, v.cat) for v in lp.variables()] == [
        (v.name, 0, 1, "Integer") for v in items
    ]
    assert [(c.sense, c.constant, {v.name: a for v, a in c.items()}) for c in lp.constraints()] == [
        (pulp.LpConstraintLE, -10, {"x0": 3, "x1": 4, "x2": 5, "x3": 6}),
        (pulp.LpConstraintGE, 0, {"x0": 1, "x1": 1}),
    ]
    assert lp.constraints()[0].name == "weight"
    coefficients = np.array([lp.objective[v] for v in lp.variables()])
    assert np.array_equal(coefficients, scores[0] * 256)  # a power of two: nothing is rounded
    assert not {id(v) for v in lp.variables()} & {id(v) for v in items}


def test_constraints_renamed_alike():
    problem, items = knapsack()
    problem.constraints()[1].name = "weight"
    solver = PulpILPSolver(sense="max", solver=Own())
    assert solver.prepare(problem, items).solve(np.eye(4)[3:]).solutions.tolist() == [[0, 0, 0, 1]]


class Hoarding(Own):
    """Like GUROBI, it keeps the model it built first."""

    def __init__(self):
        super().__init__()
        self.model = None

    def actualSolve(self, lp):  # noqa: N802
        if self.model is None:
            self.model = lp
        status = super().actualSolve(self.model)
        for variable, kept in zip(lp.variables(), self.model.variables(), strict=True):
            variable.varValue = kept.varValue
        lp.assignStatus(status)
        return status


def test_rows_do_not_meet_on_the_solver_object():
    problem, items = knapsack(6)
    solver = Hoarding()
    result = PulpILPSolver(sense="max", solver=solver).prepare(problem, items).solve(2 * np.eye(4) - 1)
    assert np.array_equal(result.solutions, np.eye(4))
    assert solver.model is None


class Saying(pulp.LpSolver):
    """Says what it is told to."""

    def __init__(self, status, found, value, **more):
        super().__init__(**more)
        self.script = status, found, value

    def available(self):
        return True

    def actualSolve(self, lp):  # noqa: N802
        status, found, value = self.script
        lp.status = status
        if found is not None:
            lp.sol_status = found
        for variable in lp.variables():
            variable.varValue = value
        return status


OPTIMAL, NOT_SOLVED, UNDEFINED = pulp.LpStatusOptimal, pulp.LpStatusNotSolved, pulp.LpStatusUndefined
BEST, FOUND, NOTHING = pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible, pulp.LpSolutionNoSolutionFound


@pytest.mark.parametrize(
    ("script", "limit", "status", "message"),
    [
        ((OPTIMAL, BEST, 1.0), None, "OPTIMAL", ""),
        ((OPTIMAL, None, 1.0), None, "OPTIMAL", ""),  # COPT_CMD sets no solution status
        ((OPTIMAL, FOUND, 1.0), None, "FEASIBLE", "stopped early with a feasible point"),
        ((OPTIMAL, BEST, 1.0 + 1e-7), None, "OPTIMAL", ""),
        ((OPTIMAL, BEST, 0.999995), None, "OPTIMAL", ""),
        ((OPTIMAL, BEST, 0.99998), None, "ERROR", "expected a whole number within its bounds for 'x0', found 0.99998"),
        ((OPTIMAL, BEST, 2.0), None, "ERROR", "expected a whole number within its bounds for 'x0', found 2"),
        ((OPTIMAL, BEST, 0.0), None, "ERROR", "optimal what is not feasible: constraint number 0 is broken by 2"),
        ((OPTIMAL, FOUND, 0.0), 5, "TIMEOUT", "stopped early without a feasible point: constraint number 0"),
        ((OPTIMAL, FOUND, 0.0), None, "ERROR", "stopped early without a feasible point: constraint number 0"),
        ((OPTIMAL, BEST, None), 5, "ERROR", "Saying gives no value for variable 'x0'"),
        ((OPTIMAL, BEST, np.nan), None, "ERROR", "for 'x0', found nan"),
        ((OPTIMAL, NOTHING, 1.0), None, "ERROR", "status 'Optimal' and solution status 'No Solution Found'"),
        ((NOT_SOLVED, NOTHING, 1.0), 5, "TIMEOUT", "Saying ended with status 'Not Solved' and"),
        ((NOT_SOLVED, NOTHING, 1.0), None, "ERROR", "Saying ended with status 'Not Solved' and"),
        # what assignStatus(LpStatusNotSolved) sets, by PuLP's own table
        ((NOT_SOLVED, pulp.LpSolutionInfeasible, 1.0), None, "ERROR", "solution status 'No Solution Exists'"),
        ((UNDEFINED, None, 1.0), 5, "TIMEOUT", "Saying ended with status 'Undefined'"),
        ((pulp.LpStatusInfeasible, None, None), None, "INFEASIBLE", "no point satisfies all constraints"),
        # bounded by its variables, so this cannot be
        ((pulp.LpStatusUnbounded, None, None), None, "ERROR", "Saying calls unbounded what has a best"),
    ],
)
def test_statuses(script, limit, status, message):
    problem = pulp.LpProblem("said")
    x = [problem.add_variable(f"x{i}", cat="Binary") for i in range(3)]
    problem += pulp.lpSum(x) >= 2
    result = PulpILPSolver(solver=Saying(*script, timeLimit=limit)).prepare(problem, x).solve(np.ones((1, 3)))
    assert SolveStatus(result.status[0]).name == status
    assert message in result.messages.get(0, "")
    assert result.solutions.tolist() == [[1.0, 1.0, 1.0] if result.status[0] <= 1 else [0.0, 0.0, 0.0]]
    assert np.isnan(result.values[0]) == (result.status[0] > 1)


@pytest.mark.parametrize(("value", "expected"), [(1.0 + 5e-7, 1.0), (-5e-7, 0.0)])
def test_continuous_values_are_clipped_to_bounds(value, expected):
    problem = pulp.LpProblem("clipped")
    x = problem.add_variable("x", 0, 1)
    problem += x <= 2
    result = PulpLPSolver(solver=Saying(OPTIMAL, BEST, value)).prepare(problem).solve(np.ones((1, 1)))
    assert result.solutions.tolist() == [[expected]]
    assert result.status.tolist() == [SolveStatus.OPTIMAL]
    beyond = PulpLPSolver(solver=Saying(OPTIMAL, BEST, 1.1)).prepare(problem).solve(np.ones((1, 1)))
    assert "expected a number within its bounds for 'x', found 1.1" in beyond.messages[0]


def test_infinite_values_are_no_solution():
    problem = pulp.LpProblem("infinite")
    problem += problem.add_variable("x", 0) >= 1
    result = PulpLPSolver(solver=Saying(OPTIMAL, BEST, np.inf)).prepare(problem).solve(np.ones((1, 1)))
    assert "expected a number within its bounds for 'x', found inf" in result.messages[0]


def test_what_is_called_infeasible_but_has_points_is_unbounded():
    class Confused(Own):
        def actualSolve(self, lp):  # noqa: N802
            super().actualSolve(lp)
            if abs(next(iter(lp.objective.values()))) > 1:
                lp.assignStatus(pulp.LpStatusInfeasible)

    problem = pulp.LpProblem("open")
    problem += problem.add_variable("x", None, 2) <= 5
    prepared = PulpLPSolver(solver=Confused()).prepare(problem)
    result = prepared.solve(np.array([[1.0], [-1.0]]))
    assert result.status.tolist() == [SolveStatus.UNBOUNDED, SolveStatus.ERROR]
    assert result.messages[1] == "Confused calls infeasible what has a best solution by the variables' bounds"
    assert result.counters == {"solved_again_for_any_point": 2}


@pytest.mark.parametrize(("cls", "who"), [(PulpLPSolver, "pulp-lp"), (PulpILPSolver, "pulp-ilp")])
@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("PULP_CBC_CMD", r"pulp.getSolver\('PULP_CBC_CMD', msg=False\) makes one"),
        (pulp.HiGHS, r"HiGHS\(msg=False\) makes one"),
        (7, r"pulp.getSolver\(name, msg=False\) makes one"),
    ],
)
def test_only_objects_are_taken(cls, who, given, hint):
    with pytest.raises(OptionError, match=rf"{who}: solver: expected a pulp.LpSolver object, found .*\n.*{hint}"):
        cls(solver=given)


def test_solvers_that_are_not_installed():
    with pytest.raises(
        SolverUnavailableError, match="COIN_CMD is not available: there is no program 'no-such-cbc'"
    ) as e:
        PulpILPSolver(solver=pulp.COIN_CMD(path="no-such-cbc"))
    assert "pulp.listSolvers(onlyAvailable=True)" in str(e.value)


@pytest.mark.parametrize(
    ("cls", "option", "message"),
    [
        (PulpILPSolver, {"time_limit": 5.0}, "time_limit: expected None beside solver=.*\n.*timeLimit=... to Own"),
        (PulpILPSolver, {"gap": 0.1}, "gap: expected 0.0 beside solver=, found 0.1\n.*give gapRel=... to Own"),
        (PulpLPSolver, {"threads": 2}, "threads: expected 1 beside solver=, found 2\n.*give threads=... to Own"),
        (PulpLPSolver, {"seed": 1}, "seed: expected 0 beside solver=, found 1\n.*an option of imle's HiGHS engine"),
        (PulpLPSolver, {"method": "dual"}, "method: expected 'auto' beside solver="),
        (PulpLPSolver, {"warm": True}, "warm: expected False beside solver="),
        (PulpILPSolver, {"tuning": "lean"}, "tuning: expected 'auto' beside solver="),
    ],
)
def test_options_the_solver_object_would_not_see(cls, option, message):
    with pytest.raises(OptionError, match=message):
        cls(solver=Own(), **option)


@pytest.mark.parametrize("make", [pulp.HiGHS, pulp.PULP_CBC_CMD])
def test_absolute_gaps_mean_nothing(make):
    with pytest.raises(OptionError, match=r"without absolute gap, found gapAbs=0.5\n.*give gapRel=... instead"):
        PulpILPSolver(solver=make(msg=False, gapAbs=0.5))
    PulpILPSolver(solver=make(msg=False, gapAbs=0))


class Owning(Own):
    """Frees something of its own when it goes."""

    def __init__(self, held):
        super().__init__()
        self.held = held

    def __del__(self):
        self.held = None


def test_solvers_that_hold_what_cannot_be_copied():
    with pytest.raises(OptionError, match=r"expected a solver that holds no native model or connection, found Owning"):
        PulpLPSolver(solver=Owning(threading.Lock()))
    problem, items = knapsack()
    solver = PulpILPSolver(sense="max", solver=Owning(None))
    assert solver.prepare(problem, items).solve(np.eye(4)[3:]).solutions.tolist() == [[0, 0, 0, 1]]


def test_later_changes_of_the_solver_have_no_effect():
    problem, items = knapsack()
    solver = Saying(OPTIMAL, BEST, 0.0)
    prepared = PulpILPSolver(sense="max", solver=solver).prepare(problem, items)
    solver.script = OPTIMAL, BEST, None
    assert prepared.solve(np.ones((1, 4))).status.tolist() == [SolveStatus.OPTIMAL]


def test_gradients_reach_the_scores():
    torch.manual_seed(0)
    problem, items = knapsack()
    solver = pulp.PULP_CBC_CMD(msg=False)
    layer = imle.layer(PulpILPSolver(sense="max", solver=solver), problem=problem, variables=items)
    scores = torch.zeros(2, 4, requires_grad=True)
    wanted = torch.tensor([[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 1.0, 0.0]])
    (layer(scores) - wanted).square().sum().backward()
    assert (scores.grad != 0).any(dim=1).all()
    assert layer.stats.solves > 0


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
@pytest.mark.parametrize("make", [pulp.HiGHS, pulp.PULP_CBC_CMD])
def test_copies_of_a_layer_give_the_same(duplicate, make):
    problem, items = knapsack()
    solver = make(msg=False)
    layer = imle.layer(PulpILPSolver(sense="max", solver=solver), problem=problem, variables=items[::-1]).eval()
    scores = torch.tensor([[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]])
    expected = layer(scores)
    assert torch.equal(duplicate(layer)(scores), expected)


def test_rows_with_problems_of_their_own():
    solver = PulpILPSolver(sense="max", solver=pulp.PULP_CBC_CMD(msg=False))
    layer = imle.layer(solver, on_failure="zero-grad").eval()
    scores = torch.tensor([[1.0, 1.0, 1.0, 2.5]] * 3)
    found = layer(scores, problem=[knapsack(6)[0], knapsack(-1)[0], knapsack(18)[0]])
    assert found.tolist() == [[0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]]


def test_failures_are_named():
    layer = imle.layer(PulpILPSolver(sense="max", solver=Refusing()), problem=knapsack()[0]).eval()
    with pytest.raises(SolveError, match="Refusing raised PulpSolverError: negative values are beneath me"):
        layer(torch.tensor([[1.0, 0, 0, 0], [-1.0, 0, 0, 1.0]]))


def test_solver_is_an_option_of_the_id():
    problem, items = knapsack(6)
    layer = imle.layer("pulp-ilp", sense="max", problem=problem, variables=items, solver=pulp.HiGHS(msg=False)).eval()
    assert layer(torch.eye(4)).tolist() == torch.eye(4).tolist()
