"""`solver=`: PuLP's own solvers and a user's, against the default engine and enumeration; what they may not do."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pulp
import pytest

from imle.solvers import SolveStatus
from imle_pulp.solvers import PulpILPSolver, PulpLPSolver

pytestmark = pytest.mark.filterwarnings("ignore:PULP_CBC_CMD is deprecated:DeprecationWarning")

SENSES = {"min": pulp.LpMinimize, "max": pulp.LpMaximize}
KINDS = {"lp": PulpLPSolver, "ilp": PulpILPSolver}
MAKERS = {
    "cbc": lambda **more: pulp.PULP_CBC_CMD(msg=False, **more),
    "highs": lambda **more: pulp.HiGHS(msg=False, gapRel=0, threads=1, **more),
}


@pytest.fixture(params=MAKERS)
def foreign(request):
    """A solver object of PuLP's, with proofs asked for."""
    return MAKERS[request.param]()


def random_problem(rng, sense, kind):
    """Variables with and without bounds and rows of all kinds; one in a few has no solution or no best one."""
    problem = pulp.LpProblem("random", SENSES[sense])
    x = []
    for i in rng.permutation(12)[:5].tolist():  # names that do not sort by number
        low = None if rng.random() < 0.1 else int(rng.integers(-3, 1))
        up = None if rng.random() < 0.1 else int(rng.integers(1, 5))
        cat = pulp.LpInteger if kind == "ilp" and len(x) != 3 else pulp.LpContinuous
        x.append(problem.add_variable(f"x{i}", low, up, cat))
    for _ in range(3):
        row, end = rng.integers(-3, 4, size=5).tolist(), int(rng.integers(-4, 8))
        match rng.integers(3):
            case 0:
                problem += pulp.lpDot(row, x) <= end
            case 1:
                problem += pulp.lpDot(row, x) >= -end
            case _:
                problem += pulp.lpDot(row, x) + 1 == end  # a constant on the left
    problem += pulp.lpSum(x)  # no row need use a variable
    return problem, x


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sense", SENSES)
def test_agrees_with_the_default_engine(kind, sense, foreign):
    rng = np.random.default_rng(0)
    statuses, lies = set(), []
    for _ in range(60):
        problem, x = random_problem(rng, sense, kind)
        objectives = rng.normal(size=(2, 5)) * 10.0 ** rng.integers(-3, 4)
        expected = KINDS[kind](sense=sense).prepare(problem, x).solve(objectives)
        found = KINDS[kind](sense=sense, solver=foreign).prepare(problem, x).solve(objectives)
        for n, point in enumerate(found.solutions):
            if found.status[n] == SolveStatus.ERROR:
                lies.append(found.messages[n])
                continue
            assert found.status[n] == expected.status[n], (found.messages.get(n), expected.messages.get(n))
            statuses.add(SolveStatus(found.status[n]))
            if found.status[n] == SolveStatus.OPTIMAL:
                close = 1e-6 * max(1.0, np.abs(objectives).max())
                assert abs(found.values[n] - expected.values[n]) < close
                for variable, value in zip(x, point, strict=True):
                    variable.varValue = value
                assert problem.valid(eps=1e-5)
                assert all(v.varValue == round(v.varValue) for v in x if v.cat == pulp.LpInteger)
    assert statuses == {SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE, SolveStatus.UNBOUNDED}
    # now and then CBC 2.10.3 returns a point that breaks a constraint of an unbounded program, and calls it optimal
    assert len(lies) <= (4 if kind == "ilp" and isinstance(foreign, pulp.PULP_CBC_CMD) else 0)
    assert all("PULP_CBC_CMD calls optimal what is not feasible" in lie for lie in lies)


@pytest.mark.parametrize("sense", SENSES)
def test_agrees_with_enumeration(sense, foreign):
    rng = np.random.default_rng(1)
    best = {"min": min, "max": max}[sense]
    for _ in range(20):
        problem = pulp.LpProblem("binary", SENSES[sense])
        x = [problem.add_variable(f"x{i}", cat="Binary") for i in range(5)]
        problem += pulp.lpSum(x)
        a, b = rng.integers(-4, 5, size=5), int(rng.integers(-2, 5))
        problem += pulp.lpDot(a.tolist(), x) <= b
        points = np.array(list(itertools.product([0, 1], repeat=5)))
        points = points[points @ a <= b]
        objectives = rng.normal(size=(2, 5))
        result = PulpILPSolver(sense=sense, solver=foreign).prepare(problem, x).solve(objectives)
        if len(points) == 0:
            assert (result.status == SolveStatus.INFEASIBLE).all()
            continue
        np.testing.assert_allclose(result.values, [best(points @ row) for row in objectives], atol=1e-9)


