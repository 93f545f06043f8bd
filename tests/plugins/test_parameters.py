"""One check of the types of options, for all solvers: announced, given as a class, or as an object."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import imle
from imle.errors import InstanceError, OptionError
from imle.plugins import Parameter, solvers
from imle.plugins.known import KNOWN
from imle.plugins.parameters import check_value

WRONG = {"int": [1.5, True, "1", None, 1 + 0j], "float": [True, "1", None, 1j], "bool": [1, 0.0, "yes"], "str": [1]}
"""By the type an option is announced with."""


@dataclass(frozen=True)
class Slow:
    threads: int = 1
    gap: float = 0.0
    limit: float | None = None
    exact: bool = True

    sense: ClassVar[str] = "max"
    array: ClassVar[str] = "numpy"

    def prepare(self, k: int = 1):
        del k
        return self


@pytest.mark.parametrize("solver_id", sorted(KNOWN))
def test_every_option_of_a_simple_type_refuses_other_types(solver_id):
    (record,) = [record for record in solvers() if record.id == solver_id]
    for option in record.spec.options:
        for wrong in [] if option.choices else WRONG.get(option.type, []):
            with pytest.raises(OptionError, match=f"^{solver_id}: {option.name}: expected {option.type}, found "):
                imle.layer(solver_id, **{option.name: wrong})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 1.5}, "slow: threads: expected int, found 1.5 (float)"),
        ({"threads": True}, "slow: threads: expected int, found True (bool)"),
        ({"gap": True}, "slow: gap: expected float, found True (bool)"),
        ({"limit": "3"}, "slow: limit: expected float | None, found '3' (str)"),
        ({"exact": 1}, "slow: exact: expected bool, found 1 (int)"),
    ],
)
def test_classes_and_objects_are_checked_by_their_annotations(options, message):
    for build in (lambda: imle.layer(Slow, **options), lambda: imle.layer(Slow(**options))):
        with pytest.raises(OptionError) as caught:
            build()
        assert str(caught.value) == message


def test_parameters_of_an_instance_are_checked_too():
    with pytest.raises(OptionError, match=r"^slow: k: expected int, found "):
        imle.layer(Slow, k=1.5)


@pytest.mark.parametrize(
    ("kind", "value", "taken"),
    [
        ("int", np.int64(3), 3),
        ("int", np.array(3), 3),
        ("float", np.float32(0.5), 0.5),
        ("float", 1, 1),
        ("bool", np.True_, True),
        ("int | None", None, None),
    ],
)
def test_scalars_of_numpy_are_numbers(kind, value, taken):
    found = check_value("x", Parameter("a", kind), value)
    assert (found, type(found)) == (taken, type(taken))


@pytest.mark.parametrize("value", [True, 1.0, "1", np.array([1, 2]), None])
def test_a_choice_is_one_of_its_type(value):
    with pytest.raises(OptionError, match=r"^x: a: expected 0 or 1, found "):
        check_value("x", Parameter("a", "int", choices=(0, 1)), value)
    assert check_value("x", Parameter("a", "int", choices=(0, 1)), np.int8(1)) == 1


RANGES = [
    (Parameter("a", "int", minimum=0), [0, 5, np.int64(3)], [-1], "an int >= 0"),
    (Parameter("a", "int", minimum=1, maximum=9), [1, 9], [0, 10], "an int from 1 to 9"),
    (Parameter("a", "float | None", above=0), [None, 1e-9, np.inf], [0, -1.0, np.nan], "a number > 0 or None"),
    (Parameter("a", "float", maximum=1, finite=True), [1, -5.0], [1.5, -np.inf, np.nan], "a finite number <= 1"),
    (Parameter("a", 'float | "auto"', above=0, finite=True), ["auto", 2], [0, np.inf, "big"], '"auto" or a finite'),
    (Parameter("a", "number or [m]", minimum=0), [0, [-1]], [-1], "a number >= 0"),
]
"""Parameters, what they allow, what they refuse, and what is then expected."""


@pytest.mark.parametrize(("parameter", "allowed", "refused", "expected"), RANGES)
def test_ranges(parameter, allowed, refused, expected):
    for value in allowed:
        check_value("x", parameter, value)
    for value in refused:
        with pytest.raises(OptionError, match=f"^x: a: expected {re.escape(expected)}.*, found {value!r}"):
            check_value("x", parameter, value)


def test_ranges_as_they_are_shown():
    shown = [parameter.range for parameter, *_ in RANGES]
    assert shown == [">= 0", "1 to 9", "> 0", "finite, <= 1", "finite, > 0", ">= 0"]


@pytest.mark.parametrize(
    ("parameter", "ndims", "learning"),
    [
        (Parameter("a", "number or [m]", learned="positive"), {0, 1}, "can be learned by noise"),
        (Parameter("a", "array [m, n] or [n]", dual=""), {1, 2}, ""),
        (Parameter("a", "matrix | None", learned="real", dual="exact"), {2}, "can be learned by noise or value"),
        (
            Parameter("a", "(lower, upper) | [n, 2] | Bounds", dual="relaxation"),
            {2},
            "can be learned by value of the relaxation",
        ),
        (Parameter("a", "graph"), set(), ""),
    ],
)
def test_what_types_say_of_tensors_and_how_those_learn(parameter, ndims, learning):
    assert parameter.ndims == ndims
    assert parameter.ndim == (next(iter(ndims)) if len(ndims) == 1 else None)
    assert parameter.learning == learning


def test_an_instance_out_of_range_names_its_row():
    with pytest.raises(InstanceError, match=r"^x: a: expected an int >= 0, found -1 \(row 3\)$"):
        check_value("x", RANGES[0][0], -1, wrong=InstanceError, row=3)
