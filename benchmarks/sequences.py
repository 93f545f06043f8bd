"""Sequences and trees over torch-struct, and over loops in Python

MAP solutions of the same scores, one thread. torch-struct finds them as gradients of a maximum, and is given its
potentials ready-made; loops are textbooks' recursions over lists of floats. Values are compared before anything is
timed. Each is timed on a batch that it takes some time for; the table shows seconds per row. torch-struct's alignments
are left out: they need an extension for CUDA (genbmm).
"""

from __future__ import annotations

import importlib.util
import itertools
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.harness import Claim, race
from imle.solvers import PreparedSolver
from imle_dp.alignment import AlignmentSolver
from imle_dp.chain import SegmentationSolver, ViterbiSolver
from imle_dp.cky import CKYSolver
from imle_dp.projective import ProjectiveTreeSolver

Floats = NDArray[np.float64]
BATCH, FEW, ROUNDS = 128, 8, 5


def viterbi_loop(emissions: list[list[float]], transitions: list[list[float]]) -> list[int]:
    """A best path of states."""
    best, back = emissions[0], []
    for scores in emissions[1:]:
        before = [max(range(len(best)), key=lambda j, k=k: best[j] + transitions[j][k]) for k in range(len(best))]
        best = [best[j] + transitions[j][k] + scores[k] for k, j in enumerate(before)]
        back.append(before)
    path = [max(range(len(best)), key=best.__getitem__)]
    for before in reversed(back):
        path.append(before[path[-1]])
    return path[::-1]


def distance_loop(costs: list[list[float]]) -> float:
    """The distance of dynamic time warping."""
    inf = float("inf")
    before = [0.0] + [inf] * len(costs[0])
    for line in costs:
        now = [inf]
        for j, cost in enumerate(line):
            now.append(cost + min(before[j], before[j + 1], now[j]))
        before = now
    return before[-1]


def over_loops(rng: np.random.Generator) -> Iterator[Claim]:
    """Viterbi, and time warping."""
    chain = ViterbiSolver().prepare(50, 20)
    scores = rng.normal(size=(BATCH, *chain.objective_shape))
    emissions, transitions = (part[:FEW].tolist() for part in chain.blocks.split(scores).values())
    few = list(zip(emissions, transitions, strict=True))
    solved = chain.blocks.split(chain.solve(scores).solutions)["emissions"][:FEW].argmax(axis=2)
    assert solved.tolist() == [viterbi_loop(*row) for row in few]
    times = race({"ours": lambda: chain.solve(scores), "loop": lambda: [viterbi_loop(*row) for row in few]}, ROUNDS)
    yield Claim("viterbi 50 x 20", times["ours"] / BATCH, times["loop"] / FEW, 100, note="per row, over a Python loop")

    warping = AlignmentSolver(kind="warping").prepare(50, 50)
    costs = rng.random((BATCH, 50 * 50))
    rows = costs[:FEW].reshape(FEW, 50, 50).tolist()
    assert np.allclose(warping.solve(costs).values[:FEW], [distance_loop(row) for row in rows])  # type: ignore[index]
    times = race({"ours": lambda: warping.solve(costs), "loop": lambda: [distance_loop(row) for row in rows]}, ROUNDS)
    ours, loop = times["ours"] / BATCH, times["loop"] / FEW
    yield Claim("time warping 50 x 50", ours, loop, 20, note="per row, over a Python loop that finds no path")


