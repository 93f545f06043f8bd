"""The example of unit commitment, in its quick mode."""

from __future__ import annotations

import torch


def test_schedules_teach_prices(quick):
    module, results, shown = quick("unit_commitment")
    (found,) = results.values()
    before, learned = found.values()
    assert learned < before / 2
    assert f"{100 * learned:.1f}" in shown
    usual = module.Prices()(torch.randn(2, module.REPORTS))
    assert torch.equal(usual, module.USUAL.expand(2, -1))
