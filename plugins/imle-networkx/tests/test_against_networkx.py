"""Graphs of all four kinds, solved by every kernel, against networkx and against enumeration."""

from __future__ import annotations

from unittest import mock

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imle_networkx.shortest_path
from imle.solvers import SolveStatus
from imle_networkx.shortest_path import ShortestPathSolver

KINDS = (nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph)
KERNELS = pytest.mark.parametrize("kernel", ["sweep", "bidirectional"])
quick = settings(max_examples=120)


def edges_of(graph: nx.Graph) -> list[tuple]:
    return list(graph.edges(keys=True)) if graph.is_multigraph() else list(graph.edges)


def walk_edges(graph: nx.Graph, mask: np.ndarray, source, target) -> list:
    """The nodes of the simple path that a mask of edges is; fails if it is none."""
    assert set(np.unique(mask)) <= {0.0, 1.0}
    left = [edge for edge, used in zip(edges_of(graph), mask, strict=True) if used]
    path = [source]
    while left:
        ahead = [e for e in left if e[0] == path[-1] or (not graph.is_directed() and e[1] == path[-1])]
        assert len(ahead) == 1, f"{len(ahead)} edges leave {path[-1]} among {left}"
        left.remove(ahead[0])
        path.append(ahead[0][1] if ahead[0][0] == path[-1] else ahead[0][0])
    assert path[-1] == target
    assert len(set(path)) == len(path), f"not simple: {path}"
    return path


def check_nodes(graph: nx.Graph, mask: np.ndarray, source, target) -> None:
    """Fails unless the marked nodes are those of a simple path.

    Such a path is Hamiltonian in the subgraph it marks.
    """
    assert set(np.unique(mask)) <= {0.0, 1.0}
    marked = [node for node, used in zip(graph, mask, strict=True) if used]
    if source == target:
        assert marked == [source]
        return
    paths = nx.all_simple_paths(graph.subgraph(marked), source, target)
    assert any(len(path) == len(marked) for path in paths)


def node_weighted(graph: nx.Graph, costs: np.ndarray) -> nx.DiGraph:
    """The same problem with costs on arcs: entering a node costs the node."""
    cost = dict(zip(graph, costs, strict=True))
    arcs = nx.DiGraph()
    arcs.add_nodes_from(graph)
    arcs.add_weighted_edges_from((u, v, cost[v]) for u, v in graph.to_directed().edges())
    return arcs


def reference(graph: nx.Graph, costs: np.ndarray, source, target, by_node: bool, method: str = "dijkstra") -> float:
    """Cost of a shortest path by networkx; infinite if there is none."""
    if by_node:
        weighted, start = node_weighted(graph, costs), costs[list(graph).index(source)]
    else:
        weighted, start = graph.copy(), 0.0
        nx.set_edge_attributes(weighted, dict(zip(edges_of(graph), costs, strict=True)), "weight")
    try:
        return start + nx.shortest_path_length(weighted, source, target, weight="weight", method=method)
    except nx.NetworkXNoPath:
        return np.inf


@st.composite
def graphs(draw: st.DrawFn, kinds=KINDS, most: int = 7) -> nx.Graph:
    """Small graphs with self-loops, parallel edges (where the kind has them) and shuffled node names."""
    names = draw(st.permutations([f"n{i}" for i in range(draw(st.integers(1, most)))]))
    node = st.sampled_from(names)
    graph = draw(st.sampled_from(kinds))()
    graph.add_nodes_from(names)
    graph.add_edges_from(draw(st.lists(st.tuples(node, node), max_size=3 * len(names))))
    return graph


@st.composite
def acyclic_graphs(draw: st.DrawFn, most: int = 8) -> nx.DiGraph:
    """Directed acyclic graphs whose node order is not topological."""
    names = draw(st.permutations(range(draw(st.integers(1, most)))))
    graph = draw(st.sampled_from((nx.DiGraph, nx.MultiDiGraph)))()
    graph.add_nodes_from(sorted(names))
    place = st.integers(0, len(names) - 1)
    for a, b in draw(st.lists(st.tuples(place, place), max_size=3 * len(names))):
        if a != b:
            graph.add_edge(names[min(a, b)], names[max(a, b)])
    return graph


