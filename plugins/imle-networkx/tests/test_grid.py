"""Grids of all shapes against networkx, and their cells as users name them."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import SolveStatus
from imle_networkx.grid import GridShortestPathSolver
from imle_networkx.shortest_path import ShortestPathSolver

SHAPES = [(1, 1), (1, 2), (2, 1), (1, 9), (9, 1), (2, 2), (3, 5), (5, 3), (7, 7), (12, 12)]
NEIGHBOURS = pytest.mark.parametrize("neighbours", [8, 4])


def grid_graph(height, width, neighbours) -> nx.Graph:
    product = nx.strong_product if neighbours == 8 else nx.cartesian_product
    return product(nx.path_graph(height), nx.path_graph(width))


def shortest(costs, source, target, neighbours) -> float:
    arcs = grid_graph(*costs.shape, neighbours).to_directed()
    weight = {(u, v): costs[v] for u, v in arcs.edges}
    nx.set_edge_attributes(arcs, weight, "weight")
    return costs[source] + nx.dijkstra_path_length(arcs, source, target)


def check_path(mask, source, target, neighbours):
    """Fails unless the marked cells are those of a simple path between the ends."""
    assert set(np.unique(mask)) <= {0.0, 1.0}
    marked = [tuple(map(int, cell)) for cell in np.argwhere(mask)]
    assert source in marked
    assert target in marked
    part = grid_graph(*mask.shape, neighbours).subgraph(marked)
    # a shortest path with the fewest cells has no chord between cells two steps apart: a plain chain
    assert nx.is_connected(part)
    assert nx.shortest_path_length(part, source, target) == len(marked) - 1


@NEIGHBOURS
@pytest.mark.parametrize("shape", SHAPES)
def test_same_cost_as_networkx(shape, neighbours):
    random = np.random.default_rng(0)
    rows = 40
    costs = random.integers(0, 4, (rows, *shape)).astype(float)  # exact sums, many ties and zeros
    cells = [(int(r), int(c)) for r, c in zip(*(random.integers(0, n, 2 * rows) for n in shape), strict=True)]
    sources, targets = cells[:rows], cells[rows:]
    prepared = GridShortestPathSolver(neighbours=neighbours).prepare()
    result = prepared.solve(costs, source=sources, target=targets)
    assert result.status is None
    for row in range(rows):
        best = shortest(costs[row], sources[row], targets[row], neighbours)
        assert result.values[row] == best == (result.solutions[row] * costs[row]).sum()
        check_path(result.solutions[row], sources[row], targets[row], neighbours)


@NEIGHBOURS
@pytest.mark.parametrize("shape", [(6, 9), (12, 12)])
def test_same_cost_as_networkx_from_corner_to_corner(shape, neighbours):
    costs = np.random.default_rng(1).exponential(size=(40, *shape))
    result = GridShortestPathSolver(neighbours=neighbours).prepare().solve(costs)
    for row in range(40):
        best = shortest(costs[row], (0, 0), (shape[0] - 1, shape[1] - 1), neighbours)
        np.testing.assert_allclose(result.values[row], best, rtol=1e-12)
        check_path(result.solutions[row], (0, 0), (shape[0] - 1, shape[1] - 1), neighbours)


@NEIGHBOURS
@settings(max_examples=60)
@given(data=st.data())
def test_same_path_cost_as_the_graph_solver(neighbours, data):
    """Mazes of cheap cells between dear ones, where paths wind up and down."""
    height, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    entries = data.draw(st.lists(st.sampled_from([0.0, 1.0, 50.0]), min_size=height * width, max_size=height * width))
    costs = np.array(entries).reshape(1, height, width)
    grid = GridShortestPathSolver(neighbours=neighbours).prepare().solve(costs)
    graph = grid_graph(height, width, neighbours)
    prepared = ShortestPathSolver(weights="node").prepare(graph, source=(0, 0), target=(height - 1, width - 1))
    assert grid.values == prepared.solve(costs.reshape(1, -1)).values


def test_of_equal_paths_one_with_the_fewest_cells():
    result = GridShortestPathSolver().prepare().solve(np.zeros((1, 5, 9)))
    assert result.solutions.sum() == 9
    result = GridShortestPathSolver(neighbours=4).prepare().solve(np.zeros((1, 5, 9)))
    assert result.solutions.sum() == 13


def test_snakes():
    costs = np.full((21, 11), 1e6)
    costs[::2] = 1.0
    costs[1::4, -1] = costs[3::4, 0] = 1.0
    for neighbours, cells in ((4, (costs == 1).sum()), (8, (costs == 1).sum() - 20)):
        result = GridShortestPathSolver(neighbours=neighbours).prepare((0, 0), (20, 10)).solve(costs[None])
        assert result.values.tolist() == [cells]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_wall_of_nan_is_reported(bad):
    costs = np.ones((2, 3, 3))
    costs[0, 1] = bad
    result = GridShortestPathSolver().prepare().solve(costs)
    assert result.status.tolist() == [SolveStatus.ERROR, SolveStatus.OPTIMAL]
    assert result.messages == {0: "no path of finite cost: costs add up to infinity or are nan"}
    assert not result.solutions[0].any()


def test_grids_of_several_sizes_with_one_prepared_solver():
    prepared = GridShortestPathSolver().prepare(target=(1, 1))
    for shape in ((2, 2), (4, 3), (2, 5)):
        assert prepared.solve(np.ones((1, *shape))).values.tolist() == [2.0]
    prepared.close()
    prepared.close()


def test_empty_batches():
    result = GridShortestPathSolver().prepare().solve(np.zeros((0, 3, 4)))
    assert result.solutions.shape == (0, 3, 4)
    assert result.status is None


@pytest.mark.parametrize("shape", [(2, 0, 3), (2, 3, 0)])
def test_empty_grids(shape):
    with pytest.raises(ObjectiveError) as caught:
        GridShortestPathSolver().prepare().solve(np.zeros(shape))
    height, width = shape[1:]
    assert str(caught.value) == f"grid-shortest-path: expected a grid of at least one cell, found {height} x {width}"


@pytest.mark.parametrize("cell", [3, (1,), (1, 2, 3), (-1, 0), (0, -1), (0.5, 1), "ab", None])
def test_cells_that_are_none(cell):
    with pytest.raises(InstanceError) as caught:
        GridShortestPathSolver().prepare(source=cell)
    assert str(caught.value) == f"grid-shortest-path: source: expected (row, column), integers >= 0, found {cell!r}"


@pytest.mark.parametrize("cell", [(3, 0), (0, 4), (3, 4)])
def test_cells_outside_the_grid(cell):
    message = (
        f"grid-shortest-path: target: expected a cell of a grid of 3 rows and 4 columns, found {cell}\n"
        "  hint: rows and columns are counted from zero"
    )
    with pytest.raises(InstanceError) as caught:
        GridShortestPathSolver().prepare(target=cell).solve(np.ones((2, 3, 4)))
    assert str(caught.value) == message
    assert caught.value.row is None
    with pytest.raises(InstanceError) as caught:
        GridShortestPathSolver().prepare().solve(np.ones((2, 3, 4)), target=[(0, 1), cell])
    assert str(caught.value) == message
    assert caught.value.row == 1


def test_cells_may_be_numpy_integers_lists_or_the_default():
    prepared = GridShortestPathSolver().prepare()
    ends = [(np.int64(0), np.int32(0)), [2, 3], None]
    solutions = prepared.solve(np.ones((3, 3, 4)), target=ends).solutions
    assert solutions.sum(axis=(1, 2)).tolist() == [1, 4, 4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"neighbours": 6}, "grid-shortest-path: neighbours: expected 8 or 4, found 6"),
        ({"negative": "shift"}, "grid-shortest-path: negative: expected 'clip' or 'raise', found 'shift'"),
    ],
)
def test_options(options, message):
    with pytest.raises(OptionError) as caught:
        GridShortestPathSolver(**options)
    assert str(caught.value) == message


@NEIGHBOURS
@pytest.mark.parametrize("turned", [False, True])
def test_paths_are_told_apart_by_the_last_bits(neighbours, turned):
    """Two ways around a wall, one of which is dearer by little more than the round-off of their sums."""
    costs = np.array([[1.0, 1.0, 1.0], [1.0, 1e9, 1.0], [1.0, 1.0, 1.0]])
    costs[0, 1] = 1 + 2.0**-48
    costs[0, 2] = costs[2, 0] = 1.0 if neighbours == 4 else 1e9  # corners are cut where diagonal steps are allowed
    if turned:
        costs = costs.T.copy()
    for scale in (1.0, 2.0**-60, 2.0**60):
        result = GridShortestPathSolver(neighbours=neighbours).prepare().solve(scale * costs[None])
        dear, cheap = ((1, 0), (0, 1)) if turned else ((0, 1), (1, 0))
        assert result.solutions[0][cheap] == 1
        assert result.solutions[0][dear] == 0
