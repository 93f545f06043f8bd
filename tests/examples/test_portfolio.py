"""The example of portfolios with predicted returns, in its quick mode."""

from __future__ import annotations

import torch


def test_training_on_worth_beats_least_squares(quick):
    module, (found,), shown = quick("portfolio")
    assert found["implicit"] < found[module.BASELINE]
    for regret in found.values():
        assert f"{100 * regret:.1f}" in shown


def test_the_gradient_is_that_of_the_worth(example):
    """Danskin: where true returns are predicted, no small change of them makes portfolios worth more."""
    module = example("portfolio")
    market = module.make_market(20, seed=3)
    returns = market.returns.clone().requires_grad_()
    loss = module.by_worth(market, estimator="implicit")
    loss(returns, market.returns).backward()
    assert returns.grad.abs().max() < 1e-5
    off = (market.returns + 0.3 * torch.randn(market.returns.shape)).requires_grad_()
    loss(off, market.returns).backward()
    assert off.grad.abs().max() > 1e-4
