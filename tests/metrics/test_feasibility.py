"""Excess, infeasibility and post-hoc regret, by hand and against enumeration."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.metrics import excess, infeasibility, post_hoc_regret, regret, scaled_to_feasible
from support.problems import draw

LEFT, RIGHT = [[2.0, 3.0, 4.0], [1.0, 1.0, 1.0]], [5.0, 2.0]


def test_excess_by_hand():
    z = torch.tensor([[1, 1, 1], [1, 0, 0]])
    assert excess(z, A_ub=LEFT, b_ub=RIGHT).tolist() == [[4, 1], [-3, -1]]
    both = excess(z, A_ub=LEFT, b_ub=RIGHT, A_eq=np.array([[1.0, -1.0, 0.0]]), b_eq=[-0.5])
    assert both.tolist() == [[4, 1, 0.5], [-3, -1, 1.5]]
    assert both.dtype == torch.float64  # the array's
    own = excess(z, A_ub=torch.tensor([LEFT, LEFT]), b_ub=torch.tensor([RIGHT, [2.0, 1.0]]))
    assert own.tolist() == [[4, 1], [0, 0]]
    assert excess(z[0], A_ub=LEFT, b_ub=RIGHT).tolist() == [4, 1]
    assert excess(z.reshape(2, 1, 3), A_ub=LEFT, b_ub=RIGHT).shape == (2, 1, 2)


def test_excess_is_differentiable_in_everything():
    z, a, b = draw(2, 3), draw(2, 4, 3, seed=1), draw(2, 4, seed=2)
    parts = [part.requires_grad_() for part in (z, a, b)]
    assert torch.autograd.gradcheck(lambda z, a, b: excess(z, A_ub=a, b_ub=b, A_eq=a, b_eq=b), parts)


def test_infeasibility():
    z = torch.tensor([[1, 1, 1], [1, 0, 0], [0, 0, 1]])
    assert infeasibility(z, A_ub=LEFT, b_ub=RIGHT).tolist() == [5, 0, 0]
    assert infeasibility(z, A_ub=LEFT, b_ub=RIGHT, share=True).tolist() == [1, 0, 0]
    nearly = torch.tensor([4.0, 1.0 - 1e-7])
    assert infeasibility(z, A_ub=LEFT, b_ub=nearly).tolist() == [7, 0, 0]
    assert infeasibility(z, A_ub=LEFT, b_ub=nearly, share=True, tolerance=0.0).tolist() == [1, 0.5, 0.5]
    assert infeasibility(z, A_eq=[[1.0, 1.0, 1.0]], b_eq=[2.0]).tolist() == [1, 1, 1]


def test_scaling_is_the_least_that_helps():
    """Against a fine grid of scales, packing and covering rows together."""
    scales = torch.linspace(0, 60, 60001, dtype=torch.float64)
    seen = {"kept": 0, "down": 0, "up": 0, "none": 0}
    for seed in range(100):
        z = draw(4, seed=seed).abs()
        a = draw(3, 4, seed=seed + 1).abs() * torch.tensor([[1.0], [1.0], [-1.0]])
        b = draw(3, seed=seed + 2).abs() * torch.tensor([8.0, 8.0, -2.0])
        helps = scales[(excess(scales.unsqueeze(1) * z, A_ub=a, b_ub=b) <= 0).all(dim=1)]
        if not len(helps):
            with pytest.raises(ObjectiveError, match=r"no multiple of it keeps the rows \(row 0\)"):
                scaled_to_feasible(z, A_ub=a, b_ub=b)
            seen["none"] += 1
            continue
        nearest = helps[(helps - 1).abs().argmin()]
        found = scaled_to_feasible(z, A_ub=a, b_ub=b)
        torch.testing.assert_close(found, nearest * z, atol=2e-3 * z.max().item(), rtol=0)
        assert infeasibility(found, A_ub=a, b_ub=b) == 0
        seen["kept" if nearest == 1 else "down" if nearest < 1 else "up"] += 1
    assert min(seen.values()) > 3


def test_post_hoc_regret_by_hand():
    """Four of three fit: values 2 and 1, packed 2 and 2, mended to 1.5 each, 3 and 0 would be best."""
    values, packed, best = torch.tensor([[2.0, 1.0]]), torch.tensor([[2.0, 2.0]]), torch.tensor([[3.0, 0.0]])
    mend = partial(scaled_to_feasible, A_ub=[[1.0, 1.0]], b_ub=[3.0])
    about = {"correct": mend, "sense": "max"}
    assert post_hoc_regret(values, packed, best, **about).tolist() == [1.5]
    assert post_hoc_regret(values, packed, best, penalty=0.5, **about).tolist() == [2.0]
    assert post_hoc_regret(values, packed, best, penalty=torch.tensor([1.0, 3.0]), **about).tolist() == [3.5]
    mending = post_hoc_regret(values, packed, best, penalty=lambda z, mended: (z - mended).amax(dim=1), **about)
    assert mending.tolist() == [2.0]
    assert post_hoc_regret(values, best, best, penalty=9.0, **about).tolist() == [0.0]
    as_costs = post_hoc_regret(-values, packed, best, correct=mend, penalty=0.5, sense="min")
    assert as_costs.tolist() == [2.0]


def test_what_needs_no_correction_has_plain_regret_and_gradients_reach_the_decision():
    values, decided, best = draw(5, 4), draw(5, 4, seed=1).abs(), draw(5, 4, seed=2)
    kept = post_hoc_regret(values, decided, best, correct=lambda z: z, penalty=3.0, sense="min")
    torch.testing.assert_close(kept, regret(values, decided, best, sense="min"))
    mend = partial(scaled_to_feasible, A_ub=torch.ones(1, 4), b_ub=[1.0])
    decided.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z: post_hoc_regret(values, z, best, correct=mend, penalty=2.0, sense="min"), decided
    )


def test_a_second_stage_that_solves_again():
    """The correction chooses the cheapest way out: cover a demand of 2 by a dearer emergency order."""
    layer = imle.layer("highs-lp", A_ub=[[-1.0, -1.0]], b_ub=[-2.0], bounds=(0, None)).eval()
    costs = torch.tensor([[1.0, 5.0]])

    def order_the_rest(z):
        return torch.stack([z[:, 0], (2 - z[:, 0]).clamp(min=0)], dim=1)

    ordered, best = torch.tensor([[0.5, 0.0]]), layer(costs)
    found = post_hoc_regret(costs, ordered, best, correct=order_the_rest, penalty=0.1, layer=layer)
    torch.testing.assert_close(found, torch.tensor([0.5 + 7.5 - 2.0 + 0.15]))


def test_matrices_as_solutions():
    values, chosen = draw(3, 2, 2), draw(3, 2, 2, seed=1)
    found = post_hoc_regret(values, chosen, chosen, correct=lambda z: z - 1, penalty=2.0, sense="max", event_ndim=2)
    torch.testing.assert_close(found, values.sum(dim=(1, 2)) + 8)


def test_bad_input():
    z = torch.ones(2, 3)
    with pytest.raises(InstanceError, match="expected linear rows, found none"):
        excess(z)
    with pytest.raises(InstanceError, match="expected both sides of the rows, found no b_ub"):
        excess(z, A_ub=LEFT)
    with pytest.raises(InstanceError, match=r"A_ub: expected \[m, 3\] or \[2, m, 3\], found \[1, 2\]"):
        excess(z, A_ub=[[1.0, 2.0]], b_ub=[1.0])
    with pytest.raises(InstanceError, match=r"b_eq: expected \[2\] or \[2, 2\], found \[3\]"):
        infeasibility(z, A_eq=LEFT, b_eq=[1.0, 2.0, 3.0])
    with pytest.raises(InstanceError, match="capacity: expected linear rows, A_ub, b_ub, A_eq, b_eq"):
        infeasibility(z, capacity=3)
    with pytest.raises(ObjectiveError, match=r"expected a torch tensor \[\*batch, n\], found list"):
        excess([1.0], A_ub=LEFT, b_ub=RIGHT)
    with pytest.raises(OptionError, match="infeasibility: tolerance: expected a number >= 0, found -1"):
        infeasibility(z, A_ub=LEFT, b_ub=RIGHT, tolerance=-1)
    with pytest.raises(ObjectiveError, match=r"penalty: expected \[2\] of it, found \[2, 3\]"):
        post_hoc_regret(z, z, z, correct=lambda z: z, penalty=lambda z, mended: z, sense="max")
    with pytest.raises(ObjectiveError, match=r"penalty: expected a shape that fits \[2, 3\], found \[2\]"):
        post_hoc_regret(z, z, z, correct=lambda z: z, penalty=torch.ones(2), sense="max")
    with pytest.raises(ObjectiveError, match="solution: expected shape"):
        post_hoc_regret(z, z, z, correct=lambda z: z[:1], sense="max")
