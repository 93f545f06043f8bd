"""A graph is read once, and again when it has changed; a prepared solver keeps the graph it was given."""

from __future__ import annotations

import gc
import weakref

import networkx as nx
import numpy as np
import pytest

from imle_networkx.graph import Graph, read
from imle_networkx.shortest_path import ShortestPathSolver

KINDS = (nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph)


def snapshot(graph) -> Graph:
    found = read("networkx-shortest-path", graph)
    assert found is not None
    return found


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def graph(request):
    return nx.path_graph(4, create_using=request.param)


def test_prepared_again_for_other_ends_without_being_read_again(graph):
    first = ShortestPathSolver().prepare(graph, source=0, target=3)
    second = ShortestPathSolver(weights="node").prepare(graph, source=1, target=2)
    assert first.graph is second.graph


CHANGES = {
    "a node": lambda graph: graph.add_node("new"),
    "an edge": lambda graph: graph.add_edge(0, 3),
    "an edge moved": lambda graph: (graph.remove_edge(0, 1), graph.add_edge(0, 2)),
    "edges in another order": lambda graph: (graph.remove_edge(0, 1), graph.add_edge(0, 1), graph.add_edge(0, 3)),
    "a node renamed": lambda graph: nx.relabel_nodes(graph, {3: "three"}, copy=False),
    "another direction": lambda graph: (graph.remove_edge(1, 2), graph.add_edge(2, 1)),
    "nodes in another order": lambda graph: (
        graph.remove_node(0),
        graph.add_node(0),
        graph.add_edge(0, 1),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_read_again_when_changed(graph, change):
    before = snapshot(graph)
    CHANGES[change](graph)
    after = snapshot(graph)
    edges = list(graph.edges(keys=True)) if graph.is_multigraph() else list(graph.edges)
    assert after.edge_labels == edges
    assert after.node_labels == list(graph)
    if before.edge_labels != edges or before.node_labels != list(graph):
        assert after is not before


def test_a_tail_moved():
    graph = nx.DiGraph()
    graph.add_nodes_from(range(3))
    graph.add_edge(0, 2)
    assert snapshot(graph).edge_labels == [(0, 2)]
    graph.remove_edge(0, 2)
    graph.add_edge(1, 2)
    assert snapshot(graph).edge_labels == [(1, 2)]


def test_keys_of_parallel_edges_count():
    graph = nx.MultiGraph([(0, 1, "x"), (0, 1, "y")])
    assert snapshot(graph).edge_labels == [(0, 1, "x"), (0, 1, "y")]
    graph.remove_edge(0, 1, "x")
    graph.add_edge(0, 1, "z")
    assert snapshot(graph).edge_labels == [(0, 1, "y"), (0, 1, "z")]


def test_attributes_do_not_count(graph):
    before = snapshot(graph)
    nx.set_edge_attributes(graph, 3.0, "weight")
    assert snapshot(graph) is before


def test_a_prepared_solver_keeps_its_graph(graph):
    prepared = ShortestPathSolver().prepare(graph, source=0, target=3)
    graph.add_edge(0, 3)
    assert prepared.objective_shape == (3,)
    assert prepared.solve(np.ones((1, 3))).values.tolist() == [3.0]
    assert ShortestPathSolver().prepare(graph, source=0, target=3).solve(np.ones((1, 4))).values.tolist() == [1.0]


def test_snapshots_do_not_keep_graphs_alive():
    graph = nx.path_graph(3)
    alive = weakref.ref(graph)
    snapshot(graph)
    del graph
    gc.collect()
    assert alive() is None


def test_views_of_graphs(graph):
    view = nx.subgraph_view(graph, filter_node=lambda node: node != 3)
    assert snapshot(view).edge_labels == [edge for edge in snapshot(graph).edge_labels if 3 not in edge]
    assert ShortestPathSolver().prepare(view, 0, 2).solve(np.ones((1, 2))).values.tolist() == [2.0]


def test_graphs_that_cannot_be_hashed():
    class ByContent(nx.Graph):
        def __eq__(self, other):
            return isinstance(other, ByContent) and nx.utils.graphs_equal(self, other)

        __hash__ = None

    graph = ByContent([(0, 1), (1, 2)])
    assert ShortestPathSolver().prepare(graph, source=0, target=2).solve(np.ones((1, 2))).values.tolist() == [2.0]
