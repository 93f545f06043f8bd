"""The cones of paths: scores in them have no better path, and scores that have none are in them."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest

from imle.errors import ObjectiveError
from imle_networkx.shortest_path import ShortestPathSolver

optimize = pytest.importorskip("scipy.optimize")


@pytest.mark.parametrize("seed", range(5))
def test_directed_acyclic_graphs(seed):
    """Their paths are all that flows of one unit are: cones are complete."""
    rng = np.random.default_rng(seed)
    edges = [(a, b) for a, b in itertools.combinations(range(6), 2) if rng.random() < 0.7]
    graph = nx.DiGraph(edges)
    for source, target in itertools.combinations(graph.nodes, 2):
        paths = [list(itertools.pairwise(path)) for path in nx.all_simple_paths(graph, source, target)]
        if not paths:
            continue
        masks = np.array([[float(edge in path) for edge in graph.edges] for path in paths])
        prepared = ShortestPathSolver().prepare(graph=graph, source=source, target=target)
        cones = prepared.normal_cones(masks)
        scores = rng.normal(size=(4, len(masks[0])))
        for row, mask in enumerate(masks):
            unit, equations = np.eye(len(mask)), cones.equations[row]
            vectors = np.concatenate(
                [equations, -equations, -unit[cones.at_lower[row]], unit[cones.at_upper[row]]],
            )
            within = rng.exponential(size=len(vectors)) @ vectors
            assert within @ mask >= (masks @ within).max() - 1e-9
            for given in scores[(masks @ scores.T).argmax(axis=0) == row]:
                assert optimize.nnls(vectors.T, given)[1] < 1e-9
        with pytest.raises(ObjectiveError, match="expected a path from source to target, found other edges"):
            prepared.normal_cones(1 - masks)


def test_ends_and_masks_per_row():
    prepared = ShortestPathSolver().prepare(edges=[(0, 1), (1, 2), (0, 2)], directed=True)
    masks = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    allowed = np.array([[1, 1, 0], [1, 1, 1]], dtype=bool)
    cones = prepared.normal_cones(masks, source=[0, 1], target=[2, 2], allowed=allowed)
    assert cones.at_lower.tolist() == [[False, False, True], [True, False, True]]
    assert cones.at_upper.tolist() == [[True, True, True], [False, True, False]]
    with pytest.raises(ObjectiveError, match="expected a path from source to target") as error:
        prepared.normal_cones(masks, source=[0, 1], target=[2, 2], allowed=~allowed | (masks[1] == 1))
    assert error.value.row == 0


def test_paths_that_are_no_linear_program():
    edges = [(0, 1), (1, 2)]
    assert ShortestPathSolver().prepare(edges=edges, directed=False).normal_cones is None
    assert ShortestPathSolver(weights="node").prepare(edges=edges, directed=True).normal_cones is None