@pytest.mark.parametrize("sense", SENSES)
def test_other_variables_keep_their_coefficients(sense, foreign):
    rng = np.random.default_rng(2)
    for _ in range(10):
        problem = pulp.LpProblem("partial", SENSES[sense])
        x = [problem.add_variable(f"x{i}", -1, 2, "Integer") for i in range(4)]
        problem += 100 * x[0] + 2 * x[1] - x[3] + 7  # x[0] is learned: its 100 must not count
        problem += pulp.lpDot(rng.integers(1, 4, 4).tolist(), x) <= 4
        objectives = rng.normal(size=(2, 2))
        found = PulpILPSolver(sense=sense, solver=foreign).prepare(problem, [x[2], "x0"]).solve(objectives)
        expected = PulpILPSolver(sense=sense).prepare(problem, [x[2], "x0"]).solve(objectives)
        assert found.solutions.shape == (2, 2)
        np.testing.assert_allclose(found.values, expected.values, atol=1e-9)


def test_objectives_follow_the_variables_given(foreign):
    problem = pulp.LpProblem("pick", pulp.LpMaximize)
    x = [problem.add_variable(f"x{i}", 0) for i in range(12)]
    problem += pulp.lpSum(x) == 1
    result = PulpLPSolver(sense="max", solver=foreign).prepare(problem, x).solve(np.eye(12)[8:])
    assert np.array_equal(result.solutions, np.eye(12)[8:])  # PuLP itself has x10 third


def open_problem(cat, *, closed=False):
    """Unbounded downwards in x, whatever y is; without a solution if closed."""
    problem = pulp.LpProblem("open")
    x, y = problem.add_variable("x", cat=cat), problem.add_variable("y", 0, 3, cat=cat)
    problem += x + y <= 2
    problem += y >= (4 if closed else 1)
    return problem


@pytest.mark.parametrize(("kind", "cat"), [("lp", "Continuous"), ("ilp", "Integer")])
@pytest.mark.parametrize("closed", [False, True])
def test_infeasible_and_unbounded_rows(kind, cat, closed, foreign):
    problem = open_problem(cat, closed=closed)
    objectives = np.array([[1.0, 1.0], [-1.0, 1.0]])
    expected = [SolveStatus.INFEASIBLE] * 2 if closed else [SolveStatus.UNBOUNDED, SolveStatus.OPTIMAL]
    result = KINDS[kind](solver=foreign).prepare(problem).solve(objectives)
    assert result.status.tolist() == expected
    assert result.status.tolist() == KINDS[kind]().prepare(problem).solve(objectives).status.tolist()
    assert result.messages[0]


def test_an_unbounded_relaxation_without_whole_points_is_infeasible(foreign):
    problem = pulp.LpProblem("parity")
    x, y = problem.add_variable("x", 0, cat="Integer"), problem.add_variable("y", 0, cat="Integer")
    problem += 2 * x - 2 * y == 1
    problem += x + y <= 50  # or HiGHS and CBC look for ever
    assert PulpILPSolver(solver=foreign).prepare(problem).solve(-np.ones((1, 2))).status.tolist() == [2]


def test_rows_that_cancel_out(foreign):
    problem = pulp.LpProblem("cancelled")
    x = problem.add_variable("x", 0, 1)
    problem += x - x <= 3
    assert PulpLPSolver(solver=foreign).prepare(problem, [x]).solve(-np.ones((1, 1))).solutions.tolist() == [[1]]
    problem += x - x <= -3
    assert PulpLPSolver(solver=foreign).prepare(problem, [x]).solve(np.ones((1, 1))).status.tolist() == [2]


