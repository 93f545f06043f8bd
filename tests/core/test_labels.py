"""`layer.labels`: names of the entries of an objective, whatever stands around the solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

import imle
from imle.solvers import BasePrepared, SolveResult
from imle.solvers.combinators import Cached, Deduplicated, Timed


@dataclass(frozen=True)
class SignsSolver:
    """The sign of each of three scores with names."""

    sense: ClassVar = "max"
    array: ClassVar = "numpy"

    def prepare(self, names=None):
        return PreparedSigns(names)


@dataclass(frozen=True)
class PreparedSigns(BasePrepared):
    labels: object
    objective_shape: ClassVar = (3,)

    def solve(self, objective):
        return SolveResult((objective > 0).astype(float))


NAMES = ("a", ("b", 2), 7)


@pytest.mark.parametrize("options", [{}, {"cache": 4}, {"executor": 2}, {"pool": 0.5}])
def test_names_are_those_of_the_solver_inside(options):
    assert imle.layer(SignsSolver(), names=NAMES, **options).labels == NAMES
    assert imle.layer(SignsSolver(), **options).labels is None


@pytest.mark.parametrize("wrapper", [Cached, Deduplicated, Timed])
def test_combinators_hand_them_on(wrapper):
    assert wrapper(SignsSolver()).prepare(names=NAMES).labels == NAMES
    assert wrapper(SignsSolver()).prepare().labels is None


def test_a_solver_that_says_nothing_has_none():
    assert imle.layer("topk", k=2).labels is None
