"""Linear programs of 1 to 1.5 ms: a layer over a loop written against highspy itself

The loop does what cannot be left out: it changes the costs, starts anew, runs, reads the status and the point; its
HiGHS options are those of the layer. For I-MLE it also draws the noise and adds it. A batch is 32 rows of 10 samples:
what a layer does once per call costs about 1 ms beside the solver, whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import highspy
import numpy as np
import torch
from numpy.typing import NDArray

import imle
from benchmarks import linear
from benchmarks.harness import Claim, race
from imle.noise import GumbelNoiseDistribution
from imle_highs.engines import SIMPLEX
from imle_highs.native import QuietHighs, pass_model
from imle_linear.program import from_matrices

Floats = NDArray[np.float64]
BATCH, SAMPLES = 32, 10
TEMPERATURE = 0.06


def bare_loop(instance: dict[str, Any]) -> Callable[[Floats], Floats]:
    """A loop over rows `[N, n]` with one HiGHS model."""
    native = QuietHighs()
    for name, value in {"threads": 1, **SIMPLEX}.items():
        native.setOptionValue(name, value)
    assert pass_model(native, from_matrices("benchmark", **linear.complete(instance)), integer=False)
    columns = np.arange(native.getNumCol(), dtype=np.int32)

    def solve(rows: Floats) -> Floats:
        points = np.empty_like(rows)
        for number, row in enumerate(rows):
            native.clearSolver()
            native.changeColsCost(len(columns), columns, row)
            assert native.run() == highspy.HighsStatus.kOk
            assert native.getModelStatus() == highspy.HighsModelStatus.kOptimal
            points[number] = native.getSolution().col_value
        return points

    return solve


def over_bare(name: str, instance: dict[str, Any], costs: Floats) -> list[Claim]:
    """Seconds per row of a layer in eval mode, and of its forward pass with I-MLE, over the loop."""
    solve = bare_loop(instance)
    noise = GumbelNoiseDistribution()
    layer = imle.layer("highs-lp", noise=noise, nb_samples=SAMPLES, temperature=TEMPERATURE, **instance)
    exact = imle.layer("highs-lp", **instance).eval()
    many, few = torch.from_numpy(costs), torch.from_numpy(costs[:BATCH]).requires_grad_()

    def bare_samples() -> Floats:
        draws = noise.draw((BATCH, SAMPLES, costs.shape[1]), dtype=few.dtype, device=few.device)
        rows = few.detach().unsqueeze(1) - TEMPERATURE * draws
        return solve(rows.reshape(BATCH * SAMPLES, -1).numpy())

    np.testing.assert_allclose(np.vecdot(exact(many).numpy(), costs), np.vecdot(solve(costs), costs), rtol=1e-7)
    times = race(
        {
            "layer": lambda: exact(many),
            "bare": lambda: solve(costs),
            "I-MLE": lambda: layer(few),
            "bare with noise": bare_samples,
        },
        rounds=11,
    )
    return [
        Claim(f"{name}: {what}", times[ours] / rows, times[bare] / rows, 1.05, at_most=True, note="per row")
        for what, ours, bare, rows in (
            ("eval", "layer", "bare", len(costs)),
            ("I-MLE forward", "I-MLE", "bare with noise", BATCH * SAMPLES),
        )
    ]


def claims() -> list[Claim]:
    rng = np.random.default_rng(0)
    transport, paths = linear.transport(rng, 36), linear.grid_paths(14)
    arcs = paths["A_eq"].shape[1]
    return [
        *over_bare("LP transport 36x36", transport, linear.noisy(rng, 36 * 36, BATCH * SAMPLES)),
        *over_bare("LP paths 14x14", paths, linear.noisy(rng, arcs, BATCH * SAMPLES)),
    ]
