"""Losses over the same rows in PyEPO: the 5x5 shortest paths of its tutorial

A training step: the loss of 32 rows and its gradient. CaVE projects on the cones of constraints that bind: PyEPO by
Clarabel, row by row. Perturbation gradients solve twice: PyEPO by GLOP. Gradients are compared before they are timed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

import imle
from benchmarks.harness import Claim, race
from imle.layers.normal_cones import Normals
from imle.losses import CaVE, PerturbationGradient

SIDE, ROWS = 5, 32


def padded(normals: Normals) -> Tensor:
    """`[B, M, n]` all vectors that span the cones, as PyEPO has them."""
    units = [torch.diag_embed(-1.0 * normals.at_lower), torch.diag_embed(1.0 * normals.at_upper)]
    return torch.cat([normals.rows.float(), *units], dim=1)


def compare(name: str, ours: Callable[[Tensor], Tensor], theirs: Callable[[Tensor], Tensor], costs: Tensor) -> Claim:
    """Seconds per row of the loss and its gradient."""

    def step(loss: Callable[[Tensor], Tensor]) -> Tensor:
        given = costs.clone().requires_grad_()
        loss(given).backward()
        assert given.grad is not None
        return given.grad

    torch.testing.assert_close(step(ours), step(theirs), rtol=1e-4, atol=1e-5)
    times = race({"ours": lambda: step(ours), "theirs": lambda: step(theirs)}, rounds=21)
    target = 1.5 if "CaVE" in name else 15.0
    return Claim(name, times["ours"] / ROWS, times["theirs"] / ROWS, target, note="per row, over PyEPO")


def claims() -> list[Claim]:
    if importlib.util.find_spec("pyepo") is None:
        return []
    func: Any = import_module("pyepo.func")
    model = import_module("pyepo.model.ort").shortestPathModel((SIDE, SIDE))
    layer = imle.layer(
        "networkx-shortest-path", edges=model.arcs, directed=True, source=0, target=SIDE * SIDE - 1, noise=None
    )
    generator = torch.Generator().manual_seed(0)
    true, costs = (torch.rand(ROWS, len(model.arcs), generator=generator) + 0.2 for _ in range(2))
    costs = costs / costs.square().mean(dim=1, keepdim=True).sqrt()  # as CaVE does before it projects
    paths = layer.eval()(true)
    cave, gradients = CaVE(layer), PerturbationGradient(layer)
    normals = padded(cave.read(costs, {}).solve.normals(paths))
    projecting, perturbing = func.coneAlignedCosine(model), func.perturbationGradient(model)
    return [
        compare("CaVE+ 5x5 paths", lambda c: cave(c, paths), lambda c: projecting(c, normals), costs),
        compare("perturbation gradient 5x5 paths", lambda c: gradients(c, true), lambda c: perturbing(c, true), costs),
    ]
