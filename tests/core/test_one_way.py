"""The way of a plain batch is short: few Python frames to the solver, and one wait for a device a pass."""

from __future__ import annotations

import inspect
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import imle
from imle.errors import ObjectiveError
from imle.solvers import SolveResult

WAITS = ("_local_scalar_dense", "nonzero", "is_nonzero", "item", "masked_select", "equal", "unique")
"""Operators whose answer the host needs before it can go on, or whose result has a size that it needs."""


class Waits(TorchDispatchMode):
    """Counts operators for which the host waits for a device."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = operator.overloadpacket.__name__
        if name.startswith(WAITS):
            self.found[name] += 1
        return operator(*args, **(kwargs or {}))


@pytest.mark.parametrize("k", ["whole", "per row"])
@pytest.mark.parametrize(
    ("estimator", "samples"),
    [
        ("imle", 1),
        ("imle", 4),
        ("aimle", 4),
        ("perturbed", 4),
        ("straight-through", 4),
        ("blackbox", 1),
        ("identity", 1),
    ],
)
def test_a_torch_solver_is_waited_for_once_a_pass(estimator, samples, k):
    layer = imle.layer("topk", estimator=estimator, nb_samples=samples, **({"k": 2} if k == "whole" else {}))
    given = {} if k == "whole" else {"k": [1, 2, 3]}
    objective = torch.randn(3, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    layer(objective, **given)  # measures the unit of the noise, once
    with Waits() as forward:
        out = layer(objective, **given)
    loss = (out * torch.arange(1.0, 7.0)).sum()
    with Waits() as backward:
        loss.backward()
    assert objective.grad is not None
    assert forward.found.total() == 1
    assert backward.found.total() <= 1


def test_a_function_is_waited_for_once_a_pass():
    layer = imle.layer(lambda x: (x > 0).to(x), estimator="blackbox")
    objective = torch.randn(3, 6, generator=torch.Generator().manual_seed(0)).requires_grad_()
    with Waits() as forward:
        out = layer(objective)
    with Waits() as backward:
        (out * torch.arange(1.0, 7.0)).sum().backward()
    assert (forward.found.total(), backward.found.total()) == (1, 1)


def test_torch_solvers_are_never_given_what_is_not_finite():
    given = []

    def choose(objective):
        given.append(objective.clone())
        if (objective == 0).any():
            raise RuntimeError("a zero")
        return (objective > 0).to(objective)

    layer = imle.layer(choose).eval()
    with pytest.raises(ObjectiveError, match="found nan in row 1, position 0"):
        layer(torch.tensor([[1.0, -1.0], [float("nan"), float("inf")]]))
    assert all(objective.isfinite().all() for objective in given)
    assert layer.stats.solves == 0
    assert not layer.failures


@dataclass(frozen=True)
class Deep:
    """A solver that notes how far below the caller it is asked."""

    depths: list[int] = field(default_factory=list, hash=False)
    sense: ClassVar[str] = "max"
    array: ClassVar[str] = "numpy"
    objective_shape: ClassVar[tuple[None]] = (None,)

    def prepare(self) -> Deep:
        return self

    def solve(self, objective: Any, *, hint: Any = None) -> SolveResult:
        self.depths.append(len(inspect.stack()))
        return SolveResult((objective > 0).astype(float))

    def close(self) -> None:
        pass


@pytest.mark.parametrize("train", [True, False])
def test_few_frames_lie_between_a_layer_and_its_solver(train):
    solver = Deep()
    layer = imle.layer(solver).train(train)
    objective = torch.randn(2, 4, requires_grad=True)
    layer(objective)
    own = len(inspect.stack())
    assert solver.depths[0] - own - 1 <= 8, "frames of torch included, those of the caller and of solve() not"
