"""A row's answer depends on that row alone, ties included; bad rows, inputs of all layouts, threads and processes."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import networkx as nx
import numpy as np
import pytest

from imle.errors import ObjectiveError, OptionError
from imle.solvers import PreparedSolver, SolveStatus
from imle.solvers.cancellation import CancelledError, CancelToken, stop_until
from imle_networkx.arborescence import ArborescenceSolver
from imle_networkx.bounded_path import BoundedPathSolver
from imle_networkx.closure import ClosureSolver
from imle_networkx.max_weight_matching import MaxWeightMatchingSolver
from imle_networkx.min_cut import MinCutSolver
from imle_networkx.perfect_matching import PerfectMatchingSolver
from imle_networkx.several_paths import KShortestPathsSolver
from imle_networkx.spanning_tree import SpanningTreeSolver
from imle_networkx.steiner_tree import SteinerTreeSolver

GRID = nx.grid_2d_graph(4, 4)
KINGS = nx.strong_product(nx.path_graph(4), nx.path_graph(4))
ENDS = {"source": (0, 0), "target": (3, 3)}
CORNERS = [(0, 0), (0, 3), (3, 0), (3, 3)]
CASES = {
    "tree": lambda: SpanningTreeSolver().prepare(KINGS),
    "dearest tree": lambda: SpanningTreeSolver(sense="max").prepare(KINGS),
    "arborescence": lambda: ArborescenceSolver().prepare(KINGS.to_directed(), root=(0, 0)),
    "free arborescence": lambda: ArborescenceSolver(sense="max").prepare(KINGS.to_directed()),
    "bipartite matching": lambda: PerfectMatchingSolver().prepare(GRID),
    "matching": lambda: PerfectMatchingSolver(sense="max").prepare(KINGS),
    "heaviest matching": lambda: MaxWeightMatchingSolver().prepare(KINGS),
    "closure": lambda: ClosureSolver().prepare(nx.DiGraph(KINGS.edges)),
    "Steiner tree": lambda: SteinerTreeSolver().prepare(terminals=CORNERS, graph=KINGS),
    "three paths": lambda: KShortestPathsSolver().prepare(**ENDS, k=3, graph=KINGS),
    "disjoint paths": lambda: KShortestPathsSolver(disjoint="nodes").prepare(**ENDS, k=2, graph=GRID),
    "cut": lambda: MinCutSolver().prepare(**ENDS, graph=KINGS),
    "directed cut": lambda: MinCutSolver().prepare(**ENDS, graph=KINGS.to_directed()),
    "path": lambda: BoundedPathSolver().prepare(**ENDS, hops=7, graph=GRID),
}


def objectives(prepared, rows=40):
    """Few distinct numbers: ties wherever there can be any."""
    return np.random.default_rng(0).integers(-1, 3, (rows, *prepared.objective_shape)).astype(float)


@pytest.fixture(params=CASES)
def prepared(request):
    return CASES[request.param]()


def test_batch_equals_loop_and_order_does_not_matter(prepared):
    objective = objectives(prepared)
    whole = prepared.solve(objective)
    single = [prepared.solve(objective[row : row + 1]) for row in range(len(objective))]
    np.testing.assert_array_equal(np.concatenate([one.solutions for one in single]), whole.solutions)
    np.testing.assert_array_equal(np.concatenate([one.values for one in single]), whole.values)
    order = np.random.default_rng(1).permutation(len(objective))
    np.testing.assert_array_equal(prepared.solve(objective[order]).solutions, whole.solutions[order])


def test_layouts(prepared):
    objective = objectives(prepared)
    expected = prepared.solve(objective).solutions
    frozen = objective.copy()
    frozen.flags.writeable = False
    wide = np.repeat(objective, 2, axis=1)[:, ::2]
    for given in (frozen, np.asfortranarray(objective), wide, objective.astype(np.float32)):
        np.testing.assert_array_equal(prepared.solve(given).solutions, expected)
    np.testing.assert_array_equal(frozen, objective)


def test_threads(prepared):
    objective = objectives(prepared)
    expected = prepared.solve(objective).solutions
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: prepared.solve(objective), range(12)):
            np.testing.assert_array_equal(result.solutions, expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_fail_alone(prepared, bad):
    objective = objectives(prepared, rows=3)
    expected = prepared.solve(objective)
    spoiled = objective.copy()
    spoiled[1, 2] = bad
    result = prepared.solve(spoiled)
    assert result.status.tolist() == [SolveStatus.OPTIMAL, SolveStatus.ERROR, SolveStatus.OPTIMAL]
    assert result.messages == {1: f"the objective is {bad} at position 2"}
    np.testing.assert_array_equal(result.solutions[::2], expected.solutions[::2])
    assert not result.solutions[1].any()
    assert np.isnan(result.values[1])


def test_numbers_of_any_size(prepared):
    objective = np.abs(objectives(prepared, rows=8)) + 1
    expected = prepared.solve(objective).solutions
    for scale in (2.0**-1000, 2.0**-60, 2.0**60, 2.0**900):
        np.testing.assert_array_equal(prepared.solve(objective * scale).solutions, expected)


def test_empty_batches_wrong_shapes_and_close(prepared):
    assert isinstance(prepared, PreparedSolver)
    (edges,) = prepared.objective_shape
    empty = prepared.solve(np.zeros((0, edges)))
    assert empty.solutions.shape == (0, edges)
    assert empty.status is None
    for shape in ((2, edges + 1), (edges,), (1, edges, 1)):
        with pytest.raises(ObjectiveError, match=rf"expected objectives of shape \[N, {edges}\]"):
            prepared.solve(np.zeros(shape))
    prepared.close()
    prepared.close()


TIES = """
import hashlib, networkx as nx, numpy as np
from imle_networkx.perfect_matching import PerfectMatchingSolver
graph = nx.strong_product(nx.path_graph(6), nx.path_graph(6))
costs = np.random.default_rng(0).integers(0, 2, (20, graph.number_of_edges())).astype(float)
solutions = PerfectMatchingSolver().prepare(graph).solve(costs).solutions
print(hashlib.md5(solutions.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_ties_of_matchings_are_the_same_in_every_process():
    """Which matching is found must not depend on the seeds of hashes, or on what memory holds."""
    found = {
        subprocess.run([sys.executable, "-c", TIES], capture_output=True, text=True, check=True).stdout
        for _ in range(3)
    }
    assert len(found) == 1
    assert len(found.pop().strip()) == hashlib.md5().digest_size * 2


def test_negative_capacities_are_clipped_and_counted_or_refused():
    edges = [("s", "a"), ("a", "t"), ("s", "t")]
    graph = nx.DiGraph(edges)
    order = list(graph.edges)
    costs = np.array([[2.0 if edge[0] == "s" and edge[1] == "a" else -1.0 for edge in order]] * 2)
    costs[1] = 1.0
    result = MinCutSolver().prepare(source="s", target="t", graph=graph).solve(costs)
    assert result.counters == {"clipped_rows": 1, "clipped_entries": 2}
    assert len(result.advice) == 1
    assert result.solutions[0][order.index(("a", "t"))] == 1  # free once clipped; s has no free edge to a
    assert result.values[0] == -2.0  # as given, not as clipped
    with pytest.raises(ObjectiveError, match=r"found -1 at position \d, edge \('\w', 't'\); 2 of 6") as caught:
        MinCutSolver(negative="raise").prepare(source="s", target="t", graph=graph).solve(costs)
    assert caught.value.row == 0


def test_cuts_of_nodes_that_are_not_joined_are_empty():
    result = MinCutSolver().prepare(source=0, target=2, edges=[[0, 1]], nodes=3).solve(np.ones((2, 1)))
    assert result.solutions.tolist() == [[0], [0]]


def test_paths_count_negative_cycles():
    prepared = BoundedPathSolver().prepare(source=0, target=2, hops=2, graph=nx.complete_graph(3))
    result = prepared.solve(np.array([[-5.0, 1.0, 1.0], [1.0, 1.0, 1.0]]))
    assert result.counters == {}  # two edges are too few for a cycle
    longer = BoundedPathSolver().prepare(source=0, target=3, hops=3, graph=nx.path_graph(4))
    assert longer.solve(-np.ones((1, 3))).counters == {}  # three edges, all needed
    loops = BoundedPathSolver().prepare(
        source=0, target=1, hops=3, edges=[[0, 1], [0, 2], [2, 3], [3, 1]], directed=False
    )
    result = loops.solve(np.array([[-1.0, -1.0, 5.0, -9.0]]))
    assert result.values.tolist() == [-5.0]


@pytest.mark.parametrize("solver", [SpanningTreeSolver, ArborescenceSolver, PerfectMatchingSolver])
def test_bad_senses(solver):
    with pytest.raises(OptionError, match="sense: expected 'min' or 'max', found 'least'"):
        solver(sense="least")


@pytest.mark.parametrize("options", [{"negative": "shift"}, {"label_limit": 0}])
def test_bad_options(options):
    with pytest.raises(OptionError):
        (MinCutSolver if "negative" in options else BoundedPathSolver)(**options)


def complete(nodes):
    """A complete digraph in which every cycle costs less than nothing, and far more rows than can be solved."""
    ends = [(tail, head) for tail in range(nodes) for head in range(nodes) if tail != head]
    prepared = BoundedPathSolver().prepare(source=0, target=1, hops=nodes - 1, edges=ends)
    costs = -1.0 - np.random.default_rng(0).random((1, len(ends)))
    return prepared, np.broadcast_to(costs, (100_000, len(ends)))  # an hour


def test_ctrl_c_among_negative_cycles():
    prepared, costs = complete(14)
    prepared.solve(costs[:1])
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            prepared.solve(costs)
    finally:
        signal.signal(signal.SIGINT, before)
    assert prepared.solve(costs[:2]).status is None


def test_ctrl_c_among_sets_of_terminals():
    solver = SteinerTreeSolver(exact_terminals=20)
    many = solver.prepare(terminals=range(18), graph=nx.complete_graph(40))  # more than ten seconds a row
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            many.solve(np.ones((4, 780)))
    finally:
        signal.signal(signal.SIGINT, before)
    few = solver.prepare(terminals=range(3), graph=nx.complete_graph(40))
    assert few.solve(np.ones((2, 780))).values.tolist() == [2.0, 2.0]


def test_rows_among_negative_cycles_that_no_caller_waits_for():
    prepared, costs = complete(14)
    token = CancelToken()

    def solve():
        with token.inside():
            prepared.solve(costs)

    with ThreadPoolExecutor(1) as pool:
        solving = pool.submit(solve)
        stop_until(token, [solving], 60)
        with pytest.raises(CancelledError):
            solving.result(0)
