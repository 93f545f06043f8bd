"""Walls: masks of what paths may use, for all rows or one per row, against graphs without the rest."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import SolveStatus
from imle_networkx import shortest_path
from imle_networkx.grid import GridShortestPathSolver
from imle_networkx.shortest_path import ShortestPathSolver


def grid_graph(height, breadth, diagonals):
    steps = [(0, 1), (1, 0)] + [(1, 1), (1, -1)] * diagonals
    cells = [(i, j) for i in range(height) for j in range(breadth)]
    return nx.Graph([(c, (c[0] + i, c[1] + j)) for c in cells for i, j in steps if (c[0] + i, c[1] + j) in cells])


@pytest.mark.parametrize("neighbours", [4, 8])
def test_grids_with_walls_against_networkx(neighbours):
    rng = np.random.default_rng(neighbours)
    costs, allowed = rng.uniform(0.1, 1, (60, 5, 6)), rng.random((60, 5, 6)) < 0.65
    found = GridShortestPathSolver(neighbours=neighbours).prepare().solve(costs, allowed=allowed)
    infeasible = 0
    for row in range(60):
        graph = grid_graph(5, 6, neighbours == 8).subgraph([tuple(cell) for cell in np.argwhere(allowed[row])])
        if not (graph.has_node((0, 0)) and graph.has_node((4, 5)) and nx.has_path(graph, (0, 0), (4, 5))):
            assert found.status[row] == SolveStatus.INFEASIBLE
            assert found.messages[row] == "no path from (0, 0) to (4, 5) through the cells that are allowed"
            assert not found.solutions[row].any()
            infeasible += 1
            continue
        directed = graph.to_directed()
        nx.set_edge_attributes(directed, {arc: costs[row][arc[1]] for arc in directed.edges}, "cost")
        best = nx.shortest_path_length(directed, (0, 0), (4, 5), "cost") + costs[row, 0, 0]
        assert found.values[row] == pytest.approx(best, rel=1e-12)
        assert not found.solutions[row][~allowed[row]].any()
    assert 5 < infeasible < 55


@pytest.mark.parametrize("small", [2**20, 0])
@pytest.mark.parametrize("weights", ["edge", "node"])
@pytest.mark.parametrize("kind", ["undirected", "directed", "acyclic"])
def test_graphs_with_walls_against_networkx(monkeypatch, kind, weights, small):
    """Swept in lanes, and searched from both ends."""
    monkeypatch.setattr(shortest_path, "SMALL", small)
    monkeypatch.setattr(shortest_path, "MEDIUM", small)
    rng = np.random.default_rng(5)
    pairs = {tuple(sorted(pair)) for pair in rng.integers(0, 9, (26, 2)).tolist() if pair[0] != pair[1]}
    pairs = [pair if kind != "directed" or rng.random() < 0.5 else pair[::-1] for pair in sorted(pairs)]
    directed = kind != "undirected"
    solver = ShortestPathSolver(weights=weights)
    prepared = solver.prepare(edges=pairs, nodes=9, directed=directed, source=0, target=8)
    (items,) = prepared.objective_shape
    costs, allowed = rng.uniform(0.1, 1, (50, items)), rng.random((50, items)) < 0.7
    found = prepared.solve(costs, allowed=allowed)
    assert (found.status == SolveStatus.INFEASIBLE).any()
    for row in range(50):
        graph = nx.DiGraph() if directed else nx.Graph()
        nodes = np.flatnonzero(allowed[row]).tolist() if weights == "node" else range(9)
        graph.add_nodes_from(nodes)
        for edge, (tail, head) in enumerate(pairs):
            if weights == "edge" and allowed[row, edge]:
                graph.add_edge(tail, head, cost=costs[row, edge])
            elif weights == "node" and tail in graph and head in graph:
                graph.add_edge(tail, head)
        if not (0 in graph and 8 in graph and nx.has_path(graph, 0, 8)):
            assert found.status[row] == SolveStatus.INFEASIBLE
            assert found.messages[row] == f"no path from 0 to 8 through the {weights}s that are allowed"
            assert not found.solutions[row].any()
            continue
        arcs = graph.to_directed()
        if weights == "node":
            nx.set_edge_attributes(arcs, {arc: costs[row, arc[1]] for arc in arcs.edges}, "cost")
        best = nx.shortest_path_length(arcs, 0, 8, "cost") + (costs[row, 0] if weights == "node" else 0)
        assert found.status[row] == SolveStatus.OPTIMAL
        assert found.values[row] == pytest.approx(best, rel=1e-12)
        alone = solver.prepare(
            edges=pairs, nodes=9, directed=directed, source=0, target=8, allowed=allowed[row].astype(float)
        )
        assert np.array_equal(alone.solve(costs[row : row + 1]).solutions[0], found.solutions[row])


def test_negative_costs_of_what_is_not_allowed_do_not_count():
    costs = np.ones((2, 2, 2))
    costs[:, 0, 1] = -1
    allowed = np.array([[[1, 0], [1, 1]], [[1, 1], [1, 1]]])
    found = GridShortestPathSolver(neighbours=4).prepare().solve(costs, allowed=allowed)
    assert found.counters == {"clipped_rows": 1, "clipped_entries": 1}
    assert found.solutions.tolist() == [[[1, 0], [1, 1]], [[1, 1], [0, 1]]]
    with pytest.raises(ObjectiveError, match=r"found -1 at cell \(0, 1\)") as caught:
        GridShortestPathSolver(negative="raise").prepare().solve(costs, allowed=allowed)
    assert caught.value.row == 1


def test_costs_that_add_up_to_infinity_are_told_from_walls():
    found = GridShortestPathSolver().prepare().solve(np.full((2, 2, 2), 1e308), allowed=[np.eye(2), 1 - np.eye(2)])
    assert found.status.tolist() == [SolveStatus.ERROR, SolveStatus.INFEASIBLE]


def test_masks_of_the_layer_of_the_call_and_none_of_all():
    hole = torch.ones(3, 3)
    hole[1, 1] = 0
    costs = torch.ones(2, 3, 3)
    layer = imle.layer("grid-shortest-path", allowed=hole).eval()
    assert layer(costs).sum(dim=(1, 2)).tolist() == [4.0, 4.0]
    assert layer(costs, allowed=[None, hole]).sum(dim=(1, 2)).tolist() == [3.0, 4.0]
    assert layer(costs, allowed=torch.stack([hole, torch.ones(3, 3)])).sum(dim=(1, 2)).tolist() == [4.0, 3.0]
    free = imle.layer("grid-shortest-path", nb_samples=3, noise="multiplicative")
    wanted = costs.clone().requires_grad_()
    visits = free(wanted, allowed=torch.stack([hole, hole]))
    assert not visits[:, 1, 1].any()
    visits[:, 0, 1].sum().backward()
    assert free.stats.batches == 2
    assert not wanted.grad[:, 1, 1].any()


@pytest.mark.parametrize(
    ("allowed", "message", "row"),
    [
        ([np.ones((2, 2))], "allowed: expected one mask per row, 2 in all, found 1", None),
        (
            [np.ones((2, 2)), np.ones((2, 3))],
            "allowed: expected a mask of shape [2, 2], of bool or 0/1, found ndarray of shape [2, 3]",
            1,
        ),
        (
            np.full((2, 2, 2), 0.5),
            "allowed: expected a mask of shape [2, 2], of bool or 0/1, found ndarray of shape [2, 2]",
            0,
        ),
        (["ab", None], "allowed: expected a mask of shape [2, 2], of bool or 0/1, found str", 0),
    ],
)
def test_what_is_no_mask_names_its_row(allowed, message, row):
    with pytest.raises(InstanceError) as caught:
        GridShortestPathSolver().prepare().solve(np.ones((2, 2, 2)), allowed=allowed)
    assert caught.value.message == f"grid-shortest-path: {message}"
    assert caught.value.row == row


def test_what_is_no_mask_of_all_rows():
    with pytest.raises(
        InstanceError, match=r"allowed: expected a mask of shape \[any, any\], of bool or 0/1, found int"
    ):
        GridShortestPathSolver().prepare(allowed=3)
    with pytest.raises(InstanceError, match=r"expected a mask of shape \[2\], of bool or 0/1, found list"):
        ShortestPathSolver().prepare(edges=[[0, 1], [1, 2]], source=0, target=2, allowed=[1])
    with pytest.raises(ObjectiveError, match=r"expected objectives of shape \[N, 2, 2\], as the mask has, found"):
        GridShortestPathSolver().prepare(allowed=np.ones((2, 2))).solve(np.ones((1, 3, 3)))
    with pytest.raises(OptionError, match="did you mean 'allowed'"):
        imle.layer("grid-shortest-path", walls=np.ones((2, 2)))


def test_masks_take_no_noise():
    with pytest.raises(OptionError, match=r"found mask \[H, W\] \| None: what is learned belongs into the objective"):
        imle.layer("grid-shortest-path", learned={"allowed": 0.1})


def test_infinite_costs_are_told_of_masks():
    costs = torch.ones(1, 2, 2)
    costs[0, 0, 1] = torch.inf
    with pytest.raises(ObjectiveError) as caught:
        imle.layer("grid-shortest-path", noise=None)(costs)
    assert "allowed= forbids entries" in str(caught.value)