def covering(cat, columns, rows):
    """Slow enough for any solver to stop at once when told to."""
    rng = np.random.default_rng(0)
    problem = pulp.LpProblem("covering")
    x = [problem.add_variable(f"x{i}", 0, 1, cat) for i in range(columns)]
    for row in rng.integers(1, 1000, size=(rows, columns)).tolist():
        problem += pulp.lpDot(row, x) >= 200 * columns
    return problem, rng.integers(1, 1000, size=(1, columns)).astype(np.float64)


@pytest.mark.parametrize(("kind", "cat", "size"), [("lp", "Continuous", (300, 200)), ("ilp", "Integer", (200, 100))])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_at_the_time_limit_no_point_is_made_up(kind, cat, size, make):
    """Of linear programs stopped early, PuLP says "Optimal" and "Solution Found" whatever the point is."""
    problem, objective = covering(cat, *size)
    result = KINDS[kind](solver=make(timeLimit=1e-6)).prepare(problem).solve(objective)
    assert result.status.tolist() == [SolveStatus.TIMEOUT]
    assert np.isnan(result.values).all()


def test_an_incumbent_is_feasible():
    problem, objective = covering("Integer", columns=60, rows=30)
    stopped = PulpILPSolver(solver=pulp.PULP_CBC_CMD(msg=False, maxNodes=1)).prepare(problem).solve(objective)
    assert stopped.status.tolist() == [SolveStatus.FEASIBLE]
    for variable, value in zip(problem.variables(), stopped.solutions[0], strict=True):
        variable.varValue = value
    assert problem.valid()


def snapshot(problem, solver):
    """Everything PuLP keeps on a problem, its parts and a solver; all are plain values or lists of them."""
    return repr(
        (
            sorted((name, value) for name, value in vars(problem).items() if name != "solverModel"),
            [(sorted(vars(c).items()), c.slack, c.pi) for c in problem.constraints()],
            [sorted(vars(v).items()) for v in problem.variables()],
            sorted(vars(solver).items()),
        )
    )


def test_problem_and_solver_are_not_changed(foreign):
    problem, x = random_problem(np.random.default_rng(6), "min", "ilp")
    assert problem.solve(foreign) == pulp.LpStatusOptimal  # values, duals and statuses of the user's own
    before = snapshot(problem, foreign)
    result = PulpILPSolver(solver=foreign).prepare(problem, x).solve(-np.eye(5))
    assert SolveStatus.OPTIMAL in result.status
    assert snapshot(problem, foreign) == before


@pytest.mark.parametrize("make", [lambda: pulp.PULP_CBC_CMD(msg=True), lambda: pulp.HiGHS(msg=True)])
def test_nothing_is_printed(make, capfd):
    problem, x = random_problem(np.random.default_rng(6), "min", "ilp")
    pulp.HiGHS(msg=False).solve(open_problem("Integer"))  # HiGHS prints its name once per process, msg or not
    capfd.readouterr()
    solver = make()
    PulpILPSolver(solver=solver).prepare(problem, x).solve(np.eye(5))
    assert capfd.readouterr() == ("", "")
    assert solver.msg is True


def test_threads_do_not_meet(foreign):
    problem, x = random_problem(np.random.default_rng(6), "min", "ilp")
    prepared = PulpILPSolver(solver=foreign).prepare(problem, x)
    objectives = np.random.default_rng(3).normal(size=(24, 5))
    alone = prepared.solve(objectives)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda row: prepared.solve(row[None]), objectives))
    assert np.array_equal(np.concatenate([result.solutions for result in together]), alone.solutions)
    assert np.concatenate([result.status for result in together]).tolist() == alone.status.tolist()


def test_files_that_are_kept_have_names_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    problem = open_problem("Integer")
    solver = pulp.PULP_CBC_CMD(msg=False, keepFiles=True)
    PulpILPSolver(solver=solver).prepare(problem).solve(-np.ones((3, 2)))
    kept = [path.name for path in tmp_path.glob("*.mps")]
    assert len(kept) == 3
    assert all(name.startswith("open_") for name in kept)


def test_files_that_are_not_kept_are_gone(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("TMP", raising=False)
    PulpILPSolver(solver=MAKERS["cbc"]()).prepare(open_problem("Integer")).solve(np.ones((2, 2)))
    assert list(tmp_path.iterdir()) == []
