"""Markov Logic Networks: what the layer adds to its MAP calls, and training through it

Values are compared before anything is timed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

import imle
import imle_mln
from benchmarks.harness import Claim, race
from benchmarks.mln_models import IMAGE, ISING, SMOKERS, grid, smokers
from benchmarks.mln_references import bound

Floats = NDArray[np.float64]


def layer_overhead(name: str, program: str, evidence: str, batch: int) -> Claim:
    """An I-MLE step over the same number of bare MAP calls, one by one, on perturbed objectives."""
    layer = imle.layer("mln-map", program=program, evidence=evidence)
    problem = layer.prepared
    network, atoms = problem.grounding.network, len(layer.labels["unary"])
    unary = torch.randn(batch, atoms, dtype=torch.float64, requires_grad=True)
    weights = torch.tensor(problem.grounding.formulas.weights.tolist(), dtype=torch.float64, requires_grad=True)
    gradient = torch.randn(batch, atoms, dtype=torch.float64) / atoms
    engine = problem.engine()
    own = weights.detach().numpy()

    def step() -> None:
        unary.grad = weights.grad = None
        state, _ = layer(unary, weights)
        state.backward(gradient)

    def bare(noise: Floats | float) -> list[float]:
        rows = np.concatenate([unary.detach().numpy() + noise - side * gradient.numpy() for side in (0.0, 1.0)])
        return [engine.solve(row, network.clause_weights(own)).objective for row in rows]

    layer.eval()
    score = imle_mln.score(layer, layer(unary, weights)[0], unary, weights).weighted.detach().numpy()
    np.testing.assert_allclose(np.array(bare(0.0)[:batch]) + network.constants @ own, score, rtol=1e-9)
    layer.train()
    noise = np.random.default_rng(0).logistic(size=(batch, atoms))
    candidates: dict[str, Callable[[], object]] = {"step": step, "bare": lambda: bare(noise)}
    times = race(candidates, rounds=31, warmups=3)
    calls = 2 * batch
    return Claim(
        f"I-MLE step, {name}", times["step"] / calls, times["bare"] / calls, 1.2, at_most=True, note="per MAP call"
    )


def denoising() -> Claim:
    """Linear unaries and one rule weight on 16x16 images, 30 epochs of 30 images, on images not trained on."""
    side, images, epochs = 16, 30, 30
    rng = np.random.default_rng(0)
    truth = (gaussian_filter(rng.normal(size=(2 * images, side, side)), (0, 2, 2), mode="nearest") > 0).reshape(
        2 * images, -1
    )
    signal = np.where(truth, 0.6, -0.6)[..., None] * np.array([1.0, 0.5])
    x = torch.from_numpy(signal + rng.normal(size=(*truth.shape, 2))).float()
    y = torch.from_numpy(truth).float()

    def trained(predict: Callable[[torch.nn.Linear], Callable[[torch.Tensor], torch.Tensor]]) -> float:
        torch.manual_seed(0)
        linear = torch.nn.Linear(2, 1)
        return float((predict(linear)(x[images:]).round() == y[images:]).float().mean())

    def alone(linear: torch.nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
        optimiser = torch.optim.Adam(linear.parameters(), lr=0.1)
        for _ in range(200):
            optimiser.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(linear(x[:images])[..., 0], y[:images]).backward()
            optimiser.step()
        return lambda given: linear(given)[..., 0].sigmoid()

    layer = imle.layer("mln-map", program=IMAGE.format(n=side * side), evidence=grid(side))

    def together(linear: torch.nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
        weights = torch.zeros(1, requires_grad=True)
        optimiser = torch.optim.Adam([*linear.parameters(), weights], lr=0.1)
        layer.train()
        for _ in range(epochs):
            optimiser.zero_grad()
            state, _ = layer(linear(x[:images])[..., 0], weights)
            (state - y[:images]).square().mean(dim=0).sum().backward()
            optimiser.step()
        return lambda given: layer.eval()(linear(given)[..., 0], weights)[0]

    before, after = trained(alone), trained(together)
    assert after >= before + 0.08, (before, after)
    seconds = race({"training": lambda: trained(together)}, rounds=3, warmups=0)["training"]
    accuracy = f"accuracy {100 * before:.0f} % -> {100 * after:.0f} %"
    return bound(f"denoising, {2 * epochs * images:,} MAPs, {accuracy}", seconds, 5.0, "bound 5 s")


def claims() -> list[Claim]:
    torch.manual_seed(0)
    return [
        layer_overhead("smokers, 100 people, 32 rows", SMOKERS, smokers(100), 32),
        layer_overhead("smokers, 1,000 people, 8 rows", SMOKERS, smokers(1000), 8),
        layer_overhead("Ising 16x16, 32 rows", ISING.format(n=256), grid(16), 32),
        denoising(),
    ]
