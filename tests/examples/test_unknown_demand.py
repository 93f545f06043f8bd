"""The example of transport with predicted demand, in its quick mode."""

from __future__ import annotations

import pytest
import torch


def test_training_on_costs_beats_least_squares_with_and_without_a_margin(quick):
    module, results, shown = quick("unknown_demand")
    ((found,),) = results.values()
    for name in module.METHODS:
        assert found[name] < found["two-stage"]
        assert found[name] < found["two-stage, margin"]
    assert found[module.FLOOR] == min(found.values())
    for excess in found.values():
        assert f"{100 * excess:.1f}" in shown


def test_plans_of_crates_deliver_what_is_predicted_so_that_the_value_tells_their_cost(example):
    module = example("unknown_demand")
    dispatch, demand = module.Dispatch(crates=1), module.make_days(20, seed=5).demand
    predicted = 1.7 * demand.flip(0)  # some days more than the warehouses have
    plans = dispatch.plan(dispatch.costs.expand(20, -1), b_ub=dispatch.asked(predicted))
    assert (plans[:, 18:24].sum(dim=1) > 1).any()
    evening = dispatch.cost(plans.unsqueeze(1), demand).squeeze(1)
    assert torch.allclose(module.by_value(dispatch)(predicted, demand), evening, rtol=1e-5)


def test_loads_are_whole_and_enough(example):
    module = example("unknown_demand")
    dispatch, demand = module.Dispatch(crates=10), module.make_days(10, seed=5).demand
    plans = dispatch.plan(dispatch.costs.expand(10, -1), b_ub=dispatch.asked(demand))
    assert (plans == plans.round()).all()
    delivered = 10 * plans @ dispatch.arrives.T
    assert (delivered == 10 * (demand / 10).ceil()).all()


def test_both_gradients_are_the_price_of_a_crate_less_that_of_a_shortage(example):
    """Far below the true demand the cost is linear in the prediction, and noise changes nothing."""
    module = example("unknown_demand")
    dispatch = module.Dispatch(crates=1)
    slope = module.CRATE_COST.min(dim=0).values - module.SHORTAGE
    found = {}
    for name, method in module.METHODS.items():
        predicted = (0.5 * module.DEMAND).repeat(300, 1).requires_grad_()
        method(dispatch)(predicted, module.DEMAND.expand(300, -1)).sum().backward()
        found[name] = predicted.grad
    assert torch.allclose(found["by value"], slope.expand(300, -1), atol=1e-4)
    error = found["by noise"].std(dim=0) / 300**0.5
    assert ((found["by noise"].mean(dim=0) - slope).abs() < 4 * error).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_the_model_starts_as_least_squares_on_logarithms(example, seed):
    module = example("unknown_demand")
    days = module.make_days(400, seed)
    off = torch.log(days.demand / module.Demand(days)(days.reports)).detach()
    assert off.mean(dim=0).abs().max() < 1e-4
    assert (days.reports.T @ off).abs().max() < 1e-2
