"""Through `imle.layer`: rows with their own ends and graphs, and rows that fail, as users meet them."""

from __future__ import annotations

import networkx as nx
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError, SolveError, SolverWarning

K4 = nx.complete_graph(4)
INSTANCES = {
    "spanning-tree": {"graph": K4},
    "arborescence": {"graph": K4.to_directed(), "root": 0},
    "perfect-matching": {"graph": K4},
    "min-cut": {"graph": K4, "source": 0, "target": 3},
    "bounded-path": {"graph": nx.cycle_graph(4), "source": 0, "target": 2, "hops": 2},
}


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


@pytest.mark.parametrize("solver", INSTANCES)
def test_a_gradient_step(solver):
    torch.manual_seed(0)
    instance = INSTANCES[solver]
    costs = torch.rand(8, instance["graph"].number_of_edges(), dtype=torch.float64).add(3).requires_grad_()
    layer = imle.layer(solver, nb_samples=8, temperature=0.3, **instance)
    out = layer(costs)
    out[:, 0].sum().backward()
    assert out.shape == costs.shape
    assert torch.isfinite(costs.grad).all()
    assert costs.grad.abs().sum() > 0


@pytest.mark.parametrize("solver", INSTANCES)
def test_objectives_that_are_not_finite_are_refused(solver):
    layer = imle.layer(solver, **INSTANCES[solver]).eval()
    costs = torch.ones(2, INSTANCES[solver]["graph"].number_of_edges())
    costs[1, 2] = float("nan")
    with pytest.raises(ObjectiveError, match="row 1, position 2"):
        layer(costs)


def test_training_finds_the_weights_of_a_tree():
    torch.manual_seed(0)
    features, secret = torch.randn(60, 4), torch.randn(4, 6)
    layer = imle.layer("spanning-tree", graph=K4, nb_samples=5, temperature=0.5)
    wanted = layer.eval()(features @ secret)
    model = torch.nn.Linear(4, 6, bias=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)

    def mistakes():
        return float((layer.eval()(model(features)) - wanted).detach().abs().mean())

    before = mistakes()
    for _ in range(40):
        optimizer.zero_grad()
        (layer.train()(model(features)) - wanted).square().mean().backward()
        optimizer.step()
    assert mistakes() < 0.5 * before


def test_instances_per_row():
    layer = imle.layer("spanning-tree").eval()
    edges = [[[0, 1], [1, 2], [0, 2]], [[0, 1], [1, 2]]]
    assert layer(torch.tensor([[1.0, 2, 3], [1, 1, 0]]), edges=edges).tolist() == [[1, 1, 0], [1, 1, 0]]
    with pytest.raises(InstanceError, match="spanning-tree: expected graph, or edges, found neither"):
        layer(torch.ones(1, 3))
    path = imle.layer("bounded-path", graph=K4, source=0).eval()
    masks = path(torch.ones(2, 6), target=[1, 2], hops=[1, 2])
    assert masks.tolist() == [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]


def test_clipping_warns_once():
    layer = imle.layer("min-cut", **INSTANCES["min-cut"]).eval()
    with pytest.warns(SolverWarning, match="^min-cut: negative capacities were clipped to zero"):
        layer(-torch.ones(2, 6))
    layer(-torch.ones(2, 6))  # a second warning would be an error
    assert layer.stats.events == {"clipped_rows": 4, "clipped_entries": 24}
