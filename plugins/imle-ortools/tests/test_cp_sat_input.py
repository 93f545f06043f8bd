"""What CP-SAT layers refuse, with the whole message."""

from __future__ import annotations

import pytest
from ortools.sat.python import cp_model

from imle.errors import InstanceError, OptionError
from imle_ortools.cp_sat import CPSATSolver

MODEL = cp_model.CpModel()
X = MODEL.new_bool_var("x")
Y = MODEL.new_int_var(0, 3, "y")
FOREIGN = cp_model.CpModel().new_bool_var("foreign")
LISTS = "ortools-cp-sat: variables: expected at least one variable in an array or list"
EXPRESSION = "make a variable for an expression: y = model.new_int_var(lb, ub, 'y'); model.add(y == expression)"
CLONES = "clones have variables of their own: model.get_int_var_from_proto_index(variable.index)"
RAGGED = (
    "ortools-cp-sat: variables: expected lists of equal lengths, found a ragged nesting\n"
    "  hint: fill up with model.new_constant(0), or give one flat list"
)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (X, f"{LISTS}, found IntVar"),
        ([], f"{LISTS}, found shape [0]"),
        ([[]], f"{LISTS}, found shape [1, 0]"),
        ([[X, Y], [X]], RAGGED),
        ([X, [X, Y]], RAGGED),
        (
            {"x": X},
            "ortools-cp-sat: variables: expected an array or nested lists, found dict\n  hint: its order would decide "
            "which entry belongs to which variable; list its values in the order you want",
        ),
        (
            [X, 1],
            "ortools-cp-sat: variables: [1]: expected a variable or literal, found int\n"
            "  hint: model.new_constant(value) makes a variable of a number",
        ),
        (
            [[X, X + Y]],
            "ortools-cp-sat: variables: [0, 1]: expected a variable or literal, found SumArray\n"
            + f"  hint: {EXPRESSION}",
        ),
        (
            [X, FOREIGN],
            "ortools-cp-sat: variables: [1]: expected a variable of the model given, found foreign of another model\n"
            f"  hint: {CLONES}",
        ),
        (
            [~FOREIGN],
            "ortools-cp-sat: variables: [0]: expected a variable of the model given, found not(foreign) of another "
            f"model\n  hint: {CLONES}",
        ),
    ],
)
def test_variables(variables, message):
    with pytest.raises(InstanceError) as caught:
        CPSATSolver().prepare(model=MODEL, variables=variables)
    assert str(caught.value) == message


def test_variables_of_a_clone_belong_to_the_clone():
    clone = MODEL.clone()
    with pytest.raises(InstanceError, match="another model"):
        CPSATSolver().prepare(model=clone, variables=[X])
    CPSATSolver().prepare(model=clone, variables=[clone.get_int_var_from_proto_index(X.index)])


def test_not_a_model():
    with pytest.raises(InstanceError) as caught:
        CPSATSolver().prepare(model=MODEL.proto, variables=[X])
    assert str(caught.value) == (
        "ortools-cp-sat: model: expected a cp_model.CpModel, found CpModelProto\n"
        "  hint: from ortools.sat.python import cp_model; model = cp_model.CpModel()"
    )


def test_invalid_models_are_refused_with_ortools_own_words():
    model = cp_model.CpModel()
    x = model.new_int_var(5, 2, "x")
    with pytest.raises(InstanceError) as caught:
        CPSATSolver().prepare(model=model, variables=[x])
    assert str(caught.value).startswith("ortools-cp-sat: model: OR-Tools calls it invalid: ")
    assert "domain" in str(caught.value)


@pytest.mark.parametrize(("sense", "verb", "other"), [("max", "minimises", "min"), ("min", "maximises", "max")])
@pytest.mark.parametrize("factor", [2, 0.5])
def test_the_sense_of_the_model_is_not_overruled(sense, verb, other, factor):
    model = cp_model.CpModel()
    x, y = model.new_bool_var("x"), model.new_bool_var("y")
    (model.minimize if sense == "max" else model.maximize)(factor * y)
    with pytest.raises(InstanceError) as caught:
        CPSATSolver(sense=sense).prepare(model=model, variables=[x])
    assert str(caught.value) == (
        f'ortools-cp-sat: model: its objective {verb}, but the layer has sense="{sense}"\n'
        f'  hint: give sense="{other}", or turn the fixed coefficients around'
    )
    CPSATSolver(sense=other).prepare(model=model, variables=[x])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sense": "up"}, "sense: expected 'min' or 'max', found 'up'"),
        ({"time_limit": 0}, "time_limit: expected a number > 0 or None, found 0"),
        ({"time_limit": True}, "time_limit: expected float | None, found True (bool)"),
        ({"workers": 0}, "workers: expected an int from 1 to 2147483647, found 0"),
        ({"workers": 1.5}, "workers: expected int, found 1.5 (float)"),
        ({"seed": -1}, "seed: expected an int from 0 to 2147483647, found -1"),
        ({"linearization_level": 3}, "linearization_level: expected 0 or 1 or 2, found 3"),
        ({"scale": 0.0}, 'scale: expected "auto" or a finite number > 0, found 0.0'),
    ],
)
def test_options(options, message):
    with pytest.raises(OptionError) as caught:
        CPSATSolver(**options)
    assert str(caught.value) == f"ortools-cp-sat: {message}"
