"""The transport example, in its quick mode."""

from __future__ import annotations


def test_plans_teach_costs(quick):
    _, results, shown = quick("transport")
    (scores,) = results.values()
    before, learned = scores["list prices (before training)"], scores["learned, small steps"]
    assert learned.regret < before.regret / 2
    assert learned.misrouted < before.misrouted / 2
    assert learned.same > 2 * before.same
    assert f"{100 * before.regret:.1f}" in shown
    assert f"{100 * learned.regret:.1f}" in shown


def test_the_pulp_model_stays_as_it_was(example):
    transport = example("transport")
    problem, route = transport.beer_problem()
    before = problem.toDict()
    names = [variable.name for costs in route.values() for variable in costs.values()]
    layer = transport.imle.layer("pulp-lp", problem=problem, variables=names, nb_samples=2)
    costs = transport.Surcharges()(transport.torch.zeros(3, transport.REPORTS))
    layer(costs).square().sum().backward()
    assert problem.toDict() == before


def test_the_untrained_model_is_the_price_list(example):
    transport = example("transport")
    listed = [price for prices in transport.CRATE_COST.values() for price in prices.values()]
    costs = transport.Surcharges()(transport.torch.randn(1, transport.REPORTS))
    assert costs.tolist() == [transport.torch.tensor(listed).tolist()]