def costs(rows: int, items: int, lowest: int = 0) -> st.SearchStrategy[np.ndarray]:
    """Few distinct integers: sums are exact, ties and zeros are everywhere."""
    entry = st.integers(lowest, 3)
    return st.lists(entry, min_size=rows * items, max_size=rows * items).map(
        lambda values: np.array(values, float).reshape(rows, items)
    )


def kernel_choice(kernel: str):
    """Solve graphs with cycles as if all were small, or all large."""
    arcs = -1 if kernel == "bidirectional" else 10**9
    return mock.patch.multiple(imle_networkx.shortest_path, SMALL=arcs, MEDIUM=arcs)


def check(graph, costs, source, target, weights, *, method="dijkstra"):
    """Solve, and compare every row with networkx: statuses, feasibility, and values, which are exact here."""
    prepared = ShortestPathSolver(weights=weights).prepare(graph, source=source, target=target)
    result = prepared.solve(costs)
    by_node = weights == "node"
    for row, mask in enumerate(result.solutions):
        best = reference(graph, costs[row], source, target, by_node, method)
        if np.isinf(best):
            assert result.status[row] == SolveStatus.INFEASIBLE
            assert result.messages[row] == f"no path from {source!r} to {target!r}"
            assert not mask.any()
            assert np.isnan(result.values[row])
            continue
        assert result.status is None or result.status[row] == SolveStatus.OPTIMAL
        (check_nodes if by_node else walk_edges)(graph, mask, source, target)
        assert result.values[row] == best == mask @ costs[row]
    return result


@pytest.mark.slow
@KERNELS
@pytest.mark.parametrize("weights", ["edge", "node"])
@quick
@given(data=st.data())
def test_same_cost_as_networkx(kernel, weights, data):
    graph = data.draw(graphs())
    nodes = st.sampled_from(list(graph))
    items = len(graph) if weights == "node" else graph.number_of_edges()
    with kernel_choice(kernel):
        check(graph, data.draw(costs(3, items)), data.draw(nodes), data.draw(nodes), weights)


@pytest.mark.parametrize("weights", ["edge", "node"])
@quick
@given(data=st.data())
def test_acyclic_graphs_take_costs_of_any_sign(weights, data):
    graph = data.draw(acyclic_graphs())
    nodes = st.sampled_from(list(graph))
    items = len(graph) if weights == "node" else graph.number_of_edges()
    drawn = data.draw(costs(3, items, lowest=-3))
    result = check(graph, drawn, data.draw(nodes), data.draw(nodes), weights, method="bellman-ford")
    assert not result.counters
    assert not result.advice


@KERNELS
@quick
@given(data=st.data())
def test_same_cost_as_enumeration(kernel, data):
    graph = data.draw(graphs(kinds=(nx.Graph, nx.DiGraph), most=5))
    nodes = st.sampled_from(list(graph))
    source, target = data.draw(nodes), data.draw(nodes)
    drawn = data.draw(costs(2, graph.number_of_edges()))
    with kernel_choice(kernel):
        result = ShortestPathSolver().prepare(graph, source=source, target=target).solve(drawn)
    position = {edge: k for k, edge in enumerate(graph.edges)}
    if not graph.is_directed():
        position |= {(v, u): k for (u, v), k in position.items()}
    paths = [[]] if source == target else nx.all_simple_edge_paths(graph, source, target)
    masks = [[position[edge] for edge in path] for path in paths]
    for row in range(2):
        if masks:
            assert result.values[row] == min(drawn[row, mask].sum() for mask in masks)
        else:
            assert result.status[row] == SolveStatus.INFEASIBLE


