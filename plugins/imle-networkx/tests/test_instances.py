"""Instances that are refused, each with what was expected, what was found and where."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest

from imle.errors import InstanceError
from imle_networkx.arborescence import ArborescenceSolver
from imle_networkx.bounded_path import BoundedPathSolver
from imle_networkx.closure import ClosureSolver
from imle_networkx.max_weight_matching import MaxWeightMatchingSolver
from imle_networkx.min_cut import MinCutSolver
from imle_networkx.perfect_matching import PerfectMatchingSolver
from imle_networkx.several_paths import KShortestPathsSolver
from imle_networkx.spanning_tree import SpanningTreeSolver
from imle_networkx.steiner_tree import SteinerTreeSolver

TREE, BRANCHING, MATCHING, CUT, PATH = (
    SpanningTreeSolver(),
    ArborescenceSolver(),
    PerfectMatchingSolver(),
    MinCutSolver(),
    BoundedPathSolver(),
)
HEAVIEST, CLOSURE, STEINER, SEVERAL = (
    MaxWeightMatchingSolver(),
    ClosureSolver(),
    SteinerTreeSolver(),
    KShortestPathsSolver(),
)
TWO = nx.Graph([("a", "b"), ("c", "d")])
REFUSED = {
    "spanning-tree: expected a connected graph, found no path from node 'a' to node 'c'": (TREE, {"graph": TWO}),
    "spanning-tree: graph: expected an undirected graph, found DiGraph": (TREE, {"graph": nx.DiGraph([(0, 1)])}),
    "spanning-tree: graph: expected a networkx graph, found list": (TREE, {"graph": [[0, 1]]}),
    "spanning-tree: graph: expected at least one node, found an empty graph": (TREE, {"graph": nx.Graph()}),
    "spanning-tree: expected either graph or nodes, found both": (TREE, {"graph": TWO, "nodes": 4}),
    "spanning-tree: expected edges beside nodes, found nodes alone": (TREE, {"nodes": 3}),
    "spanning-tree: edges: expected node numbers 0 to 1, found [1, 2] at position 1": (
        TREE,
        {"edges": [[0, 1], [1, 2]], "nodes": 2},
    ),
    "spanning-tree: edges: expected node numbers 0 to 1, found [-1, 1] at position 0": (TREE, {"edges": [[-1, 1]]}),
    "spanning-tree: edges: expected an array [E, 2] of node numbers, found float64 of shape [1, 2]": (
        TREE,
        {"edges": [[0.0, 1.0]]},
    ),
    "spanning-tree: edges: expected an array [E, 2] of node numbers, found int64 of shape [3]": (
        TREE,
        {"edges": [0, 1, 2]},
    ),
    "spanning-tree: nodes: expected the number of nodes, at least 1, found 0": (TREE, {"edges": []}),
    "arborescence: graph: expected a directed graph, found Graph": (BRANCHING, {"graph": TWO}),
    "arborescence: root: expected a node that reaches all others, found 1, which does not reach 0": (
        BRANCHING,
        {"edges": [[0, 1]], "root": 1},
    ),
    "arborescence: expected a node that reaches all others, found none; 1 does not reach 0": (
        BRANCHING,
        {"edges": [[0, 2], [1, 2]]},
    ),
    "arborescence: root: expected a node, 0 to 1, found 2": (BRANCHING, {"edges": [[0, 1]], "root": 2}),
    "perfect-matching: expected an even number of nodes, found 3": (MATCHING, {"graph": nx.path_graph(3)}),
    "perfect-matching: expected a graph with a perfect matching, found none that covers all 4": (
        MATCHING,
        {"graph": nx.star_graph(3)},
    ),
    "min-cut: expected two nodes to separate, found 'a' as source and target": (
        CUT,
        {"graph": TWO, "source": "a", "target": "a"},
    ),
    "min-cut: target: the graph has no node 'z'": (CUT, {"graph": TWO, "source": "a", "target": "z"}),
    "min-cut: source: expected a node, 0 to 1, found 'a'": (CUT, {"edges": [[0, 1]], "source": "a", "target": 1}),
    "min-cut: graph: expected a directed graph, found Graph": (
        CUT,
        {"graph": TWO, "source": "a", "target": "b", "directed": True},
    ),
    "bounded-path: hops: expected a path from 'a' to 'c' with at most 3 edges, found no path at all": (
        PATH,
        {"graph": TWO, "source": "a", "target": "c", "hops": 5},
    ),
    "bounded-path: hops: expected a path from 0 to 3 with at most 2 edges, found a shortest one with 3": (
        PATH,
        {"graph": nx.path_graph(4), "source": 0, "target": 3, "hops": 2},
    ),
    "max-weight-matching: graph: expected an undirected graph, found DiGraph": (
        HEAVIEST,
        {"graph": nx.DiGraph([(0, 1)])},
    ),
    "max-weight-closure: graph: expected a directed graph, found Graph": (CLOSURE, {"graph": TWO}),
    "max-weight-closure: edges: expected node numbers 0 to 1, found [0, 2] at position 0": (
        CLOSURE,
        {"edges": [[0, 2]], "nodes": 2},
    ),
    "steiner-tree: terminals: expected nodes of one component, found no path from 'a' to 'd'": (
        STEINER,
        {"graph": TWO, "terminals": ["a", "b", "d"]},
    ),
    "steiner-tree: terminals: expected every node once, found 'a' at positions 0 and 2": (
        STEINER,
        {"graph": TWO, "terminals": ["a", "b", "a"]},
    ),
    "steiner-tree: terminals: expected at least one node, found none": (STEINER, {"graph": TWO, "terminals": []}),
    "steiner-tree: terminals: expected a sequence of nodes, found 'ab'": (STEINER, {"graph": TWO, "terminals": "ab"}),
    "steiner-tree: terminals: expected a sequence of nodes, found 2": (STEINER, {"graph": TWO, "terminals": 2}),
    "steiner-tree: terminals: the graph has no node 'z'": (STEINER, {"graph": TWO, "terminals": ["a", "z"]}),
    "steiner-tree: graph: expected an undirected graph, found DiGraph": (
        STEINER,
        {"graph": nx.DiGraph([(0, 1)]), "terminals": [0]},
    ),
    "k-shortest-paths: k: expected at most 2, the number of paths from 0 to 2, found 3": (
        SEVERAL,
        {"graph": nx.cycle_graph(3), "source": 0, "target": 2, "k": 3},
    ),
    "k-shortest-paths: expected a path from 'a' to 'd', found none": (
        SEVERAL,
        {"graph": TWO, "source": "a", "target": "d", "k": 1},
    ),
    "k-shortest-paths: k: expected at most 1, the number of paths that share no edge from 0 to 3, found 2\n"
    '  hint: disjoint="no" lets paths share edges and nodes': (
        KShortestPathsSolver(disjoint="edges"),
        {"edges": [[0, 1], [0, 1], [1, 3]], "source": 0, "target": 3, "k": 2},
    ),
    "k-shortest-paths: k: expected at most 1, the number of paths that share only their ends from 0 to 2, found 2": (
        KShortestPathsSolver(disjoint="nodes"),
        {"edges": [[0, 1], [0, 1], [1, 2], [1, 2]], "source": 0, "target": 2, "k": 2},
    ),
    "k-shortest-paths: k: expected at most 33554432 paths in a graph of 2 nodes, found 1000000000": (
        SEVERAL,
        {"edges": [[0, 1]], "source": 0, "target": 1, "k": 10**9},
    ),
    "k-shortest-paths: k: expected an int >= 1, found 0": (
        SEVERAL,
        {"edges": [[0, 1]], "source": 0, "target": 1, "k": 0},
    ),
    "k-shortest-paths: expected two nodes to join, found 1 as source and target": (
        SEVERAL,
        {"edges": [[0, 1]], "source": 1, "target": 1, "k": 1},
    ),
    "bounded-path: hops: expected an int >= 0, found -1": (
        PATH,
        {"edges": [[0, 1]], "source": 0, "target": 1, "hops": -1},
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_refused(message):
    solver, instance = REFUSED[message]
    with pytest.raises(InstanceError) as caught:
        solver.prepare(**instance)
    assert str(caught.value).startswith(message)


def test_tables_too_large_are_refused():
    with pytest.raises(InstanceError, match="hops: expected at most 1341 in a graph of 100000 nodes, found 5000"):
        PATH.prepare(source=0, target=1, hops=5000, edges=[[0, 1]], nodes=100_000)


def test_sets_of_terminals_too_many_are_refused():
    with pytest.raises(InstanceError) as caught:
        SteinerTreeSolver(exact_terminals=20).prepare(terminals=range(20), edges=[[n, n + 1] for n in range(999)])
    assert str(caught.value) == (
        "steiner-tree: terminals: expected at most 67108864 labels, found 524288000: 2**19 sets of terminals at each "
        "of 1000 nodes\n  hint: exact_terminals=19 takes a tree that costs at most twice as much"
    )


def test_one_node():
    assert TREE.prepare(edges=[], nodes=1).solve(np.zeros((2, 0))).solutions.shape == (2, 0)
    assert BRANCHING.prepare(edges=[[0, 0]]).solve(np.ones((2, 1))).solutions.tolist() == [[0], [0]]
    assert PATH.prepare(source=0, target=0, hops=0, edges=[[0, 0]]).solve(-np.ones((1, 1))).solutions.tolist() == [[0]]


def test_edges_of_a_multigraph_in_their_order():
    graph = nx.MultiGraph([("a", "b", "x"), ("a", "b", "y"), ("b", "c", "z")])
    costs = np.array([[3.0, 1.0, 1.0], [1.0, 3.0, 1.0], [1.0, 1.0, 1.0]])
    assert TREE.prepare(graph).solve(costs).solutions.tolist() == [[0, 1, 1], [1, 0, 1], [1, 0, 1]]


def test_parallel_edges_of_a_matching():
    prepared = MATCHING.prepare(edges=[[0, 1], [1, 0], [0, 0], [1, 0]])
    costs = np.array([[3.0, 2.0, -9.0, 1.0], [1.0, 1.0, -9.0, 1.0], [2.0, 1.0, -9.0, 1.0]])
    assert prepared.solve(costs).solutions.tolist() == [[0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]]


def test_a_later_change_of_the_graph_comes_too_late():
    graph = nx.path_graph(3)
    prepared = TREE.prepare(graph)
    graph.add_edge(0, 2)
    assert prepared.objective_shape == (2,)


def test_larger_graphs_agree_with_networkx():
    random = np.random.default_rng(0)
    for seed in range(5):
        graph = nx.gnm_random_graph(60, 300, seed=seed, directed=seed % 2 == 1)
        costs = random.exponential(size=300)
        nx.set_edge_attributes(graph, dict(zip(graph.edges, costs, strict=True)), "cost")
        cut = MinCutSolver().prepare(source=0, target=59, graph=graph).solve(costs[None]).values[0]
        assert cut == pytest.approx(nx.minimum_cut_value(graph, 0, 59, capacity="cost"))
        path = BoundedPathSolver().prepare(source=0, target=59, hops=59, graph=graph).solve(costs[None]).values[0]
        assert path == pytest.approx(nx.dijkstra_path_length(graph, 0, 59, weight="cost"))
        if graph.is_directed():
            graph.remove_edges_from(list(graph.in_edges(0)))
            left = np.array([graph.edges[edge]["cost"] for edge in graph.edges])
            tree = BRANCHING.prepare(graph, root=0).solve(left[None]).values[0]
            assert tree == pytest.approx(nx.minimum_spanning_arborescence(graph, attr="cost").size("cost"))
        else:
            tree = TREE.prepare(graph).solve(costs[None]).values[0]
            assert tree == pytest.approx(nx.minimum_spanning_tree(graph, "cost").size("cost"))
            pairs = nx.min_weight_matching(graph, "cost")
            matched = MATCHING.prepare(graph).solve(costs[None]).values[0]
            assert matched == pytest.approx(sum(graph.edges[pair]["cost"] for pair in pairs))
            heaviest = HEAVIEST.prepare(graph).solve(costs[None]).values[0]
            pairs = nx.max_weight_matching(graph, weight="cost")
            assert heaviest == pytest.approx(sum(graph.edges[pair]["cost"] for pair in pairs))
            tree = nx.approximation.steiner_tree(graph, range(12), "cost").size("cost")
            exact = STEINER.prepare(range(10), graph).solve(costs[None])
            close = STEINER.prepare(range(12), graph).solve(costs[None])
            assert exact.status is None
            assert close.bound[0] <= close.values[0] <= 2 * close.bound[0]
            assert exact.values[0] <= close.values[0]
            assert close.values[0] <= 1.2 * tree
        several = SEVERAL.prepare(source=0, target=59, k=8, graph=graph)
        ways = itertools.islice(nx.shortest_simple_paths(graph, 0, 59, "cost"), 8)
        lengths = [sum(graph.edges[step]["cost"] for step in itertools.pairwise(way)) for way in ways]
        left = np.array([graph.edges[edge]["cost"] for edge in graph.edges])
        assert several.paths(left[None])[0] @ left == pytest.approx(lengths)
