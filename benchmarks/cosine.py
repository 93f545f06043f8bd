"""Cosine between estimated gradients and the exact gradient of an expected loss, by enumeration (larger is better).

The loss is E ||z - b||^2 with p(z) proportional to exp <theta, z> over a small feasible set, whose gradient is known
exactly. "one": mean cosine of single draws; "mean": cosine of the mean of all draws, 1 where the bias points nowhere.
All estimators at temperature 1 and with a step of the same relative size, one sample per draw.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from rich.table import Table
from torch import Tensor
from torch.nn.functional import cosine_similarity

import imle
from benchmarks.harness import Claim
from imle.estimators import IMLE
from imle.testing.enumeration import EnumerationSolver

DRAWS, POINTS = 2_000, 20


def subsets() -> Tensor:
    """The 5-subsets of 10."""
    return torch.tensor([[float(i in chosen) for i in range(10)] for chosen in itertools.combinations(range(10), 5)])


def knapsacks() -> Tensor:
    """What fits of 8 items."""
    sizes = torch.tensor([3.0, 5.0, 2.0, 7.0, 4.0, 1.0, 6.0, 2.0])
    vectors = torch.tensor(list(itertools.product([0.0, 1.0], repeat=8)))
    return vectors[vectors @ sizes <= 15]


def paths() -> Tensor:
    """Monotone paths through a 4x4 lattice, as the cells they visit."""
    found = []
    for downs in itertools.combinations(range(6), 3):
        cells, row, column = torch.zeros(4, 4), 0, 0
        cells[0, 0] = 1
        for step in range(6):
            row, column = (row + 1, column) if step in downs else (row, column + 1)
            cells[row, column] = 1
        found.append(cells.flatten())
    return torch.stack(found)


def assignments() -> Tensor:
    """The 4x4 permutation matrices."""
    return torch.stack([torch.eye(4)[list(order)].flatten() for order in itertools.permutations(range(4))])


SETS: dict[str, Callable[[], Tensor]] = {
    "5 of 10": subsets,
    "knapsack": knapsacks,
    "paths": paths,
    "assignments": assignments,
}
RULES: dict[str, Any] = {
    "imle": lambda: "imle",
    "imle, symmetric": lambda: IMLE(symmetric=True),
    "imle, alpha=0": lambda: IMLE(alpha=0.0),
    "aimle": lambda: "aimle",
    "perturbed": lambda: "perturbed",
    "perturbed-multiplicative": lambda: "perturbed-multiplicative",
    "score-function": lambda: "score-function",
    "simple": lambda: "simple",
    "straight-through": lambda: "straight-through",
    "blackbox": lambda: "blackbox",
    "identity": lambda: "identity",
}


def cosines(vertices: Tensor, rule: Any, *, samples: int = 2) -> tuple[float, float] | None:
    """Mean cosine of single draws and cosine of their mean; None where the rule does not fit the feasible set."""
    vertices = vertices.double()
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(POINTS, vertices.shape[1], dtype=torch.float64, generator=generator)
    targets = torch.randn(POINTS, vertices.shape[1], dtype=torch.float64, generator=generator)

    try:
        if rule == "simple":
            layer = imle.layer("topk", k=5, estimator=rule, output="samples", generator=generator)
            if vertices.shape != (252, 10):
                return None
        else:
            known = {"solutions": vertices.numpy(), "generator": generator}
            layer = imle.layer(EnumerationSolver("max"), estimator=rule, output="samples", temperature=1.0, **known)
        if layer.noise is not None and rule != "simple":
            layer.nb_samples = samples
    except imle.errors.OptionError:
        return None
    alone, together = [], []
    for theta, b in zip(points, targets, strict=True):
        exact = theta.clone().requires_grad_()
        losses = (vertices - b).square().sum(dim=1)
        (torch.softmax(vertices @ exact, 0) * losses).sum().backward()
        rows = theta.repeat(DRAWS, 1).requires_grad_()
        layer.expected_loss(rows, lambda z, b=b: (z - b).square().sum(dim=-1)).sum().backward()
        assert rows.grad is not None
        assert exact.grad is not None
        alone.append(float(cosine_similarity(rows.grad, exact.grad.unsqueeze(0), dim=1).mean()))
        together.append(float(cosine_similarity(rows.grad.mean(dim=0), exact.grad, dim=0)))
    return sum(alone) / POINTS, sum(together) / POINTS


def tables() -> Iterator[Table]:
    """One row per estimator, two columns per feasible set."""
    columns = [f"{name}: {kind}" for name in SETS for kind in ("one", "mean")]
    table = Table("estimator", *columns, title=f"cosine to the exact gradient, {POINTS} points, {DRAWS} draws, S = 2")
    for name, make in RULES.items():
        cells = []
        for vertices in SETS.values():
            found = cosines(vertices(), make())
            cells += ["-", "-"] if found is None else [f"{value:.2f}" for value in found]
        table.add_row(name, *cells)
    yield table


def claims() -> Iterator[Claim]:
    """None: which estimator points best depends on the problem; the table is the evidence."""
    yield from ()
