"""Through `imle.layer`: rows with their own ends and graphs, and rows that fail, as users meet them."""

from __future__ import annotations

import networkx as nx
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError, SolveError, SolverWarning


def path_layer(**arguments):
    return imle.layer("networkx-shortest-path", **arguments).eval()


def test_one_graph_per_row_with_its_own_ends():
    graphs = [nx.path_graph(3), nx.cycle_graph(5)]  # two and five edges: costs are padded to the widest
    paths = path_layer()(torch.ones(2, 5), graph=graphs, source=[0, 4], target=[2, 0])
    assert paths.tolist() == [[1, 1, 0, 0, 0], [0, 1, 0, 0, 0]]


def test_an_unknown_end_names_its_row():
    layer = path_layer(graph=nx.path_graph(3), source=0)
    with pytest.raises(InstanceError) as caught:
        layer(torch.ones(2, 2), target=[1, 7])
    assert str(caught.value) == (
        "networkx-shortest-path: target: the graph has no node 7 (row 1)\n"
        "  hint: nodes are compared as in G.nodes; the first one is 0 (int)"
    )


def test_rows_out_of_reach_are_named_or_passed_over():
    graph = nx.Graph([("a", "b"), ("c", "d")])
    with pytest.raises(SolveError, match="row 1: infeasible: no path from 'a' to 'd'"):
        path_layer(graph=graph, source="a")(torch.ones(2, 2), target=["b", "d"])
    layer = path_layer(graph=graph, source="a", on_failure="zero-grad")
    assert layer(torch.ones(2, 2), target=["b", "d"]).tolist() == [[1, 0], [0, 0]]


def test_negative_costs_warn_once_and_are_counted():
    layer = path_layer(graph=nx.cycle_graph(3), source=0, target=1)
    costs = torch.tensor([[-1.0, 1.0, -2.0]])
    with pytest.warns(SolverWarning, match=r"^networkx-shortest-path: negative costs were clipped to zero"):
        layer(costs)
    layer(costs)  # a second warning would be an error
    assert layer.stats.events == {"clipped_rows": 2, "clipped_entries": 4}


def test_negative_costs_are_refused_by_row():
    layer = imle.layer("grid-shortest-path", negative="raise").eval()
    costs = torch.ones(2, 2, 2)
    costs[1, 0, 1] = -1
    with pytest.raises(ObjectiveError, match=r"found -1 at cell \(0, 1\); 1 of 8 entries are negative \(row 1\)"):
        layer(costs)


@pytest.mark.parametrize("executor", [None, 2])
def test_rows_with_negative_costs_are_passed_over(executor):
    """Refused rows are rows that failed: they do not take the batch along."""
    layer = imle.layer("grid-shortest-path", negative="raise", on_failure="zero-grad", executor=executor).eval()
    costs = torch.ones(5, 2, 2)
    costs[[1, 3], 0, 1] = -1
    assert layer(costs).flatten(1).any(dim=1).tolist() == [True, False, True, False, True]
    assert [(failure.row, failure.status.name) for failure in sorted(layer.failures)] == [(1, "ERROR"), (3, "ERROR")]
    assert "found -1 at cell (0, 1)" in layer.failures[0].message


def test_gradients_move_costs_towards_the_gold_path():
    graph = nx.DiGraph([("a", "b"), ("b", "d"), ("a", "c"), ("c", "d")])  # edges ab, ac, bd, cd
    layer = imle.layer("networkx-shortest-path", graph=graph, source="a", target="d", noise="none")
    costs = torch.tensor([[1.0, 2.0, 1.0, 2.0]], requires_grad=True)
    loss = (layer(costs) - torch.tensor([0.0, 1.0, 0.0, 1.0])).abs().sum()
    loss.backward()
    assert costs.grad.sign().tolist() == [[-1, 1, -1, 1]]
