"""Columns in the user's own order: edges of a graph, lists of edges without one, and what columns are called."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import imle
from imle.errors import InstanceError
from imle_networkx.arborescence import ArborescenceSolver
from imle_networkx.bounded_path import BoundedPathSolver
from imle_networkx.max_weight_matching import MaxWeightMatchingSolver
from imle_networkx.min_cut import MinCutSolver
from imle_networkx.perfect_matching import PerfectMatchingSolver
from imle_networkx.several_paths import KShortestPathsSolver
from imle_networkx.shortest_path import ShortestPathSolver
from imle_networkx.spanning_tree import SpanningTreeSolver
from imle_networkx.steiner_tree import SteinerTreeSolver

KINDS = (nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph)
quick = settings(max_examples=150)
PATH = ShortestPathSolver()


def edges_of(graph):
    return list(graph.edges(keys=True)) if graph.is_multigraph() else list(graph.edges)


@st.composite
def listed(draw, kinds=KINDS):
    """A graph, its edges in another order (undirected ones spelled from either end), and rows of whole numbers."""
    names = draw(st.permutations(["a", "b", ("c", 1), 4, 5.5]))
    node = st.sampled_from(names)
    graph = draw(st.sampled_from(kinds))()
    graph.add_nodes_from(names)
    graph.add_edges_from(draw(st.lists(st.tuples(node, node), min_size=1, max_size=9)))
    edges = draw(st.permutations(edges_of(graph)))
    if not graph.is_directed():
        edges = [(edge[1], edge[0], *edge[2:]) if draw(st.booleans()) else edge for edge in edges]
    row = st.lists(st.integers(0, 3).map(float), min_size=len(edges), max_size=len(edges))
    return graph, edges, np.array(draw(st.lists(row, min_size=1, max_size=3)))


def paths(graph, edges, source, target):
    """Masks of all simple paths, one entry per edge as listed."""
    multiple = graph.is_multigraph()
    place = {edge: number for number, edge in enumerate(edges)}
    if not graph.is_directed():
        place |= {(edge[1], edge[0], *edge[2:]): number for edge, number in place.items()}
    found = nx.all_simple_edge_paths(graph, source, target)
    chosen = [{place[edge if multiple else edge[:2]] for edge in path} for path in found]
    return np.array([[float(number in path) for number in range(len(edges))] for path in chosen])


@quick
@given(problem=listed())
@pytest.mark.parametrize("alone", [False, True])
def test_paths_against_enumeration(problem, alone):
    graph, edges, costs = problem
    instance = {"graph": graph, "edges": edges}
    if alone:
        instance = {"edges": [edge[:2] for edge in edges], "nodes": list(graph), "directed": graph.is_directed()}
    prepared = PATH.prepare(source="a", target=4, **instance)
    assert prepared.labels == instance["edges"]
    masks = paths(graph, edges, "a", 4)
    result = prepared.solve(costs)
    if not len(masks):
        assert not result.solutions.any()
        return
    np.testing.assert_array_equal(result.values, (costs @ masks.T).min(axis=1))
    known = set(map(tuple, masks.tolist()))
    assert all(tuple(mask) in known for mask in result.solutions.astype(float).tolist())


SOLVERS = {
    "shortest path": (ShortestPathSolver(), {"source": "a", "target": 4}, KINDS),
    "bounded path": (BoundedPathSolver(), {"source": "a", "target": 4, "hops": 4}, KINDS),
    "cut": (MinCutSolver(), {"source": "a", "target": 4}, KINDS),
    "tree": (SpanningTreeSolver(), {}, (nx.Graph, nx.MultiGraph)),
    "matching": (MaxWeightMatchingSolver(), {}, (nx.Graph, nx.MultiGraph)),
    "Steiner tree": (SteinerTreeSolver(), {"terminals": ["a", 4]}, (nx.Graph, nx.MultiGraph)),
    "two paths": (KShortestPathsSolver(), {"source": "a", "target": 4, "k": 2}, KINDS),
    "arborescence": (ArborescenceSolver(sense="max"), {}, (nx.DiGraph, nx.MultiDiGraph)),
}


@pytest.mark.parametrize("name", SOLVERS)
@settings(max_examples=60)
@given(data=st.data())
def test_another_order_is_the_same_problem(name, data):
    solver, instance, kinds = SOLVERS[name]
    graph, edges, costs = data.draw(listed(kinds))
    try:
        whole = solver.prepare(graph=graph, **instance)
    except InstanceError:
        with pytest.raises(InstanceError):
            solver.prepare(graph=graph, edges=edges, **instance)
        return
    prepared = solver.prepare(graph=graph, edges=edges, **instance)
    assert prepared.labels == edges
    back = [next(k for k, own in enumerate(edges) if same(graph, own, edge)) for edge in whole.labels]
    expected, found = whole.solve(costs[:, back]), prepared.solve(costs)
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.messages == expected.messages
    if name == "cut":  # the same one of several best ones, whatever the order
        np.testing.assert_array_equal(found.solutions[:, back], expected.solutions)


def same(graph, one, other):
    return one == other or (not graph.is_directed() and (one[1], one[0], *one[2:]) == other)


def test_matchings_in_any_order():
    graph = nx.complete_graph("abcdef")
    edges = [edge[::-1] for edge in reversed(list(graph.edges))]
    costs = np.random.default_rng(0).normal(size=(20, 15))
    prepared = PerfectMatchingSolver().prepare(graph, edges)
    whole = PerfectMatchingSolver().prepare(graph).solve(costs[:, ::-1].copy())
    np.testing.assert_array_equal(prepared.solve(costs).solutions, whole.solutions[:, ::-1])
    assert prepared.labels == edges


def test_paths_of_the_benchmark_in_the_order_of_its_data():
    data = imle.datasets.shortest_path(200, seed=1)
    layer = imle.layer("networkx-shortest-path", edges=data.edges, source=0, target=24).eval()
    steps = [walk for walk in itertools.product((1, 5), repeat=8) if walk.count(5) == 4]
    nodes = [list(itertools.accumulate((0, *walk))) for walk in steps]
    masks = torch.tensor([[float(edge in itertools.pairwise(walk)) for edge in data.edges] for walk in nodes])
    assert torch.equal(layer(data.costs), masks[(data.costs @ masks.T).argmin(dim=1)])
    assert layer.labels == list(data.edges)
    graph = nx.DiGraph(data.edges)
    assert list(graph.edges) != list(data.edges)  # networkx lists them node by node
    both = imle.layer("networkx-shortest-path", graph=graph, edges=data.edges, source=0, target=24).eval()
    assert torch.equal(both(data.costs), layer(data.costs))


def test_nodes_in_the_order_of_the_user():
    edges = [("b", "c"), ("a", "b"), ("a", "c")]
    costs = np.array([[1.0, 1.0, 1.0]])
    prepared = ShortestPathSolver(weights="node").prepare(edges=edges, source="a", target="c")
    assert prepared.labels == ["b", "c", "a"]
    assert prepared.solve(costs).solutions.tolist() == [[0, 1, 1]]
    prepared = ShortestPathSolver(weights="node").prepare(edges=edges, nodes=[*"adcb"], source="a", target="c")
    assert prepared.labels == ["a", "d", "c", "b"]
    assert prepared.solve(np.ones((1, 4))).solutions.tolist() == [[1, 0, 1, 0]]
    numbers = ShortestPathSolver(weights="node").prepare(edges=np.array([[2, 0]]), nodes=4, source=2, target=0)
    assert numbers.labels == [0, 1, 2, 3]


def test_edges_of_all_types():
    lists = [[2, 0], [0, 1], [1, 2]]
    for edges in (lists, tuple(map(tuple, lists)), np.array(lists, np.uint8), torch.tensor(lists)):
        prepared = PATH.prepare(edges=edges, source=2, target=1)
        assert prepared.labels == [(2, 0), (0, 1), (1, 2)]
        assert prepared.solve(np.ones((1, 3))).solutions.tolist() == [[1, 1, 0]]
    cells = [((0, 0), (0, 1)), ((0, 1), (1, 1))]
    assert PATH.prepare(edges=cells, source=(0, 0), target=(1, 1)).solve(np.ones((1, 2))).values.tolist() == [2.0]
    names = np.array([["left", "right"]])
    assert PATH.prepare(edges=names, source="left", target="right").labels == [("left", "right")]


def test_tables_of_edges():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"ab": ["x", "y"], "cd": ["y", "z"]})
    prepared = PATH.prepare(edges=table, source="x", target="z")
    assert prepared.labels == [("x", "y"), ("y", "z")]
    assert PATH.prepare(graph=nx.DiGraph([("y", "z"), ("x", "y")]), edges=table).labels == prepared.labels
    assert PATH.prepare(edges=table == "y", nodes=[True, False]).labels == [(False, True), (True, False)]


def test_numbers_of_all_types():
    for nodes in (3, np.int8(3), np.array(3), torch.tensor(3)):
        assert SpanningTreeSolver().prepare(edges=[(0, 1), (1, 2)], nodes=nodes).graph.nodes == 3
    for node in (np.int64(1), np.array(1), torch.tensor(1)):
        assert PATH.prepare(edges=[(0, 1)], source=0, target=node).solve(np.ones((1, 1))).values.tolist() == [1.0]


def test_labels_are_a_copy():
    graph = nx.path_graph(3)
    PATH.prepare(graph).labels.clear()
    assert PATH.prepare(graph).labels == [(0, 1), (1, 2)]


def test_labels_of_layers():
    graph = nx.MultiGraph([("a", "b"), ("c", "b"), ("b", "a")])
    for options in ({}, {"cache": 8}, {"executor": 2}, {"pool": 0.5}):
        layer = imle.layer("networkx-shortest-path", graph=graph, source="a", target="c", **options)
        assert layer.labels == list(graph.edges(keys=True))
    assert imle.layer("grid-shortest-path").labels is None
    with pytest.raises(InstanceError, match="expected graph, or edges, found neither"):
        _ = imle.layer("networkx-shortest-path").labels  # every row brings its own


def test_edges_per_row():
    layer = imle.layer("networkx-shortest-path", source="a", target="c").eval()
    lists = [[("a", "c"), ("a", "b"), ("b", "c")], [("b", "c"), ("a", "b")]]
    assert layer(torch.tensor([[3.0, 1, 1], [1, 1, 0]]), edges=lists).tolist() == [[0, 1, 1], [1, 1, 0]]


TRIANGLE = nx.Graph([("a", "b"), ("b", "c"), ("a", "c")])
DOUBLE = nx.MultiDiGraph([("a", "b"), ("a", "b")])
REFUSED = {
    "edges: expected edges of the graph, found ('a', 'd') at position 1\n"
    "  hint: edges are written as in G.edges; the first one is ('a', 'b')": (TRIANGLE, [("a", "b"), ("a", "d")], None),
    "edges: expected edges of the graph, found ('a', ['b']) at position 0": (TRIANGLE, [("a", ["b"])], None),
    "edges: expected edges of the graph, found ('b', 'a', 0) at position 0": (DOUBLE, [("b", "a", 0)], None),
    "edges: expected edges of the graph, found ('a', 'b') at position 0\n"
    "  hint: edges are written as in G.edges; the first one is ('a', 'b', 0)": (DOUBLE, [("a", "b")], None),
    "edges: expected every edge once, found ('a', 'b') at position 0 and ('b', 'a') at position 2": (
        TRIANGLE,
        [("a", "b"), ("b", "c"), ("b", "a")],
        None,
    ),
    "edges: expected all 3 edges of the graph, found 1, ('a', 'b') is missing\n"
    "  hint: leave the graph out if this list is the graph": (TRIANGLE, [("c", "b")], None),
    "edges: expected a sequence of pairs of nodes: 'int' object is not iterable": (None, 7, None),
    "edges: expected pairs of nodes, found ('a',) at position 1": (None, [("a", "b"), ("a",)], None),
    "edges: expected pairs of nodes, found ('a', None) at position 0": (None, [("a", None)], None),
    "edges: expected names of nodes that can be hashed: unhashable type: 'list'": (None, [("a", ["b"])], None),
    "edges: expected pairs of the nodes in nodes, found ('a', 'd') at position 1": (
        None,
        [("a", "b"), ("a", "d")],
        ["a", "b"],
    ),
    "nodes: expected the name of every node once, found ['a', 'b', 'a']": (None, [("a", "b")], ["a", "b", "a"]),
    "nodes: expected the name of every node once, found []": (None, [], []),
    "nodes: expected the names of the nodes, as edges have them, found 2": (None, [("a", "b")], 2),
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused(message):
    graph, edges, nodes = REFUSED[message]
    with pytest.raises(InstanceError) as caught:
        PATH.prepare(graph, edges=edges, nodes=nodes)
    assert str(caught.value).startswith(f"networkx-shortest-path: {message}")


def test_an_end_that_a_list_does_not_have():
    with pytest.raises(InstanceError) as caught:
        PATH.prepare(edges=[("left", "right")], source="lefd")
    assert str(caught.value).endswith("the graph has no node 'lefd'\n  hint: did you mean 'left'?")
    with pytest.raises(InstanceError, match=r"hint: nodes are compared as in edges; the first one is 'left' \(str\)"):
        PATH.prepare(edges=[("left", "right")], source=3)
