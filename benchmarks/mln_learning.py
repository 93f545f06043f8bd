"""Markov Logic Networks: weights from training databases, and probabilities

Databases are in memory; reading a program and grounding count.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

import imle_mln
from benchmarks.harness import Claim, race
from benchmarks.mln_references import bound

PEOPLE, FRIENDS = 1000, 97_000
SMOKERS = """*Friends(person, person)
Smokes(person)
Cancer(person)
1 Smokes(x)
1 Cancer(x)
1 Smokes(x) => Cancer(x)
1 Friends(x,y) => (Smokes(x) <=> Smokes(y))
"""
CHAIN, ROWS = 200, 16


def facts() -> dict[str, Sequence[object]]:
    """People, a third of whom smoke, and pairs of them."""
    rng = np.random.default_rng(0)
    names = [f"P{number}" for number in range(PEOPLE)]
    pairs = np.unique(rng.integers(PEOPLE, size=(2 * FRIENDS, 2)), axis=0)
    smokes = rng.random(PEOPLE) < 1 / 3
    cancer = rng.random(PEOPLE) < np.where(smokes, 0.6, 0.2)
    return {
        "Friends": [(names[a], names[b]) for a, b in rng.permutation(pairs)[:FRIENDS].tolist()],
        "Smokes": [name for name, one in zip(names, smokes.tolist(), strict=True) if one],
        "Cancer": [name for name, one in zip(names, cancer.tolist(), strict=True) if one],
    }


def learning() -> Claim:
    data = facts()
    seconds = race({"learn": lambda: imle_mln.learn(SMOKERS, data)}, rounds=3)["learn"]
    name = f"pseudo-likelihood: {PEOPLE:,} people, {FRIENDS:,} ground features of friends"
    return bound(name, seconds, 10.0, "bound: 10 s")


def probabilities() -> Claim:
    """A chain, whose states are too many to count."""
    program = f"n = {{1,...,{CHAIN}}}\n*Next(n, n)\nP(n)\n0.3 P(x)\n1 Next(x,y) => (P(x) <=> P(y))\n"
    layer = imle_mln.MarginalLayer(program, {"Next": [(str(k), str(k + 1)) for k in range(1, CHAIN)]})
    unary = torch.randn(ROWS, CHAIN, dtype=torch.float64, requires_grad=True)

    def step() -> None:
        unary.grad = None
        layer(unary).state.square().sum().backward()

    seconds = race({"step": step}, rounds=5)["step"]
    return bound(
        f"exact marginals and their gradient: a chain of {CHAIN} atoms, {ROWS} rows", seconds, 1.0, "bound: 1 s"
    )


def claims() -> list[Claim]:
    return [learning(), probabilities()]
