"""Every solver of this package against enumeration of its feasible set, on small graphs of all kinds."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imle.errors import InstanceError
from imle.solvers import SolveStatus
from imle_networkx.arborescence import ArborescenceSolver
from imle_networkx.bounded_path import BoundedPathSolver
from imle_networkx.closure import ClosureSolver
from imle_networkx.max_weight_matching import MaxWeightMatchingSolver
from imle_networkx.min_cut import MinCutSolver
from imle_networkx.perfect_matching import PerfectMatchingSolver
from imle_networkx.several_paths import KShortestPathsSolver
from imle_networkx.spanning_tree import SpanningTreeSolver
from imle_networkx.steiner_tree import SteinerTreeSolver

SENSES = pytest.mark.parametrize("sense", ["min", "max"])
EXAMPLES = settings(max_examples=150)


@st.composite
def problems(draw, lowest=-3):
    """Nodes, edges (self-loops and parallel edges too) and a few rows of whole numbers: sums are exact, ties abound."""
    nodes = draw(st.integers(2, 6))
    ends = st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1))
    edges = draw(st.lists(ends, min_size=1, max_size=11))
    rows = st.lists(st.integers(lowest, 3).map(float), min_size=len(edges), max_size=len(edges))
    return nodes, edges, np.array(draw(st.lists(rows, min_size=1, max_size=4)))


def compare(prepare, feasible, objective, sense="min"):
    """Solutions are feasible and as good as any; without any there is no instance."""
    if not len(feasible):
        with pytest.raises(InstanceError):
            prepare()
        return None
    prepared = prepare()
    result = prepared.solve(objective)
    values = objective @ np.array(feasible, float).T
    best = values.max(axis=1) if sense == "max" else values.min(axis=1)
    assert result.status is None
    np.testing.assert_array_equal(result.values, best)
    np.testing.assert_array_equal((result.solutions * objective).sum(axis=1), best)
    known = {tuple(mask) for mask in feasible}
    assert all(tuple(map(int, mask)) in known for mask in result.solutions)
    return result


def masks(edges, size):
    for chosen in itertools.combinations(range(len(edges)), size):
        yield chosen, tuple(int(edge in chosen) for edge in range(len(edges)))


def spanning_trees(nodes, edges):
    found = []
    for chosen, mask in masks(edges, nodes - 1):
        graph = nx.Graph(edges[e] for e in chosen)
        graph.add_nodes_from(range(nodes))
        if nx.is_tree(graph):
            found.append(mask)
    return found


@SENSES
@EXAMPLES
@given(problem=problems())
def test_spanning_trees(sense, problem):
    nodes, edges, objective = problem
    feasible = spanning_trees(nodes, edges)
    solver = SpanningTreeSolver(sense=sense)
    result = compare(lambda: solver.prepare(edges=edges, nodes=nodes), feasible, objective, sense)
    if result is not None:  # of equal edges the earlier ones: the best tree that comes first
        sign = -1 if sense == "max" else 1
        for row, mask in zip(objective, result.solutions, strict=True):
            ranks = np.lexsort((np.arange(len(edges)), sign * row)).argsort()
            assert sorted(ranks[mask == 1]) == min(sorted(ranks[np.array(tree) == 1]) for tree in feasible)


def arborescences(nodes, edges, root):
    found = []
    for chosen, mask in masks(edges, nodes - 1):
        graph = nx.MultiDiGraph(edges[e] for e in chosen)
        graph.add_nodes_from(range(nodes))
        if nx.is_arborescence(graph) and (root is None or graph.in_degree(root) == 0):
            found.append(mask)
    return found


@pytest.mark.parametrize("root", [None, 0])
@SENSES
@EXAMPLES
@given(problem=problems())
def test_arborescences(root, sense, problem):
    nodes, edges, objective = problem
    solver = ArborescenceSolver(sense=sense)
    prepare = lambda: solver.prepare(edges=edges, nodes=nodes, root=root)  # noqa: E731
    compare(prepare, arborescences(nodes, edges, root), objective, sense)


def perfect_matchings(nodes, edges):
    if nodes % 2:
        return []
    return [
        mask
        for chosen, mask in masks(edges, nodes // 2)
        if sorted(end for e in chosen for end in edges[e]) == list(range(nodes))
    ]


@SENSES
@EXAMPLES
@given(problem=problems())
def test_perfect_matchings(sense, problem):
    nodes, edges, objective = problem
    solver = PerfectMatchingSolver(sense=sense)
    compare(lambda: solver.prepare(edges=edges, nodes=nodes), perfect_matchings(nodes, edges), objective, sense)


@SENSES
@pytest.mark.parametrize("nodes", [4, 6])
def test_perfect_matchings_of_complete_graphs(nodes, sense):
    """Odd cycles everywhere: these are the blossoms."""
    edges = list(itertools.combinations(range(nodes), 2))
    objective = np.random.default_rng(0).integers(-4, 5, (60, len(edges))).astype(float)
    solver = PerfectMatchingSolver(sense=sense)
    compare(lambda: solver.prepare(edges=edges), perfect_matchings(nodes, edges), objective, sense)


def cuts(nodes, edges, directed):
    found = []
    for size in range(nodes - 1):
        for others in itertools.combinations(range(1, nodes - 1), size):
            side = {0, *others}
            crosses = [(a in side) > (b in side) or (not directed and (a in side) < (b in side)) for a, b in edges]
            found.append(tuple(map(int, crosses)))
    return found


@pytest.mark.parametrize("directed", [True, False])
@EXAMPLES
@given(problem=problems(lowest=0))
def test_minimum_cuts(directed, problem):
    nodes, edges, objective = problem
    feasible = cuts(nodes, edges, directed)  # by growing side of the source
    prepare = lambda: MinCutSolver().prepare(source=0, target=nodes - 1, edges=edges, nodes=nodes, directed=directed)  # noqa: E731
    result = compare(prepare, feasible, objective)
    values = objective @ np.array(feasible, float).T
    for row, mask in enumerate(result.solutions):
        assert tuple(map(int, mask)) == feasible[int(values[row].argmin())]


def simple_paths(nodes, edges, directed, hops):
    found = set()

    def walk(node, used, visited):
        if node == nodes - 1:
            found.add(tuple(int(e in used) for e in range(len(edges))))
            return
        if len(used) == hops:
            return
        for e, (a, b) in enumerate(edges):
            for tail, head in ((a, b),) if directed else ((a, b), (b, a)):
                if tail == node and head not in visited:
                    walk(head, {*used, e}, {*visited, head})

    walk(0, set(), {0})
    return sorted(found)


@pytest.mark.parametrize("directed", [True, False])
@EXAMPLES
@given(problem=problems(), hops=st.integers(0, 6))
def test_bounded_paths_under_costs_of_any_sign(directed, problem, hops):
    nodes, edges, objective = problem
    prepare = lambda **options: BoundedPathSolver(**options).prepare(  # noqa: E731
        source=0, target=nodes - 1, hops=hops, edges=edges, nodes=nodes, directed=directed
    )
    feasible = simple_paths(nodes, edges, directed, hops)
    exact = compare(prepare, feasible, objective)
    if exact is None:
        return
    short = prepare(label_limit=1).solve(objective)  # out of labels at once: paths all the same, and honest
    assert all(tuple(map(int, mask)) in feasible for mask in short.solutions)
    status = np.zeros(len(objective)) if short.status is None else short.status
    assert ((short.values == exact.values) | (status == 1)).all()
    for row in np.flatnonzero(status):
        most = float(short.messages[row].split("at most ")[1].split(" more")[0])
        assert short.values[row] - exact.values[row] <= most


MATCHINGS = pytest.mark.parametrize("most", [False, True])


def matchings(edges, most):
    """Masks of edges no two of which share a node; only the largest ones if asked for."""
    found = []
    for size in range(len(edges) + 1):
        layer = [
            mask for chosen, mask in masks(edges, size) if len({end for e in chosen for end in edges[e]}) == 2 * size
        ]
        if not layer:
            return found
        found = layer if most else found + layer
    return found


@MATCHINGS
@EXAMPLES
@given(problem=problems())
def test_heaviest_matchings(most, problem):
    nodes, edges, objective = problem
    solver = MaxWeightMatchingSolver(max_cardinality=most)
    result = compare(lambda: solver.prepare(edges=edges, nodes=nodes), matchings(edges, most), objective, "max")
    if not most:
        assert not result.solutions[objective <= 0].any()


@MATCHINGS
@pytest.mark.parametrize("spread", [1, 3, 1000, 2**50])
def test_heaviest_matchings_of_complete_graphs(most, spread):
    """Blossoms within blossoms; with small numbers, ties everywhere."""
    edges = list(itertools.combinations(range(7), 2))
    objective = np.random.default_rng(spread).integers(-spread // 3, spread + 1, (1500, len(edges))).astype(float)
    solver = MaxWeightMatchingSolver(max_cardinality=most)
    compare(lambda: solver.prepare(edges=edges), matchings(edges, most), objective, "max")


@EXAMPLES
@given(problem=problems(), data=st.data())
def test_closures(problem, data):
    nodes, edges, _ = problem
    feasible = [
        mask
        for mask in sorted(itertools.product((0, 1), repeat=nodes), key=sum)
        if all(mask[tail] <= mask[head] for tail, head in edges)
    ]
    objective = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-4, 5, (20, nodes)).astype(float)
    result = compare(lambda: ClosureSolver().prepare(edges=edges, nodes=nodes), feasible, objective, "max")
    values = objective @ np.array(feasible, float).T
    for row, mask in enumerate(result.solutions):  # of several, the smallest
        assert tuple(map(int, mask)) == feasible[int(values[row].argmax())]


def steiner_trees(nodes, edges, terminals):
    """Masks of trees with all terminals whose leaves are terminals."""
    found = []
    for size in range(nodes):
        for chosen, mask in masks(edges, size):
            tree = nx.MultiGraph(edges[e] for e in chosen)
            tree.add_nodes_from(terminals)
            if len(tree) == size + 1 and nx.is_connected(tree):
                found += [mask] * all(degree > 1 or node in terminals for node, degree in tree.degree)
    return found


@settings(max_examples=100)
@given(problem=problems(lowest=0), data=st.data())
def test_steiner_trees(problem, data):
    nodes, edges, objective = problem
    terminals = data.draw(st.permutations(range(nodes)))[: data.draw(st.integers(1, 5))]
    feasible = steiner_trees(nodes, edges, terminals)
    prepare = lambda **options: SteinerTreeSolver(**options).prepare(terminals=terminals, edges=edges, nodes=nodes)  # noqa: E731
    exact = compare(prepare, feasible, objective)
    if exact is None or len(terminals) == 1:
        return
    close = prepare(exact_terminals=1).solve(objective)  # trees all the same, and honest
    assert all(tuple(map(int, mask)) in feasible for mask in close.solutions)
    assert (close.status == SolveStatus.FEASIBLE).all()
    assert (close.bound <= exact.values).all()
    assert (close.values <= 2 * close.bound).all()


def test_steiner_trees_of_many_rows():
    edges = [*((0, rim) for rim in range(1, 6)), *((rim, rim % 5 + 1) for rim in range(1, 6))]
    objective = np.random.default_rng(0).integers(0, 9, (1000, len(edges))).astype(float)
    for terminals in ([1, 3], [1, 3, 5], [2, 3, 4, 5]):
        feasible = steiner_trees(6, edges, terminals)
        compare(lambda: SteinerTreeSolver().prepare(terminals=terminals, edges=edges), feasible, objective)  # noqa: B023


def path_sets(nodes, edges, directed, k, disjoint):
    """How often the edges are used by each set of k different paths."""
    paths = [np.array(mask) for mask in simple_paths(nodes, edges, directed, nodes)]
    inner = [{end for e in np.flatnonzero(mask) for end in edges[e]} - {0, nodes - 1} for mask in paths]

    def apart(one, other):
        together = (paths[one] & paths[other]).any()
        return disjoint == "no" or not (together or (disjoint == "nodes" and inner[one] & inner[other]))

    every = itertools.combinations(range(len(paths)), k)
    sets = [chosen for chosen in every if all(apart(*pair) for pair in itertools.combinations(chosen, 2))]
    return sorted({tuple(sum(paths[path] for path in chosen).tolist()) for chosen in sets})


DISJOINT = pytest.mark.parametrize("disjoint", ["no", "edges", "nodes"])


@DISJOINT
@pytest.mark.parametrize("directed", [True, False])
@settings(max_examples=60)
@given(problem=problems(lowest=0), k=st.integers(1, 3))
def test_several_paths(disjoint, directed, problem, k):
    nodes, edges, objective = problem
    solver = KShortestPathsSolver(disjoint=disjoint)
    instance = {"source": 0, "target": nodes - 1, "k": k, "edges": edges, "nodes": nodes, "directed": directed}
    result = compare(lambda: solver.prepare(**instance), path_sets(nodes, edges, directed, k, disjoint), objective)
    if result is None:
        return
    paths, known = solver.prepare(**instance).paths(objective), simple_paths(nodes, edges, directed, nodes)
    np.testing.assert_array_equal(paths.sum(axis=1), result.solutions)
    assert all(tuple(path.tolist()) in known for row in paths for path in row)
    if disjoint == "no":
        assert all(len({tuple(path) for path in row.tolist()}) == k for row in paths)
        assert (np.diff(np.einsum("nke,ne->nk", paths, objective)) >= 0).all()


@DISJOINT
def test_several_paths_of_many_rows(disjoint):
    """An acyclic graph, under costs of any sign, and a complete one."""
    solver = KShortestPathsSolver(disjoint=disjoint)
    acyclic = [(a, b) for a, b in itertools.combinations(range(6), 2) if b - a < 4]
    complete = list(itertools.combinations(range(5), 2))
    for nodes, edges, directed, lowest in ((6, acyclic, True, -5), (5, complete, False, 0)):
        objective = np.random.default_rng(0).integers(lowest, 9, (500, len(edges))).astype(float)
        for k in (1, 2, 3):
            feasible = path_sets(nodes, edges, directed, k, disjoint)
            prepared = solver.prepare(source=0, target=nodes - 1, k=k, edges=edges, directed=directed)
            compare(lambda: prepared, feasible, objective)  # noqa: B023
