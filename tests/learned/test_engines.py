"""Real engines, sample by sample, against enumeration of the same draws."""

from __future__ import annotations

import pytest
import torch

import imle
from support.programs import LARGEST, BoxProgramSolver

MATRIX = torch.tensor([[1.0, 2.0, 1.0], [2.0, 0.5, 1.5]], dtype=torch.float64)
RIGHT = torch.tensor([5.0, 6.0], dtype=torch.float64)


def samples(make, names, costs, matrix, right):
    """`[B, S, 3]` of a layer, from draws that are the same for all layers; and gradients."""
    given = {names["A"]: matrix, names["b"]: right}
    sigmas = {names["A"]: 0.1, names["b"]: 0.4}
    learned = {name: ("gaussian", sigmas[name]) for name, value in given.items() if value.requires_grad}
    fixed = {name: value.numpy() for name, value in given.items() if not value.requires_grad}
    layer = make(
        learned=learned, noise=None, nb_samples=4, output="samples", on_failure="zero-grad",
        generator=torch.Generator().manual_seed(6), **fixed,
    )  # fmt: skip
    out = layer(costs, **{name: given[name] for name in learned})
    slopes = torch.autograd.grad(out.square().sum(), [given[name] for name in learned])
    failures = {(f.row, f.sample) for f in layer.failures}
    layer.close()
    return out.detach(), slopes, failures


@pytest.mark.parametrize("learned", ["A", "b", "Ab"])
@pytest.mark.parametrize("solver", ["highs-ilp", "ortools-ilp"])
def test_programs(solver, learned):
    pytest.importorskip({"highs-ilp": "highspy", "ortools-ilp": "ortools"}[solver])
    rows = 9 if "A" in learned else 30
    costs = -torch.rand(rows, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    matrix = MATRIX.expand(rows, 2, 3).clone().requires_grad_() if "A" in learned else MATRIX
    right = (RIGHT - 5.5 * (torch.arange(rows) % 7 == 0).double()[:, None]) if "b" in learned else RIGHT
    right = right.clone().requires_grad_() if "b" in learned else right

    def real(**options):
        return imle.layer(solver, bounds=(0, LARGEST), **options)

    def listed(**options):
        return imle.layer(BoxProgramSolver(), **options)

    found = samples(real, {"A": "A_ub", "b": "b_ub"}, costs, matrix, right)
    expected = samples(listed, {"A": "A", "b": "b"}, -costs, matrix, right)
    torch.testing.assert_close(found[0], expected[0])
    torch.testing.assert_close(found[1], expected[1])
    assert found[2] == expected[2]
    assert found[2] or learned == "A", "some rows have no solution"


@pytest.mark.parametrize("learned", [("capacity",), ("weights",), ("weights", "capacity")])
def test_knapsacks(learned):
    """Weights and capacities of one constraint, as integer programs of items that are there once."""
    values = torch.rand(200, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    given = {"weights": torch.rand(200, 1, 3).double() + 0.2, "capacity": torch.rand(200, 1).double() + 0.5}
    options = {"noise": None, "nb_samples": 5, "output": "samples"}
    layer = imle.layer(
        "knapsack", learned=dict.fromkeys(learned, 0.3), generator=torch.Generator().manual_seed(3), **options
    )
    tensors = {name: value.requires_grad_(name in learned) for name, value in given.items()}
    out = layer(values, **tensors)
    items = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 3)
    generator = torch.Generator().manual_seed(3)
    noisy = {}
    for name, value in given.items():
        eps = torch.zeros(200, 5, *value.shape[1:], dtype=torch.float64)
        if name in learned:
            eps.normal_(generator=generator)
            noisy[name] = value.detach().unsqueeze(1) * torch.exp(0.3 * eps - 0.045)
        else:
            noisy[name] = value.detach().unsqueeze(1)
    fits = noisy["weights"].squeeze(2) @ items.T <= noisy["capacity"]
    best = torch.where(fits, (values @ items.T).unsqueeze(1), -torch.inf).argmax(dim=2)
    torch.testing.assert_close(out.detach(), items[best])
    out.square().sum().backward()
    for name, tensor in tensors.items():
        assert (tensor.grad is not None) == (name in learned)
