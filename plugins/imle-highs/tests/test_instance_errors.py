"""Instances that do not fit together: every message in full."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse

from imle.errors import InstanceError, OptionError
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver

RESCALE = "\n  hint: engines cannot keep such entries; rescale rows or variables"
KEPT = "expected finite entries below 1e+15 in size, and above 1e-12 of the largest in their row (or 0)"
NAN = float("nan")

CASES = {
    "columns differ": (
        {"A_ub": [[1, 2]], "b_ub": [1], "A_eq": [[1, 2, 3]], "b_eq": [1]},
        "highs-ilp: expected as many columns in A_ub as in A_eq, found 2 in A_ub and 3 in A_eq",
    ),
    "b_ub too long": (
        {"A_ub": [[1, 2]], "b_ub": [1, 2]},
        "highs-ilp: b_ub: expected 1 numbers, one per row of A_ub, found shape [2]",
    ),
    "b_eq a number": (
        {"A_eq": [[1, 2]], "b_eq": 3},
        "highs-ilp: b_eq: expected 1 numbers, one per row of A_eq, found shape []",
    ),
    "b_ub alone": ({"b_ub": [1]}, "highs-ilp: b_ub: expected A_ub beside it, found b_ub alone"),
    "b_eq alone": ({"b_eq": [1]}, "highs-ilp: b_eq: expected A_eq beside it, found b_eq alone"),
    "b not finite": (
        {"A_ub": [[1, 2]] * 2, "b_ub": [0, np.inf]},
        "highs-ilp: b_ub: expected finite numbers below 1e+20 in size, found inf at position 1",
    ),
    "A not a matrix": (
        {"A_ub": [1, 2], "b_ub": [1]},
        "highs-ilp: A_ub: expected a matrix [rows, variables], found shape [2]",
    ),
    "A not finite": (
        {"A_ub": [[1, 2], [3, NAN]], "b_ub": [1, 1]},
        f"highs-ilp: A_ub: {KEPT}, found nan at (1, 1)" + RESCALE,
    ),
    "A too small to keep": (
        {"A_eq": [[1, 1e-13]], "b_eq": [1]},
        f"highs-ilp: A_eq: {KEPT}, found 1e-13 at (0, 1)" + RESCALE,
    ),
    "sparse A not finite": (
        {"A_ub": scipy.sparse.csr_array(np.array([[0.0, np.inf]])), "b_ub": [1]},
        f"highs-ilp: A_ub: {KEPT}, found inf at (0, 1)" + RESCALE,
    ),
    "A ragged": (
        {"A_ub": [[1, 2], [3]], "b_ub": [1, 1]},
        "highs-ilp: A_ub: expected numbers in equal rows, found list (setting an array element with a sequence. The "
        "requested array has an inhomogeneous shape after 1 dimensions. The detected shape was (2,) + inhomogeneous "
        "part.)",
    ),
    "no columns": ({"A_ub": np.zeros((1, 0)), "b_ub": [1]}, "highs-ilp: expected at least one variable, found none"),
    "bounds for too few": (
        {"A_ub": [[1, 2, 3]], "b_ub": [1], "bounds": [(0, 1), (0, 1)]},
        "highs-ilp: bounds: expected a pair (lower, upper) or 3 pairs, one per variable, found shape [2, 2]",
    ),
    "bounds crossed": (
        {"A_ub": [[1, 2]], "b_ub": [1], "bounds": [(0, 1), (3, 2)]},
        "highs-ilp: bounds: expected lower <= upper, found (3, 2) for variable 1",
    ),
    "bounds nan": (
        {"A_ub": [[1, 2]], "b_ub": [1], "bounds": (0, NAN)},
        "highs-ilp: bounds: expected lower <= upper, found (0, nan) for variable 0",
    ),
    "integrality too short": (
        {"A_ub": [[1, 2]], "b_ub": [1], "integrality": [1]},
        "highs-ilp: integrality: expected 0 or 1, or 2 of them, one per variable, found shape [1]",
    ),
    "integrality of another kind": (
        {"A_ub": [[1, 2]], "b_ub": [1], "integrality": [1, 2]},
        "highs-ilp: integrality: expected 0 (continuous) or 1 (integer), found 2 for variable 1"
        "\n  hint: semi-continuous variables are not supported",
    ),
    "nothing to count variables by": (
        {"costs": [1, 2]},
        "highs-ilp: expected A_ub, A_eq or one pair of bounds per variable, found nothing that tells how many "
        "variables there are\n  hint: for variables without constraints, give bounds=[(lower, upper), ...]",
    ),
    "unknown variable": (
        {"A_ub": [[1, 2]], "b_ub": [1], "variables": [0, 2]},
        "highs-ilp: variables: expected indices 0 to 1, found 2",
    ),
    "negative variable": (
        {"A_ub": [[1, 2]], "b_ub": [1], "variables": [-1]},
        "highs-ilp: variables: expected indices 0 to 1, found -1",
    ),
    "name without a file": (
        {"A_ub": [[1, 2]], "b_ub": [1], "variables": ["x"]},
        "highs-ilp: variables: expected indices 0 to 1, found 'x'",
    ),
    "variable twice": (
        {"A_ub": [[1, 2]], "b_ub": [1], "variables": [1, 1]},
        "highs-ilp: variables: expected each variable once, found 1 twice",
    ),
    "variables a number": (
        {"A_ub": [[1, 2]], "b_ub": [1], "variables": 1},
        "highs-ilp: variables: expected a list of indices or names, found 1",
    ),
    "no variables": (
        {"A_ub": [[1, 2]], "b_ub": [1], "variables": []},
        "highs-ilp: variables: expected at least one learned variable, found none",
    ),
    "costs too short": (
        {"A_ub": [[1, 2]], "b_ub": [1], "costs": [1]},
        "highs-ilp: costs: expected 2 numbers, one per variable, found shape [1]",
    ),
    "costs not finite": (
        {"A_ub": [[1, 2]], "b_ub": [1], "costs": [1, NAN]},
        "highs-ilp: costs: expected finite numbers below 1e+20 in size, found nan at position 1",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_messages(name):
    instance, message = CASES[name]
    with pytest.raises(InstanceError) as caught:
        HighsILPSolver().prepare(**instance)
    assert str(caught.value) == message
    if "integrality" not in instance:
        with pytest.raises(InstanceError) as caught:
            HighsLPSolver().prepare(**instance)
        assert str(caught.value) == message.replace("highs-ilp", "highs-lp")


def solve_error(prepared, rows, **given):
    with pytest.raises(InstanceError) as caught:
        prepared.solve(np.zeros((rows, 2)), **given)
    return str(caught.value), caught.value.row


def test_right_sides_per_row():
    prepared = HighsILPSolver().prepare(A_ub=[[1, 2]])
    missing = (
        "highs-ilp: b_ub missing: A_ub has 1 rows"
        "\n  hint: give b_ub=... to imle.layer for all rows, or to the call, one per row"
    )
    assert solve_error(prepared, 2) == (missing, None)
    short = "highs-ilp: b_ub: expected one vector per row, 2 in all, found 1"
    assert solve_error(prepared, 2, b_ub=[[1]]) == (short, None)
    alone = "highs-ilp: b_eq: expected A_eq beside it, found b_eq alone"
    assert solve_error(prepared, 1, b_ub=[[1]], b_eq=[[1]]) == (alone, None)
    shape = "highs-ilp: b_ub: expected 1 numbers, one per row of A_ub, found shape [2]"
    assert solve_error(prepared, 2, b_ub=[[1], [1, 2]]) == (shape, 1)
    nan = "highs-ilp: b_ub: expected finite numbers below 1e+20 in size, found nan at position 0"
    assert solve_error(prepared, 2, b_ub=[[1], [NAN]]) == (nan, 1)


@pytest.mark.parametrize("solver", [HighsLPSolver(), HighsILPSolver()])
def test_no_instance_at_all_is_said_when_solving(solver):
    prepared = solver.prepare()
    assert prepared.objective_shape == (None,)
    message, _ = solve_error(prepared, 1)
    prepared.close()
    assert message.partition(": ")[2] == (
        "expected A_ub, A_eq, one pair of bounds per variable or model, found none of them"
        "\n  hint: give them to imle.layer for all rows, or to the call, one per row"
    )


OPTIONS = {
    "sense": ({"sense": "up"}, "sense: expected 'min' or 'max', found 'up'"),
    "time_limit": ({"time_limit": 0}, "time_limit: expected a number > 0 or None, found 0"),
    "threads": ({"threads": 0}, "threads: expected an int from 1 to 2147483647, found 0"),
    "seed": ({"seed": -1}, "seed: expected an int from 0 to 2147483647, found -1"),
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("cls", [HighsLPSolver, HighsILPSolver])
def test_options(name, cls):
    options, message = OPTIONS[name]
    with pytest.raises(OptionError) as caught:
        cls(**options)
    assert str(caught.value).partition(": ")[2] == message


def test_options_of_one_solver():
    with pytest.raises(OptionError, match=r"^highs-lp: method: expected 'auto' or 'primal' or 'dual', found 'ipm'$"):
        HighsLPSolver(method="ipm")
    with pytest.raises(OptionError, match=r"^highs-ilp: tuning: expected 'auto' or 'default' or 'lean', found 'fast'$"):
        HighsILPSolver(tuning="fast")
    with pytest.raises(OptionError, match=r"^highs-ilp: gap: expected a finite number >= 0, found -0.1$"):
        HighsILPSolver(gap=-0.1)


@pytest.mark.parametrize("solver", [HighsLPSolver(sense="max", warm=True), HighsILPSolver(gap=0.1, seed=3)])
def test_solvers_are_values(solver):
    copy = pickle.loads(pickle.dumps(solver))
    assert copy == solver
    assert hash(copy) == hash(solver)
