"""The map, its gold path, and the loss, checked independently of the solver."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
import torch

from imle_gallery.experiments.problem import hamming, shortest_path, true_weights

MAP = """\
................
############....
############....
############....
############....
############....
................
................
.###############
.###############
.###############
.###############
................
................
......####......
......####......"""


def cheapest(costs: np.ndarray) -> float:
    """Cost of the shortest 8-neighbour path from corner to corner, both ends included."""
    graph = nx.DiGraph()
    height, width = costs.shape
    for r, c in np.ndindex(height, width):
        for dr, dc in itertools.product((-1, 0, 1), repeat=2):
            if (dr or dc) and 0 <= r + dr < height and 0 <= c + dc < width:
                graph.add_edge((r, c), (r + dr, c + dc), weight=float(costs[r + dr, c + dc]))
    return float(costs[0, 0]) + nx.dijkstra_path_length(graph, (0, 0), (height - 1, width - 1))


def is_path(mask: np.ndarray) -> bool:
    """Whether the cells join the two corners without a loop or a branch."""
    cells = [tuple(cell) for cell in np.argwhere(mask)]
    touching = [(a, b) for a, b in itertools.combinations(cells, 2) if max(abs(a[0] - b[0]), abs(a[1] - b[1])) == 1]
    graph = nx.Graph(touching)
    ends = {cell for cell, degree in graph.degree if degree == 1}
    return nx.is_connected(graph) and nx.is_tree(graph) and ends == {(0, 0), (len(mask) - 1, len(mask[0]) - 1)}


def test_map():
    drawn = [["#" if weight == -100 else "." for weight in row] for row in true_weights()[0].tolist()]
    assert "\n".join("".join(row) for row in drawn) == MAP
    assert set(true_weights().unique().tolist()) == {-1.0, -100.0}


def test_gold_path_is_a_shortest_path(quick):
    costs = -true_weights()[0].numpy()
    gold = np.array([[cell == "#" for cell in row] for row in quick.results["gold_path"]])
    assert (gold == shortest_path(true_weights())[0].numpy()).all()
    assert is_path(gold)
    assert costs[gold].sum() == cheapest(costs) == 47


def test_learned_costs_make_the_gold_path_cheapest(quick, frames_of):
    canvases = quick.page_data["sections"][1]["canvases"]
    for setting in quick.results["settings"]:
        gold = frames_of(canvases[f"gold-{setting['name']}"])[0] == 2
        costs = frames_of(canvases[f"costs-{setting['name']}"])[-1].astype(float)
        # the page holds costs in 255 steps, so path costs are known to half a step per cell
        assert costs[gold].sum() <= cheapest(costs) + gold.sum() / 2


def test_hamming():
    gold = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    paths = torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]]])
    assert hamming(paths, gold).item() == pytest.approx((0 + 1 + 2) / 3)
