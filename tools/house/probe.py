"""Run in an interpreter of its own that imports one checkout: frames of a call, and what a step costs. Prints JSON.

A script, not a module of this package, so that the same file can look at any checkout.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor

import imle
from imle.solvers import SolveResult

N, K = 10, 3
ROUNDS = 1500


class GivenNoise:
    """The noise of torch-imle's protocol, drawn beforehand, so that drawing is no part of what is timed."""

    def __init__(self, eps: Tensor) -> None:
        self.eps = eps

    def sample(self, shape: Sequence[int]) -> Tensor:
        return self.eps.reshape(torch.Size(shape))


class Largest:
    """A solver class as small as a caller would write it."""

    sense, array = "max", "numpy"
    objective_shape = (None,)

    def prepare(self) -> Largest:
        return self

    def solve(self, objective: Any, *, hint: Any = None) -> SolveResult:
        del hint
        return SolveResult(np.eye(objective.shape[1], dtype=objective.dtype)[objective.argmax(axis=1)])

    def close(self) -> None:
        pass


def frames(call: Callable[[], object], package: str) -> list[str]:
    """Python functions from the call of a layer down to the first `solve` in a file of the package, both included."""
    found: list[str] = []
    here = sys._getframe()

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if event != "call" or found or frame.f_code.co_name != "solve" or package not in frame.f_code.co_filename:
            return
        step: FrameType | None = frame
        while step is not None and step.f_back is not here:
            name = step.f_code.co_filename.rsplit("/", 2)
            found.insert(0, f"{name[-2]}/{name[-1]}:{step.f_code.co_qualname}")
            step = step.f_back

    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found


def chosen(rows: Tensor) -> Tensor:
    """The K largest as 0/1, from two calls of torch: what a caller who knows of no ties would write."""
    return torch.zeros_like(rows).scatter_(1, rows.topk(K, dim=1).indices, 1.0)


class ByHand(torch.autograd.Function):
    """I-MLE as a layer does it by default, divided by lambda = ||c(theta + eps)|| / ||dy||, with given noise."""

    @staticmethod
    def forward(ctx: Any, theta: Tensor, eps: Tensor) -> Tensor:
        z = chosen(theta + eps)
        ctx.save_for_backward(theta, eps, z)
        return z

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        theta, eps, z = ctx.saved_tensors
        (dy,) = gradients
        step = N**0.5 * (theta + eps).std(dim=1, correction=0, keepdim=True) / dy.norm(dim=1, keepdim=True)
        return (z - chosen(theta - step * dy + eps)) / step, None


def medians(**calls: Callable[[], object]) -> dict[str, float]:
    """Seconds per call, the calls taking turns."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(ROUNDS + 100):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if turn >= 100:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def steps() -> dict[str, float]:
    """The step of a layer over the same written by hand, and `eval()` over the two calls of torch."""
    generator = torch.Generator().manual_seed(0)
    eps, weights = torch.randn(1, N, generator=generator), torch.randn(1, N, generator=generator)
    ours, theirs = (torch.linspace(0, 1, N).unsqueeze(0).requires_grad_() for _ in range(2))
    noise: Any = GivenNoise(eps)
    layer = imle.layer("topk", k=K, noise=noise)
    exact = imle.layer("topk", k=K).eval()
    plain = theirs.detach()

    def step() -> None:
        ours.grad = None
        (layer(ours) * weights).sum().backward()

    def by_hand() -> None:
        theirs.grad = None
        (ByHand.apply(theirs, eps) * weights).sum().backward()  # type: ignore[no-untyped-call]

    step()
    by_hand()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-6, atol=0)
    torch.testing.assert_close(exact(plain), chosen(plain), rtol=0, atol=0)
    found = medians(step=step, by_hand=by_hand, exact=lambda: exact(plain), bare=lambda: chosen(plain))
    return {
        "step, microseconds": found["step"] * 1e6,
        "the same by hand, microseconds": found["by_hand"] * 1e6,
        "step / by hand": found["step"] / found["by_hand"],
        "eval(), microseconds": found["exact"] * 1e6,
        "bare calls, microseconds": found["bare"] * 1e6,
        "eval() / bare calls": found["exact"] / found["bare"],
    }


def paths() -> dict[str, list[str]]:
    """Frames by solver, of noisy forward passes."""
    small = imle.layer(Largest())  # type: ignore[arg-type]
    topk = imle.layer("topk", k=K)
    grid = imle.layer("grid-shortest-path", noise=GivenNoise(torch.zeros(4, 4)))  # type: ignore[arg-type]
    network = imle.layer("mln-map", program="person = {Ann, Ben}\nSmokes(person)\n1.1 Smokes(Ann) => Smokes(Ben)\n")
    rows, costs = torch.rand(1, N, requires_grad=True), torch.rand(1, 4, 4, requires_grad=True)
    atoms, weights = torch.rand(1, 2, requires_grad=True), torch.rand(1, requires_grad=True)
    small(rows), topk(rows), grid(costs), network(atoms, weights)  # what is done once is done
    return {
        "a small class": frames(lambda: small(rows), "probe.py"),
        "topk": frames(lambda: topk(rows), "imle_topk"),
        "grid-shortest-path": frames(lambda: grid(costs), "imle_networkx"),
        "mln-map": frames(lambda: network(atoms, weights), "imle_mln"),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps({"frames": paths(), "steps": steps(), "imle": imle.__file__}))