@pytest.mark.parametrize("weights", ["edge", "node"])
@pytest.mark.parametrize("kind", KINDS)
def test_large_graphs(kind, weights):
    """Beyond the thresholds, with costs that are not integers: both kernels and networkx agree to rounding."""
    random = np.random.default_rng(0)
    graph = kind()
    graph.add_nodes_from(range(400))
    graph.add_edges_from(random.integers(0, 400, (2600, 2)).tolist())
    costs = random.random((4, 400 if weights == "node" else graph.number_of_edges()))
    prepared = ShortestPathSolver(weights=weights).prepare(graph, source=3, target=396)
    assert not prepared.sweepable
    searched = prepared.solve(costs)
    with kernel_choice("sweep"):
        swept = prepared.solve(costs)
    np.testing.assert_allclose(searched.values, swept.values, rtol=1e-12)
    for row in range(4):
        best = reference(graph, costs[row], 3, 396, weights == "node")
        np.testing.assert_allclose(searched.values[row], best, rtol=1e-12)
    np.testing.assert_array_equal(searched.solutions, swept.solutions)


@KERNELS
def test_costs_that_rounding_swallows_leave_paths_simple(kernel):
    random = np.random.default_rng(1)
    graph = nx.gnm_random_graph(60, 240, seed=2)
    costs = random.choice([0.0, -0.0, 1e-300, 1e-17, 1.0, 1e17], size=(200, 240))
    with kernel_choice(kernel):
        result = ShortestPathSolver().prepare(graph, source=0, target=59).solve(costs)
    assert result.status is None
    for row, mask in enumerate(result.solutions):
        walk_edges(graph, mask, 0, 59)
        best = reference(graph, costs[row], 0, 59, by_node=False)
        np.testing.assert_allclose(result.values[row], best, rtol=1e-12)


@KERNELS
@pytest.mark.parametrize("value", [0.0, -0.0])
def test_cycles_of_cost_zero(kernel, value):
    graph = nx.complete_graph(30)
    with kernel_choice(kernel):
        result = ShortestPathSolver().prepare(graph, source=0, target=29).solve(np.full((2, 435), value))
    assert result.values.tolist() == [0.0, 0.0]
    for mask in result.solutions:
        walk_edges(graph, mask, 0, 29)


@KERNELS
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e308])
@pytest.mark.parametrize("graph", [nx.path_graph(5), nx.path_graph(5, create_using=nx.DiGraph)])
def test_absurd_costs_never_hang(kernel, bad, graph):
    with kernel_choice(kernel), np.errstate(all="ignore"):
        result = (
            ShortestPathSolver()
            .prepare(graph, source=0, target=4)
            .solve(np.array([[1.0, bad, bad, 1.0], [1.0, 1.0, 1.0, 1.0]]))
        )
    assert result.solutions[1].tolist() == [1, 1, 1, 1]
    if np.isneginf(bad):
        return
    assert result.status.tolist() == [SolveStatus.ERROR, SolveStatus.OPTIMAL]
    assert result.messages == {0: "no path of finite cost from 0 to 4: costs add up to infinity or are nan"}


def test_nan_closes_an_edge():
    graph = nx.cycle_graph(3)  # edges (0, 1), (0, 2), (1, 2)
    result = ShortestPathSolver().prepare(graph, source=0, target=2).solve(np.array([[1.0, np.nan, 1.0]]))
    assert result.solutions.tolist() == [[1, 0, 1]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_without_edges(kind):
    graph = kind()
    graph.add_nodes_from("ab")
    assert ShortestPathSolver().prepare(graph, source="a", target="a").solve(np.zeros((2, 0))).status is None
    apart = ShortestPathSolver().prepare(graph, source="a", target="b").solve(np.zeros((1, 0)))
    assert apart.status.tolist() == [SolveStatus.INFEASIBLE]
    alone = ShortestPathSolver(weights="node").prepare(graph, source="a", target="a").solve(np.array([[2.0, 5.0]]))
    assert alone.solutions.tolist() == [[1, 0]]
    assert alone.values.tolist() == [2.0]


def test_edge_order_is_that_of_the_graph():
    graph = nx.MultiGraph()
    graph.add_edges_from([("b", "a"), ("c", "b"), ("a", "b"), ("c", "c"), ("a", "c")])
    edges = edges_of(graph)
    for position, (u, v, _) in enumerate(edges):
        cheap = np.full((1, len(edges)), 9.0)
        cheap[0, position] = 1.0
        solution = ShortestPathSolver().prepare(graph, source=u, target=v).solve(cheap).solutions[0]
        assert np.flatnonzero(solution).tolist() == ([] if u == v else [position])
