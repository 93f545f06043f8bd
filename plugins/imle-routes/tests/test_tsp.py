"""Tours: every refusal, limits and bounds, names, and larger tours against CP-SAT."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch
from ortools.sat.python import cp_model

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import SolveStatus
from imle.solvers.cancellation import CancelledError, CancelToken
from imle_routes.tsp import TSPSolver

RING = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "a"), ("a", "c")]


def refused(**instance):
    with pytest.raises(InstanceError) as caught:
        TSPSolver().prepare(**instance)
    return str(caught.value)


def euclidean(seed, n, rows=1):
    places = np.random.default_rng(seed).random((rows, n, 2))
    return np.linalg.norm(places[:, :, None] - places[:, None], axis=3)


def test_ends_of_closed_tours():
    message = "tsp: start: expected None for a closed tour, which visits all nodes wherever it starts"
    assert refused(start=1) == f"{message}\n  hint: closed=False asks for a tour that does not come back"
    assert refused(end=0).startswith("tsp: end: expected None")
    with pytest.raises(InstanceError, match="start: expected None for closed tours"):
        TSPSolver().prepare().solve(np.zeros((1, 4, 4)), start=[2])


def test_masks_that_are_none():
    found = "found list\n  hint: True for a visit"
    assert refused(visit=[0, 2]) == f"tsp: visit: expected a mask of shape [any], of bool or 0/1, {found}"
    assert "allowed: expected a matrix [n, m] of bool or 0/1" in refused(allowed=[1, 0])
    assert refused(allowed=np.ones((2, 3))) == "tsp: allowed: expected a mask [n, n], found shape [2, 3]"
    with pytest.raises(InstanceError, match=r"tsp: visit: expected a mask of shape \[3\], .*\(row 1\)"):
        imle.layer("tsp").eval()(torch.rand(2, 3, 3), visit=[None, [1, 1]])
    with pytest.raises(InstanceError, match="visit: expected one mask per row, 2 in all, found 1"):
        TSPSolver().prepare().solve(np.zeros((2, 3, 3)), visit=[None])


def test_graphs_that_have_no_tour():
    hint = "\n  hint: visit=... leaves nodes out"

    def without_tour(edges, **instance):
        with pytest.raises(InstanceError) as caught:
            TSPSolver().prepare(edges=edges, **instance).solve(np.zeros((1, len(edges))))
        return str(caught.value)

    assert without_tour([(0, 1), (1, 0), (2, 3), (3, 2)]) == (
        f"tsp: edges: expected a graph in which tours can reach all nodes, found that 2 is not reached from 0{hint}"
    )
    assert "found that 2 does not reach 0" in without_tour([(0, 1), (1, 0), (1, 2)])
    tail = [*RING, ("d", "leaf")]
    assert without_tour(tail, directed=False) == (
        f"tsp: edges: expected two edges or more at every node of a closed tour, found one at 'leaf'{hint}"
    )
    assert TSPSolver().prepare(edges=tail, directed=False, closed=False).solve(np.zeros((1, 6))).status is None
    some = TSPSolver().prepare(edges=tail, directed=False).solve(np.zeros((1, 6)), visit=[[1, 1, 1, 1, 0]])
    assert some.solutions.tolist() == [[1, 1, 1, 1, 0, 0]]
    petersen = TSPSolver().prepare(graph=nx.petersen_graph()).solve(np.zeros((2, 15)))
    assert petersen.status.tolist() == [SolveStatus.INFEASIBLE] * 2
    assert petersen.messages[0] == "the ways there are leave no tour of the nodes to visit"


def test_parallel_edges_and_loops():
    twice = [*RING, ("b", "a")]
    assert refused(edges=twice, directed=False) == (
        "tsp: edges: expected at most one edge between two nodes, found ('b', 'a') at position 5 beside ('a', 'b') at "
        "position 0\n  hint: only the cheaper one could be part of a tour: leave the other one out"
    )
    loops = TSPSolver().prepare(edges=[*RING, ("a", "a")], directed=False)
    assert loops.solve(-np.ones((1, 6))).solutions.tolist() == [[1, 1, 1, 1, 0, 0]]


def test_two_kinds_of_costs():
    assert "allowed: expected None beside edges or a graph" in refused(edges=RING, allowed=np.ones((4, 4)))
    assert "graph: expected a directed graph" in refused(graph=nx.cycle_graph(4), directed=True)


def test_costs_of_another_shape():
    with pytest.raises(ObjectiveError) as caught:
        TSPSolver().prepare().solve(np.zeros((1, 3, 4)))
    assert str(caught.value) == "tsp: expected costs of shape [N, n, n], found [1, 3, 4]"
    with pytest.raises(ObjectiveError, match=r"expected objectives of shape \[N, 5\]"):
        TSPSolver().prepare(edges=RING).solve(np.zeros((1, 4)))


def test_nodes_there_are_not():
    prepared = TSPSolver().prepare(closed=False, start=4)
    with pytest.raises(InstanceError) as caught:
        prepared.solve(np.zeros((1, 3, 3)))
    assert str(caught.value) == "tsp: start: expected a node, 0 to 2, found 4"
    with pytest.raises(InstanceError, match="tsp: end: expected a node, 0 to 2, found 'b'") as caught:
        TSPSolver().prepare(closed=False).solve(np.zeros((2, 3, 3)), end=[0, "b"])
    assert caught.value.row == 1
    named = TSPSolver().prepare(edges=RING, directed=False, closed=False)
    with pytest.raises(InstanceError, match="tsp: end: the graph has no node 'e'") as caught:
        named.solve(np.zeros((1, 5)), end=["e"])
    assert caught.value.row == 0
    with pytest.raises(InstanceError, match="end: expected one node per row, 1 in all, found 2"):
        named.solve(np.zeros((1, 5)), end=["a", "b"])


def test_rows_whose_ends_do_not_fit():
    named = TSPSolver().prepare(edges=RING, directed=False, closed=False)
    result = named.solve(np.zeros((3, 5)), start=["a", "a", "b"], end=["a", "b", "c"], visit=[None, [0, 1, 1, 1], None])
    assert result.status.tolist() == [SolveStatus.INFEASIBLE, SolveStatus.INFEASIBLE, SolveStatus.OPTIMAL]
    assert result.messages == {
        0: "start and end are both 'a': closed=True asks for a tour that comes back",
        1: "start 'a' is not among the nodes to visit",
    }
    there_and_back = TSPSolver().prepare(directed=False).solve(np.zeros((1, 2, 2)))
    assert there_and_back.messages == {
        0: "2 nodes have no undirected tour: it would take their edge twice; directed=True has two ways"
    }
    assert TSPSolver().prepare().solve(np.ones((1, 2, 2))).solutions.tolist() == [[[0, 1], [1, 0]]]


def test_options():
    for option, value in {"sense": "cost", "node_limit": 0, "time_limit": 0.0}.items():
        with pytest.raises(OptionError, match=f"tsp: {option}: expected"):
            TSPSolver(**{option: value})


def test_empty_batches_and_tours():
    assert TSPSolver().prepare().solve(np.zeros((0, 5, 5))).solutions.shape == (0, 5, 5)
    for n in (0, 1):
        result = TSPSolver().prepare().solve(np.zeros((2, n, n)))
        assert result.status is None
        assert not result.solutions.any()


def test_a_row_with_infinite_costs_is_pointed_to_the_mask():
    costs = torch.rand(2, 4, 4)
    costs[1, 0, 1] = torch.inf
    with pytest.raises(imle.errors.ImleError, match="allowed"):
        imle.layer("tsp").eval()(costs)


@pytest.mark.parametrize("directed", [False, True])
def test_limits_leave_a_tour_and_a_bound(directed):
    costs = euclidean(1, 40, 3) if not directed else np.random.default_rng(1).random((3, 30, 30))
    best = TSPSolver().prepare().solve(costs)
    assert best.status is None
    stopped = TSPSolver(node_limit=1).prepare().solve(costs)
    proven = np.isnan(stopped.bound) | (stopped.status == SolveStatus.OPTIMAL)
    assert (stopped.status == SolveStatus.FEASIBLE).any()
    assert (stopped.bound <= best.values * (1 + 1e-9))[~proven].all()
    assert (stopped.values >= best.values * (1 - 1e-9)).all()
    assert (stopped.gap < 0.5).all()
    scores = TSPSolver(sense="max", node_limit=1).prepare().solve(-costs)
    assert np.array_equal(scores.solutions, stopped.solutions)
    assert np.allclose(scores.bound, -stopped.bound)
    row = int(np.flatnonzero(~proven)[0])
    assert stopped.messages[row] == "stopped at a limit with the best tour so far"


def test_limits_without_a_tour_are_timeouts():
    graph = nx.disjoint_union(nx.complete_graph(8), nx.complete_graph(8))
    graph.add_edge(7, 8)  # the only way across, and none back
    graph.add_edge(0, 8)
    costs = np.random.default_rng(0).random((1, graph.number_of_edges()))
    first = TSPSolver(node_limit=1, time_limit=5.0).prepare(graph=graph).solve(costs)
    assert first.status.tolist() in ([SolveStatus.TIMEOUT], [SolveStatus.INFEASIBLE])
    if first.status[0] == SolveStatus.TIMEOUT:
        assert first.messages == {0: "stopped at a limit before any tour was found"}
    assert TSPSolver().prepare(graph=graph).solve(costs).status.tolist() == [SolveStatus.INFEASIBLE]


def test_a_limit_that_ends_a_search_before_it_begins_leaves_no_bound():
    result = TSPSolver(time_limit=1e-9).prepare().solve(euclidean(0, 20))
    assert result.status.tolist() == [SolveStatus.FEASIBLE]
    assert result.bound is None


def test_a_cancelled_search_stops():
    token = CancelToken()
    token.cancel()
    with token.inside(), pytest.raises(CancelledError):
        TSPSolver().prepare().solve(euclidean(0, 20))


def circuit(distances):
    """The cost of the best tour, by CP-SAT, for whole costs."""
    model = cp_model.CpModel()
    n = len(distances)
    taken = {(i, j): model.new_bool_var("") for i in range(n) for j in range(n) if i != j}
    model.add_circuit([(i, j, one) for (i, j), one in taken.items()])
    model.minimize(sum(int(distances[way]) * one for way, one in taken.items()))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    assert solver.solve(model) == cp_model.OPTIMAL
    return solver.objective_value


@pytest.mark.parametrize("kind", ["plane", "directed", "ties"])
def test_larger_tours_are_those_of_cp_sat(kind):
    n, rng = 17, np.random.default_rng(2)
    costs = {
        "plane": lambda: np.rint(1000 * euclidean(2, n, 2)),
        "directed": lambda: rng.integers(0, 1000, (2, n, n)).astype(float),
        "ties": lambda: rng.integers(0, 3, (2, n, n)).astype(float),
    }[kind]()
    result = TSPSolver().prepare().solve(costs)
    assert result.values.tolist() == [circuit(row) for row in costs]


def test_forty_nodes_are_solved_and_learned_from():
    costs = torch.from_numpy(euclidean(4, 40, 2)).requires_grad_()
    layer = imle.layer("tsp", directed=False, nb_samples=2)
    taken = layer(costs)
    assert torch.equal(taken, taken.mT)
    taken[:, 0].sum().backward()
    assert torch.equal(costs.grad, costs.grad.mT) or costs.grad.abs().sum() > 0
    assert layer.stats.status["optimal"] == layer.stats.solves
