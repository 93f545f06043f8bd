"""Negative costs: exact on acyclic graphs; elsewhere clipped and counted, or refused."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from imle.errors import ObjectiveError
from imle_networkx.grid import GridShortestPathSolver
from imle_networkx.several_paths import KShortestPathsSolver
from imle_networkx.shortest_path import ShortestPathSolver
from imle_networkx.steiner_tree import SteinerTreeSolver

ADVICE = (
    "negative costs were clipped to zero, where paths tie and gradients mislead; keep costs positive: a softplus on "
    "the network's output, noise that is multiplicative or small beside them, and small steps of the estimator"
)
HINT = '\n  hint: a softplus keeps costs positive; negative="clip" replaces negative costs by zero'


def square(weights="edge", large=False, **options):
    """The cycle a-b-c-d, from a to c; edges ab, ad, bc, cd. Padded with a clique to make it large."""
    graph = nx.relabel_nodes(nx.cycle_graph(4), dict(enumerate("abcd")))
    if large:
        graph = nx.compose(graph, nx.complete_graph(60))
    prepared = ShortestPathSolver(weights=weights, **options).prepare(graph, source="a", target="c")
    assert prepared.sweepable != large
    return prepared


def padded(prepared, entries):
    costs = np.ones((len(entries), *prepared.objective_shape))
    costs[:, : len(entries[0])] = entries
    return costs


@pytest.mark.parametrize("large", [False, True])
def test_clipped_and_counted(large):
    prepared = square(large=large)
    result = prepared.solve(padded(prepared, [[5, -2, 1, 1], [1, 5, 1, 1], [-1, 5, -3, 1]]))
    assert result.solutions[:, :4].tolist() == [[0, 1, 0, 1], [1, 0, 1, 0], [1, 0, 1, 0]]
    assert result.counters == {"clipped_rows": 2, "clipped_entries": 3}
    assert result.advice == (ADVICE,)
    assert result.values.tolist() == [-1.0, 2.0, -4.0]  # of the costs as given


@pytest.mark.parametrize("large", [False, True])
def test_clipping_minimises_the_clipped_costs(large):
    prepared = square(large=large)
    costs = padded(prepared, np.random.default_rng(0).normal(size=(50, 4)).tolist())
    np.testing.assert_array_equal(prepared.solve(costs).solutions, prepared.solve(np.maximum(costs, 0)).solutions)


@pytest.mark.parametrize("large", [False, True])
def test_no_counters_without_negative_costs(large):
    prepared = square(large=large)
    result = prepared.solve(padded(prepared, [[0.0, -0.0, 0.0, 1e-300]]))
    assert result.counters == {}
    assert result.advice == ()


@pytest.mark.parametrize("large", [False, True])
def test_refused_edges(large):
    prepared = square(large=large, negative="raise")
    costs = padded(prepared, [[1, 1, 1, 1], [1, 1, -0.25, -1], [-1, 1, 1, 1]])
    with pytest.raises(ObjectiveError) as caught:
        prepared.solve(costs)
    assert str(caught.value) == (
        "networkx-shortest-path: expected costs >= 0, found -0.25 at position 2, edge ('b', 'c'); "
        f"3 of {costs.size} entries are negative{HINT}"
    )
    assert caught.value.row == 1


def test_refused_nodes():
    prepared = square("node", negative="raise")
    with pytest.raises(ObjectiveError) as caught:
        prepared.solve(np.array([[1.0, 1.0, 1.0, -2.0]]))
    assert str(caught.value) == (
        "networkx-shortest-path: expected costs >= 0, found -2 at position 3, node 'd'; "
        f"1 of 4 entries are negative{HINT}"
    )
    assert caught.value.row == 0


def test_refused_cells():
    costs = np.ones((2, 3, 4))
    costs[1, 2, 1] = -1e-3
    with pytest.raises(ObjectiveError) as caught:
        GridShortestPathSolver(negative="raise").prepare().solve(costs)
    assert str(caught.value) == (
        "grid-shortest-path: expected costs >= 0, found -0.001 at cell (2, 1); 1 of 24 entries are negative" + HINT
    )
    assert caught.value.row == 1


def test_clipped_cells():
    costs = np.array([[[1.0, -5.0], [-3.0, 1.0]]])
    result = GridShortestPathSolver(neighbours=4).prepare().solve(costs)
    assert result.counters == {"clipped_rows": 1, "clipped_entries": 2}
    assert result.values.tolist() == [(costs * result.solutions).sum()]


@pytest.mark.parametrize("negative", ["clip", "raise"])
def test_acyclic_graphs_are_exact(negative):
    graph = nx.DiGraph([("a", "b"), ("b", "c"), ("a", "c")])  # edges ab, ac, bc
    result = (
        ShortestPathSolver(negative=negative)
        .prepare(graph, source="a", target="c")
        .solve(np.array([[5.0, -1.0, -7.0]]))
    )
    assert result.solutions.tolist() == [[1, 0, 1]]
    assert result.values.tolist() == [-2.0]
    assert result.counters == {}


def test_a_self_loop_is_a_cycle():
    graph = nx.DiGraph([("a", "b"), ("a", "a")])
    result = ShortestPathSolver().prepare(graph, source="a", target="b").solve(np.array([[1.0, -1.0]]))
    assert result.counters == {"clipped_rows": 1, "clipped_entries": 1}


RING = {"graph": nx.relabel_nodes(nx.cycle_graph(4), dict(enumerate("abcd")))}
CLIPPED = {
    "trees": lambda **options: SteinerTreeSolver(**options).prepare(terminals=["a", "c"], **RING),
    "paths": lambda **options: KShortestPathsSolver(**options).prepare(source="a", target="c", k=1, **RING),
}


@pytest.mark.parametrize("what", CLIPPED)
def test_trees_and_several_paths_are_clipped_and_counted_or_refused(what):
    costs = np.array([[5.0, -2.0, 1.0, 1.0], [1.0, 5.0, 1.0, 1.0]])
    result = CLIPPED[what]().solve(costs)
    assert result.solutions.tolist() == [[0, 1, 0, 1], [1, 0, 1, 0]]
    assert result.values.tolist() == [-1.0, 2.0]  # of the costs as given
    assert result.counters == {"clipped_rows": 1, "clipped_entries": 1}
    assert result.advice == (ADVICE.replace("paths", what),)
    with pytest.raises(ObjectiveError) as caught:
        CLIPPED[what](negative="raise").solve(costs)
    assert "expected costs >= 0, found -2 at position 1, edge ('a', 'd'); 1 of 8 entries" in str(caught.value)
    assert caught.value.row == 0


def test_nothing_is_known_of_clipped_trees_that_are_not_the_best():
    prepared = SteinerTreeSolver(exact_terminals=1).prepare(terminals=["a", "c"], **RING)
    result = prepared.solve(np.array([[1.0, -1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 2.0]]))
    assert np.isnan(result.bound[0])
    assert result.bound[1] == result.values[1] == 2.0  # two terminals: a path, which is the cheapest


def test_several_paths_of_acyclic_graphs_take_any_sign():
    edges = [[0, 1], [1, 2], [0, 2], [2, 3], [1, 3]]
    prepared = KShortestPathsSolver(negative="raise").prepare(source=0, target=3, k=2, edges=edges)
    result = prepared.solve(np.array([[1.0, -3.0, -1.0, -1.0, 5.0]]))
    assert result.solutions.tolist() == [[1, 1, 1, 2, 0]]
    assert result.values.tolist() == [-5.0]
