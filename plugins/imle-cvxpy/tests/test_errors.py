"""What cannot be learned from, in words of the problem: which term, and where."""

from __future__ import annotations

import re

import cvxpy as cp
import numpy as np
import pytest

from imle.errors import InstanceError, OptionError
from imle_cvxpy.solver import CvxpySolver

X = cp.Variable(3, name="x")
B = cp.Variable(2, boolean=True, name="b")
C, N, D = cp.Parameter(3, name="c"), cp.Parameter(3, name="n", nonneg=True), cp.Parameter(3, name="d")
BOX = [X >= 0, X <= 1]


def prepare(objective, constraints=BOX, **given):
    return CvxpySolver().prepare(cp.Problem(cp.Minimize(objective), constraints), **given)


@pytest.mark.parametrize(
    ("objective", "constraints", "message"),
    [
        (C @ X + cp.sum_squares(X) + cp.sum(B), BOX, "objective: expected linear terms, found quad_over_lin(x"),
        (C @ X, [*BOX, cp.sum_squares(X) <= 1], "constraint number 2: expected linear terms, found quad_over_lin(x"),
        (C @ X + cp.sum_squares(X), [cp.norm(X) <= 1], "constraint number 0: expected linear terms, found Pnorm"),
        (
            N[0] * cp.sum_squares(X),
            BOX,
            "expected Parameters that multiply what is affine in the variables, found 'n' in",
        ),
        (C @ X, [cp.norm(X) <= 1], "constraint number 0: expected linear terms, found Pnorm"),
        (C @ X, [*BOX, cp.exp(X) <= 1], "constraint number 2: expected linear terms, found exp(x)"),
        (C @ X, [cp.SOC(X[0], X)], "constraint number 0: expected a linear constraint, found a cone, SOC"),
        (C @ X + cp.sum(B), [cp.norm(X) <= B[0]], "constraint number 0: expected linear terms, found Pnorm"),
        (cp.trace(cp.Variable((2, 2), PSD=True, name="S")), [], "variable 'S': expected linear constraints, found PSD"),
        (cp.sqrt(X[0]), BOX, "objective: expected what is convex by cvxpy's rules (DCP), found"),
        (C @ X, [cp.abs(X) >= 1], "constraint number 0: expected what is convex by cvxpy's rules (DCP), found"),
        (C @ cp.abs(X), BOX, "objective: expected what is convex by cvxpy's rules (DCP), found c @ abs(x)"),
        (cp.multiply(C, D) @ X, BOX, "objective: expected Parameters that stand affinely (DPP), found"),
        (C @ X, [cp.exp(D[0]) * X[0] <= 1], "constraint number 0: expected Parameters that stand affinely (DPP)"),
        (
            N @ cp.abs(X),
            BOX,
            "expected Parameters that multiply what is affine in the variables, found 'n' in n @ abs(x)",
        ),
        (
            cp.max(cp.multiply(C, X)),
            BOX,
            "expected Parameters that multiply what is affine in the variables, found 'c'",
        ),
        (cp.norm1(X - C) + C @ X, BOX, "affine in the variables, found 'c' in norm1(x + -c)"),
        (cp.pos(C @ X) + C @ X, BOX, "affine in the variables, found 'c' in maximum(c @ x, 0.0)"),
        (cp.sum_squares(X - C), BOX, "affine in the variables, found 'c' in quad_over_lin(x + -c"),
        (
            C @ cp.Variable(3, boolean=True, bounds=[0, D], name="y"),
            [],
            "variable 'y': expected numbers as bounds of 0/1 variables, found d",
        ),
        (
            cp.real(cp.Variable(complex=True, name="z")),
            [],
            "variable 'z': expected real variables, found a complex one",
        ),
        (C @ cp.Variable(3, bounds=[0, D], name="y"), [], "objective: expected Parameters that stand affinely (DPP)"),
        (C[0], [], "expected at least one variable, found none"),
    ],
)
def test_terms_that_are_refused(objective, constraints, message):
    with pytest.raises(InstanceError, match=re.escape(message)):
        prepare(objective, constraints)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"parameters": C, "variables": X}, "expected learned parameters or variables, found both"),
        ({"parameters": D}, "expected Parameters of the objective, found 'd', which is not in it"),
        ({"parameters": [C, C]}, "parameters: expected each once, found one twice"),
        ({"parameters": []}, "parameters: expected at least one, found none"),
        ({"parameters": X}, "parameters: expected cvxpy.Parameter objects, found x"),
        ({"parameters": "c"}, "parameters: expected cvxpy.Parameter objects, found 'c'"),
        ({"variables": [C]}, "variables: expected cvxpy.Variable objects, found c"),
        ({"variables": B}, "variables: expected variables of the problem, found 'b'"),
        ({"values": {"e": 1}}, "values: expected names among 'd', found 'e'"),
        ({"values": {"d": 1}}, "values: 'd': expected shape [3], found []"),
        ({"values": {"d": [1, np.nan, 1]}}, "values: 'd': expected finite numbers, found nan at [1]"),
        (
            {"values": [1, 2]},
            "values: expected 3 numbers, those of all parameters that are not learned (d), found shape [2]",
        ),
    ],
)
def test_what_is_learned_and_given(given, message):
    with pytest.raises(InstanceError, match=re.escape(message)):
        prepare(C @ X, [*BOX, X <= D], **given)


