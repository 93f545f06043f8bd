"""Values and gradients of PyEPO's losses on the same rows: the shortest paths of its tutorial, solved by Gurobi."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import imle
from imle.losses import CaVE, PerturbationGradient, RegularisedFenchelYoung, RegularisedFrankWolfe, SPOPlus

pytest.importorskip("imle_highs")
pytest.importorskip("gurobipy", reason="PyEPO reads the constraints that bind from Gurobi")
pyepo = pytest.importorskip("pyepo", reason="pip install -r benchmarks/requirements.txt")

ROWS, GRID = 12, (4, 4)


@pytest.fixture(scope="module")
def problem():
    """Their model, their data with the constraints that they find binding, and our layer."""
    from pyepo.data.dataset import optDatasetConstrs
    from pyepo.model.grb import shortestPathModel

    features, costs = pyepo.data.shortestpath.genData(ROWS, 3, GRID, deg=4, noise_width=0.3, seed=1)
    model = shortestPathModel(GRID)
    data = optDatasetConstrs(model, features, costs)
    rows = np.zeros((GRID[0] * GRID[1], len(model.arcs)))
    for arc, (tail, head) in enumerate(model.arcs):
        rows[tail, arc], rows[head, arc] = -1.0, 1.0
    sides = np.zeros(len(rows))
    sides[0], sides[-1] = -1.0, 1.0
    layer = imle.layer("highs-lp", A_eq=rows, b_eq=sides, bounds=(0, 1))
    predicted = torch.randn(ROWS, len(model.arcs), generator=torch.Generator().manual_seed(0)) + 0.5
    predicted = predicted / predicted.square().mean(dim=1, keepdim=True).sqrt()  # where CaVE brings it in any case
    return model, data, layer, predicted


def both(theirs, ours, predicted):
    """Values of all rows and their gradients."""
    found = []
    for loss in (theirs, ours):
        costs = predicted.clone().requires_grad_()
        values = loss(costs)
        values.sum().backward()
        found.append((values.detach(), costs.grad))
    return found


@pytest.mark.parametrize("iterations", [3, 1, 6, None])
def test_cave(problem, iterations):
    model, data, layer, predicted = problem
    normals = data.collate_fn([data[row] for row in range(ROWS)])[-1]
    theirs = pyepo.func.coneAlignedCosine(model, max_iter=iterations or 100, reduction="none")
    ours = CaVE(layer, iterations=iterations, reduction="none")
    (values, gradients), (found, slopes) = both(
        lambda costs: theirs(costs, normals), lambda costs: ours(costs, data.sols), predicted
    )
    assert values.max() > 0.1
    torch.testing.assert_close(found, values, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(slopes, gradients, rtol=1e-4, atol=1e-5)


def test_cave_without_projection(problem):
    model, data, layer, predicted = problem
    normals = data.collate_fn([data[row] for row in range(ROWS)])[-1]
    theirs = pyepo.func.coneAlignedCosine(model, solve_ratio=0.0, inner_ratio=0.3, reduction="none")
    ours = CaVE(layer, solve_ratio=0.0, inner_ratio=0.3, reduction="none")
    (values, gradients), (found, slopes) = both(
        lambda costs: theirs(costs, normals), lambda costs: ours(costs, data.sols), predicted
    )
    torch.testing.assert_close(found, values, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(slopes, gradients, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("symmetric", [False, True])
def test_perturbation_gradient(problem, symmetric):
    model, data, layer, predicted = problem
    theirs = pyepo.func.perturbationGradient(model, sigma=0.3, two_sides=symmetric, reduction="none")
    ours = PerturbationGradient(layer, step=0.3, symmetric=symmetric, reduction="none")
    (values, gradients), (found, slopes) = both(
        lambda costs: theirs(costs, data.costs), lambda costs: ours(costs, data.costs), predicted
    )
    torch.testing.assert_close(found, values, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(slopes, gradients, rtol=1e-5, atol=1e-5)


def test_spo_plus(problem):
    model, data, layer, predicted = problem
    theirs = pyepo.func.SPOPlus(model, reduction="none")
    (values, gradients), (found, slopes) = both(
        lambda costs: theirs(costs, data.costs, data.sols, data.objs).squeeze(-1),
        lambda costs: SPOPlus(layer, reduction="none")(costs, data.costs, data.sols),
        predicted,
    )
    torch.testing.assert_close(found, values, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(slopes, gradients, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("strength", [0.2, 0.5])
def test_regularised_frank_wolfe_and_its_loss(problem, strength):
    model, data, layer, predicted = problem
    predicted, solutions = predicted[:4], torch.as_tensor(data.sols)[:4]
    options = {"lambd": strength, "tol": 1e-5, "max_iter": 400}  # it takes minutes to come nearer
    weights = torch.randn(predicted.shape, generator=torch.Generator().manual_seed(1))
    smooth = pyepo.func.regularizedFrankWolfeOpt(model, **options), RegularisedFrankWolfe(layer, strength=strength)
    loss = (
        pyepo.func.regularizedFrankWolfeFenchelYoung(model, **options, reduction="none"),
        RegularisedFenchelYoung(layer, strength=strength, reduction="none"),
    )
    pairs = [[lambda costs, of=of: (of(costs) * weights).sum(dim=1) for of in smooth]]
    pairs += [[lambda costs, of=of: of(costs, solutions).reshape(4) for of in loss]]
    for theirs, ours in pairs:
        (values, gradients), (found, slopes) = both(theirs, ours, predicted)
        assert gradients.abs().max() > 0.1
        torch.testing.assert_close(found, values, rtol=1e-2, atol=1e-2)
        torch.testing.assert_close(slopes, gradients, rtol=1e-2, atol=1e-2)
