"""Sources and targets: for all rows, per row, missing, unknown; rows whose target is out of reach."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import SolveStatus
from imle_networkx.shortest_path import ShortestPathSolver

MISSING = "  hint: give {0}=... to imle.layer for all rows, or to the call, one per row"


@pytest.fixture(params=[8, 300], ids=["small", "large"])
def graph(request) -> nx.Graph:
    """A circle of named nodes with all chords, and two nodes that hang together apart from it."""
    whole = nx.complete_graph(request.param // 4)
    whole = nx.relabel_nodes(whole, {node: f"node {node}" for node in whole})
    whole.add_edge("left", "right")
    return whole


def ones(graph, rows):
    return np.ones((rows, graph.number_of_edges()))


def test_per_row(graph):
    prepared = ShortestPathSolver().prepare(graph)
    result = prepared.solve(ones(graph, 3), source=["node 0", "right", "node 1"], target=["node 1", "left", "node 1"])
    assert result.status is None
    edges = list(graph.edges)
    chosen = [{frozenset(edges[k]) for k in np.flatnonzero(mask)} for mask in result.solutions]
    assert chosen == [{frozenset(("node 0", "node 1"))}, {frozenset(("left", "right"))}, set()]


def test_samples_that_repeat_their_ends(graph):
    ends = [end for end in ("left", "node 1", "left") for _ in range(3)]
    result = ShortestPathSolver().prepare(graph).solve(ones(graph, 9), source=ends, target=["right"] * 9)
    assert result.status.tolist() == [0] * 3 + [2] * 3 + [0] * 3


def test_per_row_replaces_the_fixed_end(graph):
    prepared = ShortestPathSolver().prepare(graph, source="left", target="node 0")
    result = prepared.solve(ones(graph, 2), target=["right", "left"])
    assert result.values.tolist() == [1.0, 0.0]


def test_only_unreachable_rows_fail(graph):
    for weights in ("edge", "node"):
        prepared = ShortestPathSolver(weights=weights).prepare(graph, source="node 0")
        costs = np.ones((3, *prepared.objective_shape))
        result = prepared.solve(costs, target=["node 1", "left", "node 0"])
        assert result.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE, SolveStatus.OPTIMAL]
        assert result.status.dtype == np.int8
        assert result.messages == {1: "no path from 'node 0' to 'left'"}
        assert not result.solutions[1].any()


@pytest.mark.parametrize(("given", "name"), [({}, "source"), ({"source": "left"}, "target")])
def test_missing(graph, given, name):
    prepared = ShortestPathSolver().prepare(graph, **given)
    with pytest.raises(InstanceError) as caught:
        prepared.solve(ones(graph, 2))
    assert str(caught.value) == f"networkx-shortest-path: {name} missing\n" + MISSING.format(name)


def test_wrong_number(graph):
    with pytest.raises(InstanceError) as caught:
        ShortestPathSolver().prepare(graph, source="left").solve(ones(graph, 2), target=["right"])
    assert str(caught.value) == "networkx-shortest-path: target: expected one per row, 2 in all, found 1"


def test_unknown_node_with_a_similar_name(graph):
    message = "networkx-shortest-path: source: the graph has no node 'lefd'\n  hint: did you mean 'left'?"
    with pytest.raises(InstanceError) as caught:
        ShortestPathSolver().prepare(graph, source="lefd", target="right")
    assert str(caught.value) == message
    with pytest.raises(InstanceError) as caught:
        ShortestPathSolver().prepare(graph, target="right").solve(ones(graph, 2), source=["left", "lefd"])
    assert str(caught.value) == message
    assert caught.value.row == 1


@pytest.mark.parametrize("node", [7, "zzz", ["left"], 1.5])
def test_unknown_node_without_a_similar_one(graph, node):
    with pytest.raises(InstanceError) as caught:
        ShortestPathSolver().prepare(graph, source="left", target=node)
    assert str(caught.value) == (
        f"networkx-shortest-path: target: the graph has no node {node!r}\n"
        "  hint: nodes are compared as in G.nodes; the first one is 'node 0' (str)"
    )


@pytest.mark.parametrize(("graph", "found"), [({"a": ["b"]}, "dict"), (nx.Graph, "type"), (7, "int")])
def test_not_a_graph(graph, found):
    with pytest.raises(InstanceError) as caught:
        ShortestPathSolver().prepare(graph, source="a", target="b")
    assert str(caught.value) == (
        f"networkx-shortest-path: graph: expected a networkx graph, found {found}\n"
        "  hint: Graph, DiGraph, MultiGraph and MultiDiGraph are accepted; a list of edges is given as edges=..."
    )


def test_empty_graph():
    with pytest.raises(InstanceError) as caught:
        ShortestPathSolver().prepare(nx.DiGraph(), source="a", target="b")
    assert str(caught.value) == "networkx-shortest-path: graph: expected at least one node, found an empty graph"


@pytest.mark.parametrize("weights", ["edge", "node"])
def test_wrong_number_of_costs(weights):
    prepared = ShortestPathSolver(weights=weights).prepare(nx.path_graph(4), source=0, target=3)
    size = prepared.objective_shape[0]
    with pytest.raises(ObjectiveError) as caught:
        prepared.solve(np.ones((2, 7)))
    assert str(caught.value) == (
        f"networkx-shortest-path: expected objectives of shape [N, {size}], one number per {weights}, found [2, 7]"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": "arc"}, "networkx-shortest-path: weights: expected 'edge' or 'node', found 'arc'"),
        ({"negative": "shift"}, "networkx-shortest-path: negative: expected 'clip' or 'raise', found 'shift'"),
    ],
)
def test_options(options, message):
    with pytest.raises(OptionError) as caught:
        ShortestPathSolver(**options)
    assert str(caught.value) == message


def test_empty_batch(graph):
    result = ShortestPathSolver().prepare(graph, source="left", target="right").solve(ones(graph, 0))
    assert result.solutions.shape == (0, graph.number_of_edges())
    assert result.status is None


def test_close_may_be_repeated(graph):
    prepared = ShortestPathSolver().prepare(graph, source="left", target="right")
    prepared.close()
    prepared.close()