def test_a_learned_parameter_that_is_also_in_a_constraint():
    with pytest.raises(InstanceError, match=re.escape("found 'c', which is also in constraint number 2: 1.0 <= c @ x")):
        prepare(C @ X, [*BOX, C @ X >= 1], parameters=C)


def test_a_learned_parameter_that_is_also_a_bound():
    most = cp.Parameter(name="most")
    bounded = cp.Variable(bounds=[0, most], name="y")
    with pytest.raises(InstanceError, match=r"found 'most', which is also in a bound of 'y'"):
        prepare(C @ X + bounded + most, [*BOX, bounded >= X[0]], parameters=most)


def test_variables_that_are_tied():
    square = cp.Variable((2, 2), symmetric=True, name="S")
    with pytest.raises(InstanceError, match=r"expected variables whose entries are free, found 'S'") as error:
        prepare(cp.sum(square), [square >= 0])
    assert "Parameter that multiplies it" in error.value.hint


def test_rows_that_are_refused():
    limit, least = cp.Parameter(3, name="limit", nonneg=True), cp.Parameter(name="least")
    prepared = prepare(C @ X, [X >= 0, limit >= X, cp.sum(X) >= least])
    theta = np.ones((2, 3))
    with pytest.raises(InstanceError, match="value of 'limit' missing") as error:
        prepared.solve(theta)
    assert "values={'limit': ...}" in error.value.hint
    for values, message in (
        ([{"limit": [1, 1, 1], "least": 1}], "expected one mapping or vector per row, 2 in all, found 1"),
        ([{"limit": [1, 1, 1]}] * 2, "value of 'least' missing"),
        ([{"limit": [1, 1, 1], "least": 1}, {"limit": [1, -1, 1]}], "expected numbers from 0 to inf"),
        ([{"limit": [1, 1, 1], "least": 1}, {"limits": 1}], "found 'limits'"),
        ([[1, 1, 1, 1], [1, 1, -2, 1]], "'limit': expected numbers from 0 to inf, as it is declared, found -2"),
    ):
        with pytest.raises(InstanceError, match=re.escape(message)):
            prepared.solve(theta, values=values)
    with pytest.raises(InstanceError) as error:
        prepared.solve(theta, values=[[1, 1, 1, 1], [1, 1, -2, 1]])
    assert error.value.row == 1
    assert prepared.solve(theta, values=[[1, 1, 1, 1], [1, 1, 1, 4]]).status.tolist() == [0, 2]


def test_other_objects_senses_and_options():
    with pytest.raises(InstanceError, match=r"expected a cvxpy\.Problem, found int"):
        CvxpySolver().prepare(3)
    with pytest.raises(InstanceError, match=r"expected sense='min', found cvxpy\.Maximize") as error:
        CvxpySolver().prepare(cp.Problem(cp.Maximize(C @ X), BOX))
    assert error.value.hint == "give sense='max'"
    with pytest.raises(InstanceError, match="expected a problem, found none"):
        CvxpySolver().prepare().solve(np.ones((1, 3)))
    with pytest.raises(OptionError, match="engine"):
        CvxpySolver(engine="gurobi")
    with pytest.raises(OptionError, match="no option 'presolv'"):
        CvxpySolver(options={"presolv": "on"})


def test_names_that_two_parameters_share():
    other = cp.Parameter(name="d")
    with pytest.raises(InstanceError, match="names of their own, found 'd' twice"):
        prepare(C @ X, [*BOX, X <= D, X[0] >= other])


def test_coefficients_that_no_engine_keeps():
    with pytest.raises(
        InstanceError, match=r"row 0 of the canonical constraints: expected coefficients .* found 1e-20 for 'x\[0\]'"
    ):
        prepare(C @ X, [1e-20 * X[0] + X[1] <= 1])
