"""Terms that no objective gives count in losses, regrets and pools: values known by enumeration.

FAULTS B1: min <c, x> + 10 u over binary x and u with x[0] <= u, of which x is learned. Best completions: u = x[0].
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

import imle
from imle.errors import ObjectiveError, OptionError, SolverContractError
from imle.losses import (
    NCE,
    ImplicitMLE,
    ListwiseLTR,
    MAPContrastive,
    PairwiseLTR,
    PerturbationGradient,
    PerturbedFenchelYoung,
    PointwiseLTR,
    SolutionPool,
    SPOPlus,
    StructuredHinge,
)
from imle.metrics import normalised_regret, regret, unambiguous_regret, worst_tied
from imle.plugins import Parameter
from imle.plugins.inferred import spec_from_class
from imle.solvers import SolveResult

POINTS = np.array(list(itertools.product([0.0, 1.0], repeat=2)))
GUESS, TRUTH = torch.tensor([[-5.0, -1.0]]), torch.tensor([[-20.0, -1.0]])
ALONE, BOTH = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 1.0]])  # best for the guess, and in truth


class Listed:
    """Points with terms of their own, by enumeration. A fresh array of terms per row may come with the call."""

    objective_shape = (2,)
    homogeneous = False

    def __init__(self, terms, sense):
        self.terms, self.sense = np.asarray(terms, dtype=float), sense

    def _own(self, terms, count):
        return np.broadcast_to(self.terms, (count, 4)) if terms is None else np.array(terms, dtype=float)

    def solve(self, objective, *, hint=None, terms=None):
        worth = objective @ POINTS.T + self._own(terms, len(objective))
        best = worth.argmin(axis=1) if self.sense == "min" else worth.argmax(axis=1)
        return SolveResult(POINTS[best], values=worth[np.arange(len(best)), best])

    def fixed_terms(self, solutions, *, terms=None):
        at = (solutions[:, None] == POINTS).all(axis=2)
        own = self._own(terms, len(solutions))
        return np.where(at.any(axis=1), own[np.arange(len(own)), at.argmax(axis=1)], np.nan)

    def close(self):
        pass


class Solver:
    array = "numpy"

    def __init__(self, sense="min", undeclared=False):
        self.sense, self.undeclared = sense, undeclared

    def prepare(self, terms=(0.0, 0.0, 10.0, 10.0)):
        prepared = Listed(terms, self.sense)
        if self.undeclared:
            prepared.fixed_terms = None
        return prepared


def listed(sign=1.0, **options):
    """Both senses mirror."""
    terms = sign * np.array([0.0, 0.0, 10.0, 10.0])
    return imle.layer(Solver("min" if sign == 1 else "max"), terms=terms, **options)


def program(sign=1.0, **options):
    pytest.importorskip("imle_ortools")
    sense = "min" if sign == 1 else "max"
    given = {"A_ub": [[1, 0, -1]], "b_ub": [0], "bounds": (0, 1), "costs": [0, 0, 10 * sign], "variables": [0, 1]}
    return imle.layer("ortools-ilp", sense=sense, **given, **options)


LAYERS = [listed, program]
SIGNS = [1.0, -1.0]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("make", LAYERS)
def test_losses(make, sign):
    layer = make(sign)
    guess, truth = sign * GUESS, sign * TRUTH
    assert torch.equal(layer.eval()(guess), ALONE)
    assert torch.equal(layer(truth), BOTH)
    assert PerturbedFenchelYoung(layer, temperature=0.0)(guess, BOTH).item() == 5
    assert ImplicitMLE(layer, temperature=0.0)(guess, BOTH).item() == 5
    assert SPOPlus(layer)(guess, truth).item() == 20  # <2c^ - c, w> + 10 u: 0 at (0, 1), w* counts -11
    assert SPOPlus(layer)(guess, truth, BOTH).item() == 20
    assert StructuredHinge(layer, margin=2.0)(guess, BOTH).item() == 8  # y costs 4; (0, 0) costs 0, two entries off
    # V(c^) = -1, V(c^ - h c) = -0.5 with fixed costs of 5, V(c^ + h c) = -1.5 with 15, where 10 would leave -6.5
    assert PerturbationGradient(layer, step=0.5)(guess, truth).item() == -1
    assert PerturbationGradient(layer, step=0.5, symmetric=True)(guess, truth).item() == -1
    with pytest.raises(OptionError, match="step: expected less than 1, found 1: the solver has terms"):
        PerturbationGradient(layer, step=1.0)(guess, truth)
    guess.requires_grad_()
    loss = MAPContrastive(layer)(guess, ALONE)
    loss.backward()
    assert loss.item() == 0
    assert not guess.grad.any()


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("make", LAYERS)
def test_ranking(make, sign):
    layer = make(sign)
    pool = SolutionPool(solve_ratio=0.0)
    pool.add(torch.tensor(POINTS, dtype=torch.float32))
    guess, truth = sign * GUESS, sign * TRUTH
    fixed = torch.tensor([0.0, 0.0, 10.0, 10.0])
    predicted, true = (-(c @ torch.tensor(POINTS, dtype=torch.float32).T + fixed).squeeze(0) for c in (GUESS, TRUTH))
    softmax = torch.softmax(true, 0), torch.log_softmax(predicted, 0)
    torch.testing.assert_close(ListwiseLTR(layer, pool=pool)(guess, truth), -(softmax[0] * softmax[1]).sum())
    torch.testing.assert_close(PointwiseLTR(layer, pool=pool)(guess, truth), ((predicted - true) ** 2).mean())
    best = true.argmax()
    others = [m for m in range(4) if m != best]
    hinge = torch.stack([(predicted[m] - predicted[best]).clamp(min=0) for m in others]).mean()
    torch.testing.assert_close(PairwiseLTR(layer, pool=pool)(guess, truth), hinge)
    y = predicted[3]
    torch.testing.assert_close(NCE(layer, pool=pool)(guess, BOTH), (predicted - y).mean())
    torch.testing.assert_close(MAPContrastive(layer, pool=pool)(guess, BOTH), predicted.max() - y)


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("make", LAYERS)
def test_metrics(make, sign):
    layer = make(sign)
    guess, truth = sign * GUESS, sign * TRUTH
    assert regret(truth, ALONE, BOTH, layer=layer).item() == 10
    assert regret(guess, BOTH, ALONE, layer=layer).item() == 5
    assert normalised_regret(truth, ALONE, BOTH, layer=layer).item() == pytest.approx(10 / 11)
    points = torch.tensor(POINTS, dtype=torch.float32)
    assert unambiguous_regret(truth, guess, points, layer=layer).item() == 10
    tied = sign * torch.tensor([[-10.0, -1.0]])  # (0, 1) and (1, 1) cost -1 both
    assert torch.equal(worst_tied(layer, tied, truth), ALONE)
    assert torch.equal(worst_tied(layer, tied, sign * torch.tensor([[-1.0, -1.0]])), BOTH)
    with pytest.raises(ObjectiveError, match=r"solution: expected feasible solutions, .* for row 0"):
        regret(truth, torch.full((1, 2), 0.5) * 7, BOTH, layer=layer)


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("make", LAYERS)
def test_pool_of_a_layer(make, sign):
    layer = make(sign, pool=0.0)
    layer.pool.add(torch.tensor(POINTS))
    assert torch.equal(layer.eval()(sign * GUESS), ALONE)
    assert torch.equal(layer(sign * TRUTH), BOTH)
    assert layer.stats.events["pooled_rows"] == 2


class SolverOfRows(Solver):
    """Rows with terms of their own are solved together."""

    spec = replace(spec_from_class(Solver), instance=(Parameter("terms", "[4]", (0.0,) * 4, per_row=True),))


@pytest.mark.parametrize("solver", [Solver, SolverOfRows])
def test_terms_of_each_row(solver):
    layer = imle.layer(solver())
    terms = [[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 1.0, 1.0]]
    guess, y = GUESS.expand(2, 2), BOTH.expand(2, 2)
    loss = PerturbedFenchelYoung(layer, temperature=0.0, reduction="none")
    assert loss(guess, y, terms=terms).tolist() == [5, 0]
    assert regret(guess, y, y, layer=layer, terms=terms).tolist() == [0, 0]
    assert regret(guess, ALONE.expand(2, 2), y, layer=layer, terms=terms).tolist() == [-5, 4]
    points = torch.tensor(POINTS, dtype=torch.float32)
    assert unambiguous_regret(guess, TRUTH.expand(2, 2), points, layer=layer, terms=terms).tolist() == [5, 0]
    before = layer.stats.batches
    layer.eval()(guess, terms=terms)
    assert layer.stats.batches - before == (1 if solver is SolverOfRows else 2)


def test_batches_with_more_dimensions():
    layer = listed()
    guess = GUESS.expand(3, 2, 2)
    assert regret(guess, BOTH.expand(3, 2, 2), ALONE.expand(3, 2, 2), layer=layer).tolist() == [[5, 5]] * 3


def test_what_is_not_feasible_is_refused():
    layer = listed()
    y = torch.tensor([[1.0, 1.0], [0.5, 0.0]])
    for loss in (PerturbedFenchelYoung(layer), ImplicitMLE(layer), NCE(layer), MAPContrastive(layer)):
        with pytest.raises(
            ObjectiveError, match="solution: expected feasible solutions, found one that is not, for row 1"
        ):
            loss(GUESS.expand(2, 2), y)


def test_terms_that_a_solver_does_not_tell_of_are_refused():
    layer = imle.layer(Solver(undeclared=True))
    assert torch.equal(layer.eval()(TRUTH), BOTH)
    with pytest.raises(
        SolverContractError, match="values that are <objective, solution>, found one that differs by 10"
    ):
        SPOPlus(layer)(GUESS, TRUTH)


def test_metrics_take_a_layer_or_a_sense():
    with pytest.raises(OptionError, match=r"sense: expected .max. .* or layer=, found neither"):
        regret(TRUTH, ALONE, BOTH)
    with pytest.raises(OptionError, match="sense: expected it without layer="):
        regret(TRUTH, ALONE, BOTH, layer=listed(), sense="min")
    with pytest.raises(OptionError, match="terms: expected it beside layer="):
        regret(TRUTH, ALONE, BOTH, sense="min", terms=[1])
