"""The cones of tours, by enumeration: up to five nodes they are those of all costs for which a tour is best."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import imle
from imle.errors import ObjectiveError
from imle_routes.conformance import closed_orders, matrices
from imle_routes.tsp import TSPSolver

PAIRS = list(itertools.combinations(range(5), 2))


@pytest.mark.parametrize("kind", ["edges", "mirrored"])
def test_costs_are_in_the_cone_of_the_tour_that_is_best_for_them(kind):
    """Degrees and sets of nodes describe all undirected tours of five nodes; of directed ones they do not."""
    tours = matrices(5, closed_orders(range(5)), mirrored=True)
    if kind == "edges":
        tours = np.array([[tour[pair] for pair in PAIRS] for tour in tours])
    layer = imle.layer("tsp", edges=PAIRS if kind == "edges" else None, directed=False)
    tours = torch.from_numpy(tours)
    costs = torch.randn(20, *tours.shape[1:], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values = costs.flatten(1) @ tours.flatten(1).T
    loss = imle.losses.CaVE(layer, iterations=None, reduction="none")
    best, second = values.sort(dim=1).indices[:, :2].T
    assert loss(costs, tours[best]).abs().max() < 1e-6
    worse = values.gather(1, second.unsqueeze(1)).squeeze(1) > values.amin(dim=1) + 0.05
    assert worse.sum() > 10
    assert (loss(costs, tours[second])[worse] > 1e-6).all()


@pytest.mark.parametrize("directed", [False, True])
def test_larger_tours_are_best_for_the_scores_in_their_cones(directed):
    rng = np.random.default_rng(2)
    n, rows = 8, 30
    prepared = TSPSolver(sense="max").prepare(directed=directed)
    visit = [rng.random(n) < 0.9 for _ in range(rows)]
    visit = [own if own.sum() > 2 else np.ones(n, bool) for own in visit]
    tours = prepared.solve(rng.normal(size=(rows, n, n)), visit=visit).solutions.astype(float)
    cones = prepared.normal_cones(tours, visit=visit)
    up, free = rng.exponential(size=cones.inequalities.shape[:2]), rng.normal(size=cones.equations.shape[:2])
    scores = np.einsum("nm,nmij->nij", up, cones.inequalities) + np.einsum("nq,nqij->nij", free, cones.equations)
    scores += rng.exponential(size=scores.shape) * (cones.at_upper & ~cones.at_lower)
    scores -= rng.exponential(size=scores.shape) * (cones.at_lower & ~cones.at_upper)
    scores += 9 * rng.normal(size=scores.shape) * (cones.at_lower & cones.at_upper)
    result = prepared.solve(scores, visit=visit)
    assert result.values == pytest.approx((scores * tours).sum(axis=(1, 2)))


def test_open_tours_have_none_and_other_points_are_refused():
    assert TSPSolver().prepare(closed=False).normal_cones is None
    prepared = TSPSolver().prepare()
    apart = matrices(6, [(0, 1, 2)]) + matrices(6, [(3, 4, 5)])
    half = np.full((1, 4, 4), 0.5)
    for solution in (apart, half, np.zeros((1, 3, 3)), matrices(4, [(0, 1, 2)])):
        tour = matrices(solution.shape[1], [range(solution.shape[1])])
        with pytest.raises(ObjectiveError) as caught:
            prepared.normal_cones(np.concatenate([tour, solution]))
        assert caught.value.row == 1
        assert "tsp: solution: expected a tour of the nodes to visit, found none" in str(caught.value)
    lopsided = TSPSolver().prepare(directed=False)
    with pytest.raises(ObjectiveError, match="expected a tour"):
        lopsided.normal_cones(matrices(4, [range(4)]))
    one = prepared.normal_cones(np.zeros((1, 2, 2)), visit=[[1, 0]])
    assert (one.at_lower & one.at_upper).all()
