"""Every refusal says what was expected, what was found and what to do."""

from __future__ import annotations

import re

import numpy as np
import pulp
import pytest

from imle.errors import InstanceError
from imle_pulp.solvers import PulpILPSolver, PulpLPSolver


def problem_with(*, cat="Continuous", sense=pulp.LpMinimize):
    problem = pulp.LpProblem("p", sense)
    x = [problem.add_variable(f"x{i}", 0, 4, cat) for i in range(3)]
    problem += pulp.lpSum(x) >= 1, "total"
    return problem, x


def refusal(problem, variables=None, solver=None):
    with pytest.raises(InstanceError) as caught:
        (solver or PulpLPSolver()).prepare(problem, variables)
    return str(caught.value)


def test_integer_variables_name_the_other_solver():
    message = refusal(problem_with(cat="Integer")[0])
    assert "pulp-lp: problem 'p': expected continuous variables, found 3 integer ones, the first being 'x0'" in message
    assert "hint: use pulp-ilp" in message


@pytest.mark.parametrize(
    ("solver", "sense", "message", "hint"),
    [
        (PulpLPSolver(), pulp.LpMaximize, "expected pulp.LpMinimize since the solver has sense='min', found", "max"),
        (PulpILPSolver(sense="max"), pulp.LpMinimize, "expected pulp.LpMaximize since", "min"),
    ],
)
def test_another_sense(solver, sense, message, hint):
    found = refusal(problem_with(sense=sense)[0], solver=solver)
    assert message in found
    assert f"hint: give sense='{hint}'" in found


def test_a_sense_pulp_does_not_have():
    problem, _ = problem_with()
    problem.sense = 0
    assert "sense: expected pulp.LpMinimize or pulp.LpMaximize, found 0" in refusal(problem)


@pytest.mark.parametrize("given", [3, "p", {}, np.eye(2)])
def test_not_a_problem(given):
    assert f"pulp-lp: problem: expected a pulp.LpProblem, found {type(given).__name__}" in refusal(given)


def test_no_variables():
    message = refusal(pulp.LpProblem("empty"))
    assert "problem 'empty': expected at least one variable, found none" in message
    assert "a variable belongs to a problem once" in message


@pytest.mark.parametrize("kind", ["sos1", "sos2"])
def test_special_ordered_sets(kind):
    problem, x = problem_with()
    getattr(problem, kind)["set"] = {x[0]: 1, x[1]: 2}
    assert f"expected linear constraints, found special ordered sets in {kind}" in refusal(problem)


def test_duplicate_names():
    problem, x = problem_with()
    problem += problem.add_variable("x1", 0, 1) + x[0] <= 3
    assert "expected a name of its own for each variable, found 'x1' twice" in refusal(problem)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (["x0", "y"], "problem 'p': variables: expected variables of the problem, found 'y'"),
        (["x0", "x0"], "variables: expected each variable once, found 'x0' twice"),
        ([], "variables: expected at least one learned variable, found none"),
        ([0], "variables: expected LpVariables or names, found 0"),
        ("x0", "variables: expected a list of LpVariables or names, found str"),
        (5, "variables: expected a list of LpVariables or names, found int"),
        ({"a": "x0"}, "hint: of a dictionary of variables, give list(variables.values())"),
    ],
)
def test_learned_variables(variables, message):
    assert message in refusal(problem_with()[0], variables)


def test_a_variable_the_problem_does_not_use():
    problem, x = problem_with()
    message = refusal(problem, [*x, problem.add_variable("idle", 0, 1)])
    assert "expected variables of the problem, found 'idle'" in message
    assert "written into the objective" in message


def test_a_single_expression_is_no_list_of_variables():
    problem, x = problem_with()
    assert "variables: expected a list of LpVariables or names, found LpVariable" in refusal(problem, x[0])


def set_bound(value):
    def change(problem, x):
        x[1].upBound = value

    return change


def set_low(value):
    def change(problem, x):
        x[1].lowBound = value

    return change


def set_constant(value):
    def change(problem, x):
        problem.constraints()[0].constant = value

    return change


def set_coefficient(value):
    def change(problem, x):
        problem.constraints()[0].expr[x[1]] = value

    return change


def set_objective(coefficient, constant):
    def change(problem, x):
        problem.objective = pulp.LpAffineExpression({x[2]: coefficient})
        problem.objective.constant = constant

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_bound(-1), "variable 'x1': expected lowBound <= upBound, found 0 and -1"),
        (set_bound(np.nan), "variable 'x1': upBound: expected a number, found nan"),
        (set_bound("a"), "variable 'x1': upBound: expected a number, found 'a'"),
        (set_low(np.inf), "variable 'x1': expected lowBound <= upBound, found inf and 4"),
        (set_constant(np.inf), "constraint 'total': right side: expected a finite number below 1e+20 in size"),
        (set_coefficient(np.inf), "constraint 'total': expected coefficients below 1e+15 in size"),
        (set_coefficient(1e-14), "found 1e-14 for 'x1'"),
        (set_coefficient(np.nan), "constraint 'total': coefficient of 'x1': expected a number, found nan"),
        (set_objective(np.inf, 0), "objective: coefficient of 'x2': expected a finite number"),
        (set_objective(1, np.inf), "objective: constant: expected a finite number below 1e+20 in size, found inf"),
    ],
)
def test_numbers_that_cannot_be_used(change, message):
    problem, x = problem_with()
    change(problem, x)
    assert message in refusal(problem, ["x0"])


def test_constraints_without_a_name_are_counted():
    problem, x = problem_with()
    problem += x[0] + 1e20 * x[1] <= 1
    assert re.search(r"constraint (number 1|'_C1'): expected coefficients below", refusal(problem))


def test_a_category_pulp_would_ignore():
    problem, x = problem_with()
    x[0].cat = "Binary"
    message = refusal(problem, solver=PulpILPSolver())
    assert "variable 'x0': expected cat 'Continuous' or 'Integer', found 'Binary'" in message
    assert "afterwards set 'Integer' and bounds 0 and 1" in message
