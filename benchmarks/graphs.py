"""Matchings, closures, Steiner trees and several paths of graphs, over NetworkX on the same rows

The graphs are built once; between solves only the weights of their edges change. Values are compared before anything is
timed. Numbers are seconds per row: of a batch for the compiled solvers, of its first rows for NetworkX, which solves
one at a time. NetworkX has no exact Steiner trees: its approximation, which may cost up to twice as much, stands in.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Claim, race
from imle.solvers import PreparedSolver
from imle_networkx.closure import ClosureSolver
from imle_networkx.max_weight_matching import MaxWeightMatchingSolver
from imle_networkx.perfect_matching import PerfectMatchingSolver
from imle_networkx.several_paths import KShortestPathsSolver
from imle_networkx.steiner_tree import SteinerTreeSolver

Floats = NDArray[np.float64]
BATCH, FEW = 320, 4


def compare(
    name: str,
    solver: PreparedSolver,
    graph: nx.Graph,
    objectives: Floats,
    value: Callable[[], float],
    target: float,
    *,
    approximate: bool = False,
) -> Claim:
    """Seconds per row of a compiled solver, and of NetworkX.

    Args:
        name, target: of the claim.
        solver: over the graph.
        graph: whose weights `value` reads.
        objectives: `[BATCH, E]` weights.
        value: what NetworkX makes of one row.
        approximate: whether that may be more than the best value.
    """
    edges = list(graph.edges)

    def theirs() -> list[float]:
        found = []
        for row in objectives[:FEW].tolist():
            for edge, weight in zip(edges, row, strict=True):
                graph.edges[edge]["weight"] = weight
            found.append(value())
        return found

    ours = solver.solve(objectives).values
    assert ours is not None
    expected = np.array(theirs())
    assert (ours[:FEW] <= expected * (1 + 1e-9)).all() if approximate else np.allclose(ours[:FEW], expected)
    times = race({"ours": lambda: solver.solve(objectives), "theirs": theirs}, rounds=5)
    return Claim(name, times["ours"] / BATCH, times["theirs"] / FEW, target, note="per row, over NetworkX")


def matchings(rng: np.random.Generator) -> list[Claim]:
    complete = nx.complete_graph(30)
    kings = nx.strong_product(nx.path_graph(12), nx.path_graph(12))

    def heaviest() -> float:
        return float(sum(complete.edges[pair]["weight"] for pair in nx.max_weight_matching(complete)))

    def cheapest() -> float:
        return float(sum(kings.edges[pair]["weight"] for pair in nx.min_weight_matching(kings)))

    return [
        compare(
            "max-weight-matching, 30 nodes, all 435 edges",
            MaxWeightMatchingSolver().prepare(complete),
            complete,
            rng.random((BATCH, 435)),
            heaviest,
            30,
        ),
        compare(
            "perfect-matching, 12 x 12 grid with diagonals",
            PerfectMatchingSolver().prepare(kings),
            kings,
            rng.random((BATCH, len(kings.edges))),
            cheapest,
            30,
        ),
    ]


def closure(rng: np.random.Generator) -> Claim:
    """Blocks of an open pit: each needs the three above it."""
    depth, width = 12, 40
    blocks = [(level, place) for level in range(depth) for place in range(width)]
    needs = [
        ((level, place), (level - 1, place + aside))
        for level, place in blocks
        for aside in (-1, 0, 1)
        if level and 0 <= place + aside < width
    ]
    scores = rng.normal(-0.2, 1.0, (BATCH, len(blocks)))
    solver = ClosureSolver().prepare(edges=needs, nodes=blocks)
    network = nx.DiGraph(needs)
    network.add_edges_from(("source", block) for block in blocks)
    network.add_edges_from((block, "sink") for block in blocks)

    def theirs() -> list[float]:
        found = []
        for row in scores[:FEW].tolist():
            for block, score in zip(blocks, row, strict=True):
                network.edges["source", block]["capacity"] = max(score, 0.0)
                network.edges[block, "sink"]["capacity"] = max(-score, 0.0)
            found.append(sum(score for score in row if score > 0) - nx.minimum_cut(network, "source", "sink")[0])
        return found

    ours = solver.solve(scores).values
    assert ours is not None
    assert np.allclose(ours[:FEW], theirs())
    times = race({"ours": lambda: solver.solve(scores), "theirs": theirs}, rounds=5)
    return Claim(
        "max-weight-closure, 480 blocks of a pit",
        times["ours"] / BATCH,
        times["theirs"] / FEW,
        target=20,
        note="per row, over a cut by NetworkX",
    )


def paths_and_trees(rng: np.random.Generator) -> list[Claim]:
    grid = nx.grid_2d_graph(12, 12)
    costs = rng.uniform(0.5, 1.5, (BATCH, len(grid.edges)))
    corners = [(0, 0), (0, 11), (11, 0), (11, 11), (4, 5), (8, 3)]

    def tree() -> float:
        return float(nx.approximation.steiner_tree(grid, corners).size("weight"))

    def ten() -> float:
        ways = itertools.islice(nx.shortest_simple_paths(grid, (0, 0), (11, 11), "weight"), 10)
        return float(sum(nx.path_weight(grid, way, "weight") for way in ways))

    return [
        compare(
            "steiner-tree, 12 x 12 grid, 6 terminals",
            SteinerTreeSolver().prepare(corners, grid),
            grid,
            costs,
            tree,
            2,
            approximate=True,
        ),
        compare(
            "k-shortest-paths, 12 x 12 grid, 10 paths",
            KShortestPathsSolver().prepare((0, 0), (11, 11), 10, grid),
            grid,
            costs,
            ten,
            20,
        ),
    ]


def claims() -> list[Claim]:
    rng = np.random.default_rng(0)
    return [*matchings(rng), closure(rng), *paths_and_trees(rng)]