def over_torch_struct(rng: np.random.Generator) -> Iterator[Claim]:
    """All but alignments."""
    import torch_struct

    def torched(array: Floats) -> Tensor:
        return torch.from_numpy(array).float().requires_grad_() * 1  # not a leaf: some would write into it

    def claim(
        name: str, solver: PreparedSolver, scores: Floats, theirs: Callable[[], torch_struct.StructDistribution]
    ) -> Claim:
        values = solver.solve(scores).values
        assert values is not None
        assert np.allclose(values[:FEW], theirs().max.detach(), rtol=1e-4, atol=1e-3)
        times = race({"ours": lambda: solver.solve(scores), "theirs": lambda: theirs().argmax}, ROUNDS)
        return Claim(name, times["ours"] / BATCH, times["theirs"] / FEW, 20, note="per row, over torch-struct")

    chain = ViterbiSolver().prepare(50, 20)
    scores = rng.normal(size=(BATCH, *chain.objective_shape))
    emissions, transitions = (part[:FEW] for part in chain.blocks.split(scores).values())
    pairs = transitions[:, None] + emissions[:, 1:, None, :]
    pairs[:, 0] += emissions[:, 0, :, None]
    edges = pairs.swapaxes(2, 3).copy()
    yield claim("viterbi 50 x 20", chain, scores, lambda: torch_struct.LinearChainCRF(torched(edges)))

    cuts = SegmentationSolver().prepare(20, 4, 5, stationary=False)
    scores = rng.normal(size=(BATCH, *cuts.objective_shape))
    segments, moves = cuts.blocks.split(scores).values()
    segments[:, -1, 0] = 0.0  # torch-struct scores all segments but the last one, which has one step
    for width in range(1, 4):
        segments[:, 19 - width :, width] = -1e3
    moved = np.zeros((FEW, 19, 5, 5, 5))
    for start, width in itertools.product(range(19), range(1, 5)):
        if start + width < 20:
            moved[:, start, width] = (
                segments[:FEW, start, width - 1, :, None] + moves[:FEW, start + width - 1]
            ).swapaxes(1, 2)
    yield claim("segmentation 20 x 4 x 5", cuts, scores, lambda: torch_struct.SemiMarkovCRF(torched(moved)))

    tree = ProjectiveTreeSolver(single_root=False).prepare()
    scores = rng.normal(size=(BATCH, 21, 21))
    arcs = scores[:FEW, 1:, 1:].copy()
    arcs[:, range(20), range(20)] = scores[:FEW, 0, 1:]
    yield claim("projective-tree, 20 words", tree, scores, lambda: torch_struct.DependencyCRF(torched(arcs)))

    spans = CKYSolver().prepare(20, symbols=10)
    scores = rng.normal(size=(BATCH, *spans.objective_shape))
    labelled = scores[:FEW].reshape(FEW, 20, 20, 10)
    yield claim("cky, 20 words, 10 labels", spans, scores, lambda: torch_struct.TreeCRF(torched(labelled)))

    every = np.array(list(itertools.product(range(10), range(20), range(20))))
    grammar = CKYSolver().prepare(15, every, symbols=20, roots=list(range(10)))
    scores = rng.normal(size=(BATCH, *grammar.objective_shape))
    nodes, rules = (part[:FEW] for part in grammar.blocks.split(scores).values())
    nodes[:] = np.where(np.eye(15, dtype=bool)[:, :, None] & (np.arange(20) >= 10), nodes, 0.0)
    nodes[:, 0, 14, :10] = roots = rng.normal(size=(FEW, 10))
    terms, weights = nodes[:, range(15), range(15), 10:], rules.reshape(FEW, 10, 20, 20)
    parts = (terms, weights, roots)
    yield claim("cky, 15 words, 4,000 rules", grammar, scores, lambda: torch_struct.SentCFG(tuple(map(torched, parts))))


def claims() -> list[Claim]:
    found = list(over_loops(np.random.default_rng(0)))
    if importlib.util.find_spec("torch_struct") is not None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*does not define `arg_constraints`", UserWarning)
            found += over_torch_struct(np.random.default_rng(1))
    return found


def notes() -> list[str]:
    """What was not compared."""
    if importlib.util.find_spec("torch_struct") is not None:
        return []
    return ["skipped: torch-struct: not installed; pip install -r benchmarks/requirements.txt"]
