"""Weights by MAP: the averaged perceptron, and gradients of layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imle.errors import SolveError
from imle_mln.inference.engine import MAPEngine
from imle_mln.learning.worlds import ObservedWorld
from imle_mln.network import Bools, Floats

if TYPE_CHECKING:
    from torch import Tensor

Watch = Callable[[int, float], None]


def perceptron(
    worlds: Sequence[ObservedWorld], start: Floats, free: Bools, steps: int, rate: float, watch: Watch | None
) -> Floats:
    """The averaged perceptron (Collins 2002; Singla and Domingos 2005): towards what is observed, away from the MAP
    state; each formula's rate is divided by its number of true groundings in the data.

    Args:
        worlds: what was observed.
        start: `[F]`.
        free: `[F]` which weights are learned.
        steps: passes over all worlds.
        rate: of learning.
        watch: is told the step and how many atoms of the MAP states are wrong.
    """
    networks = [world.grounding.network for world in worlds]
    engines = [MAPEngine(network) for network in networks]
    observed = [world.changes.totals - network.decided for world, network in zip(worlds, networks, strict=True)]
    rates = free * rate / np.maximum(1.0, np.abs(sum(observed, np.zeros(len(start)))))
    weights, total = start.copy(), np.zeros(len(start))
    for step in range(steps):
        wrong = 0
        for world, network, engine, counts in zip(worlds, networks, engines, observed, strict=True):
            found = engine.solve(np.zeros(network.atoms), network.clause_weights(weights))
            if not found.status.ok:
                raise SolveError(f"{world.name}: {found.status.name.lower()}: {found.message}")
            wrong += int((found.state.astype(bool) != world.state).sum())
            weights += rates * (counts - network.open_counts(found.truths[None])[0])
            total += weights
        if watch is not None:
            watch(step + 1, wrong)
    return total / (steps * len(worlds))


def by_layer(
    worlds: Sequence[ObservedWorld],
    start: Floats,
    free: Bools,
    steps: int,
    rate: float,
    watch: Watch | None,
    prior: float | None,
    kind: str,
) -> Floats:
    """Adam on the loss of a layer of `mln-map`: the perturbed Fenchel-Young loss of the observed worlds (Berthet et al.
    2020), or the share of atoms that samples of MAP states have wrong, through I-MLE.

    Args:
        worlds: what was observed.
        start: `[F]`.
        free: `[F]` which weights are learned.
        steps: passes over all worlds.
        rate: of Adam; it falls to zero like a cosine.
        watch: is told the step and the loss.
        prior: standard deviation of a Gaussian around 0; None for none. For Fenchel-Young.
        kind: "fenchel-young" or "imle".
    """
    import torch

    weights = torch.tensor(start, requires_grad=True)
    optimiser = torch.optim.Adam([weights], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    losses = [(_fenchel_young if kind == "fenchel-young" else _wrong)(world) for world in worlds]
    for step in range(steps):
        optimiser.zero_grad()
        total = torch.stack([loss(weights) for loss in losses]).sum()
        if prior is not None and kind == "fenchel-young":
            total = total + weights.square().sum() / (2 * prior**2)
        total.backward()  # type: ignore[no-untyped-call]  # torch's own
        assert weights.grad is not None
        weights.grad *= torch.from_numpy(free)
        optimiser.step()
        schedule.step()
        if watch is not None:
            watch(step + 1, float(total))
    return np.asarray(weights.detach().numpy(), np.float64)


def _layer(world: ObservedWorld) -> Any:
    import imle

    return imle.layer("mln-map", program=world.program, evidence=world.evidence, count_scale="sum", nb_samples=10)


def _fenchel_young(world: ObservedWorld) -> Callable[[Tensor], Tensor]:
    import torch

    from imle.losses import PerturbedFenchelYoung

    layer = _layer(world)
    loss = PerturbedFenchelYoung(layer, nb_samples=10)
    state = torch.tensor(world.state[None], dtype=torch.float64)
    observed = layer.pack_solutions(state=state, counts=torch.tensor(world.changes.totals[None]))
    zeros = torch.zeros_like(state)
    return lambda weights: loss(layer.pack(zeros, weights=weights[None]), observed)


def _wrong(world: ObservedWorld) -> Callable[[Tensor], Tensor]:
    import torch

    layer = _layer(world)
    state = torch.tensor(world.state[None], dtype=torch.float64)
    zeros = torch.zeros_like(state)
    return lambda weights: (layer(zeros, weights=weights)[0] - state).square().mean()
