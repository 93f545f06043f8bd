"""The example of random constraints, in its quick mode, and its generator."""

from __future__ import annotations

import itertools

import numpy as np
import torch


def test_rows_learned_from_examples_decide_new_instances(quick):
    _, (result,), shown = quick("random_constraints")
    assert result.learned > 0.85
    assert result.learned > result.without + 0.3
    assert f"{100 * result.learned:.1f}" in shown
    assert f"{100 * result.without:.1f}" in shown


def test_the_generator_is_combopt_nets(example):
    """Planes 0.2 from the middle half of the box, a corner feasible, decisions best by enumeration."""
    module = example("random_constraints")
    points = torch.tensor(list(itertools.product([0.0, 1.0], repeat=module.VARIABLES)), dtype=torch.float64)
    setting = module.Setting(rows=4, train=10, test=5)
    a, b = module.make_rows(np.random.default_rng(1), setting)
    torch.testing.assert_close(a.norm(dim=1), torch.ones(4, dtype=torch.float64))
    feasible = points[(b - points @ a.T >= 0).all(dim=1)]
    assert 0 < len(feasible) < len(points)
    examples = module.make_examples(1, setting)
    assert examples.costs.abs().max() <= 1
    best = feasible[(examples.costs.double() @ feasible.T).argmin(dim=1)]
    assert torch.equal(examples.decisions.double(), best)
    wide = module.Setting("-5 to 5", rows=3, train=3, test=2)
    decisions = module.make_examples(2, wide).decisions
    assert decisions.abs().max() == 5
    assert torch.equal(decisions, decisions.round())
