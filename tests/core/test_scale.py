"""Rows of numpy solvers have one size, whatever theirs was; what comes back is as if they had not been touched."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch

import imle
from imle.solvers import SolveResult, SolveStatus


class Seen:
    """Top-1 that notes what it is given, with an absolute tolerance as engines have."""

    objective_shape = (None,)

    def __init__(self, sense, tolerance):
        self.sense, self.tolerance, self.given = sense, tolerance, []

    def solve(self, objective, *, hint=None):
        self.given.append(objective)
        scores = objective if self.sense == "max" else -objective
        good_enough = scores >= scores.max(axis=1, keepdims=True) - self.tolerance
        solutions = np.eye(objective.shape[1])[good_enough.argmax(axis=1)]  # the first of those
        values = (objective * solutions).sum(axis=1)
        status = np.full(len(objective), SolveStatus.FEASIBLE, dtype=np.int8)
        bound = values + (self.tolerance if self.sense == "max" else -self.tolerance)
        return SolveResult(solutions, status, values, bound=bound, messages={0: "stopped early"})

    def close(self):
        pass


class Solver:
    array: ClassVar[str] = "numpy"

    def __init__(self, sense="max", tolerance=1e-6, homogeneous=True):
        self.sense, self.tolerance, self.homogeneous = sense, tolerance, homogeneous

    def prepare(self):
        self.prepared = Seen(self.sense, self.tolerance)
        self.prepared.homogeneous = self.homogeneous
        return self.prepared


@pytest.mark.parametrize("sense", ["max", "min"])
@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1.0, 1e9, 1e300])
def test_tolerances_mean_the_same_at_every_scale(sense, scale):
    solver = Solver(sense)
    layer = imle.layer(solver).eval()
    rows = scale * torch.tensor([[1.0, 1.01, 0.5], [-3.0, -2.0, -2.5]], dtype=torch.float64)
    best = rows.argmax(1) if sense == "max" else rows.argmin(1)
    assert torch.equal(layer(rows).argmax(1), best)
    (given,) = solver.prepared.given
    assert given.flags.c_contiguous
    sizes = np.abs(given).max(axis=1)
    assert ((sizes >= 2.0**9) & (sizes < 2.0**10)).all()
    ratio = given / rows.numpy()
    assert (ratio == ratio[:, :1]).all()  # nothing is rounded
    assert (np.frexp(ratio)[0] == 0.5).all()


def test_values_and_bounds_are_the_users():
    layer = imle.layer(Solver("min", tolerance=2.0)).eval()
    layer(torch.tensor([[0.75e-6, 0.5e-6], [3.0, 4.0]], dtype=torch.float64))
    gaps = [(u.row, u.sample, u.gap, u.message, u.phase) for u in layer.unproven]
    shift = 2.0 ** (10 - np.frexp([0.75e-6, 4.0])[1])
    values = np.array([0.5e-6, 3.0])
    expected = 2.0 / shift / values
    assert [gap[:2] for gap in gaps] == [(0, 0), (1, 0)]
    np.testing.assert_allclose([gap[2] for gap in gaps], expected, rtol=1e-12)
    assert [gap[3:] for gap in gaps] == [("stopped early", "forward"), ("", "forward")]
    assert not layer.failures


def test_unproven_rows_are_those_of_the_last_pass():
    layer = imle.layer(Solver(), estimator="blackbox")
    scores = torch.rand(2, 3, 4, dtype=torch.float64, requires_grad=True)
    layer(scores).pow(2).sum().backward()
    assert [(u.row, u.phase) for u in layer.unproven] == [(n, p) for p in ("forward", "backward") for n in range(6)]
    layer(scores[:1, :1])
    assert len(layer.unproven) == 1


def test_unproven_rows_of_several_samples():
    layer = imle.layer(Solver(), nb_samples=3)
    layer(torch.rand(2, 4, dtype=torch.float64))
    assert [(u.row, u.sample) for u in layer.unproven] == [(row, sample) for row in (0, 1) for sample in range(3)]


def test_rows_of_zeros_and_of_nothing():
    solver = Solver()
    layer = imle.layer(solver).eval()
    assert layer(torch.zeros(2, 3)).tolist() == [[1, 0, 0]] * 2
    assert layer(torch.zeros(0, 3)).shape == (0, 3)
    assert not solver.prepared.given[0].any()


def test_entries_far_below_the_largest_vanish_beside_it():
    solver = Solver()
    imle.layer(solver).eval()(torch.tensor([[1e300, 1e-300]], dtype=torch.float64))
    assert solver.prepared.given[0][0, 1] < 1e-290


@pytest.mark.parametrize("sense", ["max", "min"])
def test_solvers_that_depend_on_the_scale_get_rows_as_they_are(sense):
    solver = Solver(sense, homogeneous=False)
    rows = torch.tensor([[1e-9, 3e-9]], dtype=torch.float64)
    imle.layer(solver).eval()(rows)
    np.testing.assert_array_equal(solver.prepared.given[0], rows.numpy())
    seen = []

    def function(objective):
        seen.append(objective)
        return (objective > 0.5).astype(float)

    assert imle.layer(function, array="numpy").eval()(torch.tensor([[0.3, 0.7]])).tolist() == [[0, 1]]
    np.testing.assert_array_equal(seen[0], np.array([[0.3, 0.7]], dtype=np.float32).astype(float))


@pytest.mark.parametrize("sense", ["max", "min"])
def test_solvers_without_tolerances_get_rows_as_they_are(sense):
    solver = Solver(sense)
    layer = imle.layer(imle.solvers.Timed(solver)).eval()
    solver.prepared.any_size = True
    layer(torch.tensor([[1e-9, 3e-9]], dtype=torch.float64))
    assert solver.prepared.given[0].tolist() == [[1e-9, 3e-9]]


@pytest.mark.parametrize("wrap", [imle.solvers.Cached, imle.solvers.Deduplicated, imle.solvers.Timed])
def test_combinators_hand_it_on(wrap):
    solver = Solver(homogeneous=False)
    imle.layer(wrap(solver)).eval()(torch.tensor([[1e-9, 3e-9]], dtype=torch.float64))
    assert solver.prepared.given[0].tolist() == [[1e-9, 3e-9]]


class Constant(Seen):
    """What adds 3 to every solution: solutions, but not values, are those of any multiple."""

    def fixed_terms(self, solutions):
        return np.full(len(solutions), 3.0)

    def solve(self, objective, *, hint=None):
        found = super().solve(objective)
        return replace(found, values=found.values + 3.0, bound=found.bound + 3.0)


@pytest.mark.parametrize("sense", ["max", "min"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_constant_is_the_same_for_objectives_of_any_size(sense, scale):
    solver = Solver(sense, tolerance=0.0)
    solver.prepare = lambda: Constant(sense, 0.0)
    layer = imle.layer(solver).eval()
    rows = scale * torch.tensor([[1.0, 1.01, 0.5], [-3.0, -2.0, -2.5]], dtype=torch.float64)
    best = rows.amax(1) if sense == "max" else rows.amin(1)
    torch.testing.assert_close(layer.value(rows), best + 3.0, rtol=1e-12, atol=0.0)
    assert all(unproven.gap == 0 for unproven in layer.unproven)
