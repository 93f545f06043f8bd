"""Run by an environment's own interpreter: for each solver named, an answer that is the best and one training step.

On the first instance the plugin offers, which comes with its wheel.
"""

from __future__ import annotations

import sys
from typing import Any

import torch

import imle
from imle.testing import Case, check_solver, subjects_of


def main() -> None:
    """Print the names of solvers that work."""
    for name in sys.argv[1:]:
        (subject,) = subjects_of(name)
        assert subject.origin.endswith(".conformance"), subject.origin
        report = check_solver(name, subject.instances[:1], only=["contract", "optimality"])
        assert report.ok, [str(outcome.failure) for outcome in report.failed]
        train(subject.cases[0])
        sys.stdout.write(f"{name}\n")


def train(case: Case) -> None:
    """One step of gradient descent on the objective, which must move it."""
    torch.manual_seed(0)
    own = {**case.instance.options, **case.instance.parameters}
    layer = imle.layer(case.subject.given, nb_samples=4, temperature=0.1, **own)
    given = parts(layer, torch.tensor(case.objectives(8)))
    leaves = [torch.nn.Parameter(part) for part in given.values()]
    before = [leaf.detach().clone() for leaf in leaves]
    out = layer(**dict(zip(given, leaves, strict=True)))
    loss = sum((part * torch.randn_like(part)).sum() for part in (out if isinstance(out, tuple) else (out,)))
    loss.backward()
    with torch.no_grad():  # torch.optim would import torch's compiler, which takes longer than all the rest
        for leaf in leaves:
            leaf -= 0.1 * leaf.grad
    assert all(bool(leaf.isfinite().all()) for leaf in leaves)
    assert any(not torch.equal(leaf, old) for leaf, old in zip(leaves, before, strict=True))


def parts(layer: Any, objective: torch.Tensor) -> dict[str, torch.Tensor]:
    """What the layer takes, by name: the objective, or its blocks."""
    return layer.prepared.blocks.split(objective) if layer.spec.blocks else {"objective": objective}


if __name__ == "__main__":
    main()
