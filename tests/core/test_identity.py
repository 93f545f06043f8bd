"""The identity rule: what is evaluated is theta as it was given, and fixed terms keep their scale."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

import imle
from imle.errors import ObjectiveError, OptionError
from imle.estimators import Identity
from imle.solvers import SolveResult
from support.problems import SETS, best, draw, layer_over, table

# min c.x + 10 u over x_1 <= u, 0/1: the second is chosen if its cost is negative, the first if it saves more than 10
PROGRAM = {"A_ub": [[1, 0, -1]], "b_ub": [0], "bounds": (0, 1), "costs": [0, 0, 10], "variables": [0, 1]}


@dataclass(frozen=True)
class FixedCharge:
    """The program, by enumeration."""

    sense: ClassVar[str] = "min"
    array: ClassVar[str] = "numpy"

    def prepare(self):
        return PreparedFixedCharge()


class PreparedFixedCharge:
    objective_shape = (2,)
    homogeneous = False
    points = np.array(list(itertools.product([0.0, 1.0], repeat=2)))

    def solve(self, objective, *, hint=None):
        values = objective @ self.points.T + 10 * self.points[:, 0]
        return SolveResult(self.points[values.argmin(axis=1)], values=values.min(axis=1))

    def fixed_terms(self, solutions):
        return 10 * solutions[:, 0]

    def close(self):
        pass


SOLVERS = {
    "enumeration": lambda **options: imle.layer(FixedCharge(), **options),
    "ortools-ilp": lambda **options: imle.layer("ortools-ilp", **PROGRAM, **options),
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("projection", ["none", "mean", "norm", "both"])
@pytest.mark.parametrize("costs", [(-20.0, -1.0), (-5.0, -1.0)])
def test_fixed_terms_are_weighed_against_the_costs_that_were_given(solver, projection, costs):
    """-20 + 10 - 1 = -11 against -1, and -5 + 10 - 1 against -1."""
    chosen = [1.0, 1.0] if costs[0] < -10 else [0.0, 1.0]
    make = SOLVERS[solver]
    evaluating = make(estimator=Identity(projection)).eval()
    assert evaluating(torch.tensor([costs])).tolist() == [chosen]
    training = make(estimator=Identity(projection), output="map")
    assert training(torch.tensor([costs])).tolist() == [chosen]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("projection", ["norm", "both"])
def test_a_projection_is_refused_where_solutions_depend_on_the_scale(projection, solver):
    make = SOLVERS[solver]
    message = f"projection='{projection}' takes the scale of the objective for meaningless"
    costs = torch.tensor([[-20.0, -1.0]], requires_grad=True)
    layer = make(estimator=Identity(projection))
    with pytest.raises(OptionError, match=message):
        layer(costs)
    for other in (layer.eval(), make(estimator=Identity(projection), output="map")):
        out = other(costs)
        with pytest.raises(OptionError, match=message):
            out.sum().backward()


def test_without_projection_fixed_terms_are_no_obstacle():
    costs = torch.tensor([[-20.0, -1.0]], requires_grad=True)
    out = imle.layer(FixedCharge(), estimator=Identity("none"))(costs)
    (out * torch.tensor([2.0, 3.0])).sum().backward()
    assert (out.tolist(), costs.grad.tolist()) == ([[1.0, 1.0]], [[-2.0, -3.0]])


@pytest.mark.parametrize("projection", ["none", "mean", "norm", "both"])
@pytest.mark.parametrize("name", SETS)
def test_no_projection_changes_a_solution(name, projection):
    """Also of sets whose solutions differ in size, where subtracting a mean does in training."""
    theta = draw(20, table(name).shape[1])
    layer = layer_over(table(name).numpy(), estimator=Identity(projection), output="map")
    assert torch.equal(layer(theta), best(theta, table(name)))
    layer.output = "mean"
    trained = layer(theta)
    assert torch.equal(layer.eval()(theta), best(theta, table(name)))
    if projection in ("none", "norm") or name in ("3-of-6", "assignments 4x4", "paths on 3x3"):
        assert torch.equal(trained, best(theta, table(name)))


@pytest.mark.parametrize("output", ["mean", "map"])
@pytest.mark.parametrize("projection", ["norm", "both"])
def test_the_gradient_is_that_of_the_projection(projection, output):
    theta, dy = draw(3, 6), draw(3, 6, seed=1)
    leaf = theta.clone().requires_grad_()
    layer_over(SETS["3-of-6"], estimator=Identity(projection), output=output)(leaf).backward(dy)
    centred = theta - theta.mean(dim=1, keepdim=True) if projection == "both" else theta
    norm = centred.norm(dim=1, keepdim=True)
    unit = centred / norm
    expected = (dy - unit * (unit * dy).sum(dim=1, keepdim=True)) / norm
    if projection == "both":
        expected = expected - expected.mean(dim=1, keepdim=True)
    torch.testing.assert_close(leaf.grad, expected)


@pytest.mark.parametrize("output", ["mean", "map"])
def test_what_is_not_finite_is_named_where_it_is(output):
    costs = torch.zeros(2, 6)
    costs[1, 4] = float("inf")
    with pytest.raises(ObjectiveError, match="found inf in row 1, position 4"):
        layer_over(SETS["3-of-6"], sense="min", estimator="identity", output=output)(costs)
