"""Pyomo models: what is read of them, what is refused, and what is left as it was."""

from __future__ import annotations

import copy
import io
import itertools
import pickle

import numpy as np
import pyomo.environ as pyo
import pytest
import torch

import imle
from imle.errors import InstanceError, SolveError
from imle.solvers import SolveStatus
from imle_pyomo.solver import PyomoSolver

SIZES = {"map": 3.0, "tent": 4.0, "rope": 5.0, "stove": 6.0}


def fits(model):
    return pyo.sum_product(model.size, model.x) + model.spare <= model.capacity


def knapsack():
    """Four items, their sizes and the capacity being Params, and a spare part that costs by itself."""
    model = pyo.ConcreteModel("knapsack")
    model.things = pyo.Set(initialize=list(SIZES), ordered=True)
    model.worth = pyo.Param(model.things, mutable=True, initialize=1.0)
    model.size = pyo.Param(model.things, mutable=True, initialize=SIZES, domain=pyo.NonNegativeReals)
    model.capacity = pyo.Param(mutable=True, initialize=10.0)
    model.x = pyo.Var(model.things, domain=pyo.Binary)
    model.spare = pyo.Var(domain=pyo.NonNegativeIntegers, bounds=(None, 3))
    model.fits = pyo.Constraint(rule=fits)
    model.total = pyo.Objective(expr=pyo.sum_product(model.worth, model.x) + 0.5 * model.spare + 2, sense=pyo.maximize)
    return model


def written(model):
    text = io.StringIO()
    model.pprint(ostream=text)
    return text.getvalue()


VALUES = np.array([[1.0, 2.0, 3.0, 4.0], [4.0, 0.1, 0.1, 0.1]])


def test_learned_params_fixed_terms_and_a_constant():
    model = knapsack()
    before = written(model)
    prepared = PyomoSolver(sense="max").prepare(model)
    assert prepared.labels == ["x[map]", "x[tent]", "x[rope]", "x[stove]"]
    result = prepared.solve(VALUES)
    assert result.solutions.tolist() == [[0, 1, 0, 1], [1, 1, 0, 0]]
    np.testing.assert_allclose(result.values, [2 + 6, 2 + 4.1 + 1.5])
    np.testing.assert_allclose(prepared.fixed_terms(result.solutions), [2, 3.5])
    assert written(model) == before
    model.capacity = 0.0
    assert prepared.solve(VALUES[:1]).solutions.tolist() == [[0, 1, 0, 1]]


@pytest.mark.parametrize(
    "chosen",
    [
        lambda m: {"parameters": m.worth},
        lambda m: {"parameters": ["worth"]},
        lambda m: {"variables": m.x},
        lambda m: {"variables": "x"},
        lambda m: {"variables": [m.x[item] for item in m.things]},
        lambda m: {"variables": {item: m.x[item] for item in m.things}},
        lambda m: {"variables": ["x[map]", "x[tent]", "x[rope]", "x[stove]"]},
    ],
)
def test_ways_to_say_what_is_learned(chosen):
    model = knapsack()
    prepared = PyomoSolver(sense="max").prepare(model, **chosen(model))
    assert prepared.labels == ["x[map]", "x[tent]", "x[rope]", "x[stove]"]
    np.testing.assert_allclose(prepared.solve(VALUES).values, [8, 7.6])


def test_variables_in_the_order_given():
    model = knapsack()
    prepared = PyomoSolver(sense="max").prepare(model, variables=[model.spare, model.x["stove"]])
    assert prepared.labels == ["spare", "x[stove]"]
    assert prepared.solve(np.array([[1.0, 9.0], [9.0, 1.0]])).values.tolist() == [
        14.0,
        31.0,
    ]  # other Vars keep their worth


def test_values_per_row():
    """Sizes in the matrix, a capacity on the right: all rows as models of their own say."""
    rng = np.random.default_rng(0)
    prepared = PyomoSolver(sense="max").prepare(knapsack())
    points = np.array(list(itertools.product([0, 1], repeat=4)))
    given, expected = [], []
    objectives = rng.uniform(0, 5, (40, 4))
    for objective in objectives:
        sizes, capacity = rng.integers(1, 9, 4).astype(float), float(rng.integers(0, 20))
        given.append(
            [
                {"size": sizes, "capacity": capacity},
                [*sizes, capacity],
                {"capacity": capacity},
                {"size": dict(zip(SIZES, sizes, strict=True))},
            ][len(given) % 4]
        )
        used = np.array([*SIZES.values()]) if len(given) % 4 == 3 else sizes
        left = (10.0 if len(given) % 4 == 0 else capacity) - points @ used
        expected.append(np.where(left >= 0, points @ objective + 0.5 * np.minimum(left, 3) + 2, -np.inf).max())
    np.testing.assert_allclose(prepared.solve(objectives, values=given).values, expected)
    one = {"capacity": 0.0}
    for_all = PyomoSolver(sense="max").prepare(knapsack(), values=one)
    assert for_all.solve(VALUES).values.tolist() == [2, 2]


def test_params_of_bounds_and_both_ends_of_a_row():
    model = pyo.ConcreteModel()
    model.low, model.high = pyo.Param(mutable=True, initialize=1.0), pyo.Param(mutable=True)
    model.a = pyo.Var(bounds=(0, model.high))
    model.b = pyo.Var(bounds=(-5, 5))
    model.row = pyo.Constraint(expr=(model.low, model.a + model.b, model.low + model.high))
    prepared = PyomoSolver().prepare(model)
    objectives = np.array([[1.0, 2.0], [-1.0, -0.5], [2.0, 1.0]])
    with pytest.raises(InstanceError, match="value of 'high' missing"):
        prepared.solve(objectives)
    found = prepared.solve(objectives, values=[{"high": 4.0}, {"high": 2.0, "low": -3.0}, {"high": 7.0, "low": 2.0}])
    assert found.solutions.tolist() == [[4, -3], [2, -3], [0, 2]]
    again = prepared.solve(objectives[:1], values=[{"high": -1.0}])
    assert again.status.tolist() == [SolveStatus.INFEASIBLE]


def test_a_coefficient_of_several_terms():
    """A number and two Params, in one place of the matrix, at both ends of a row and in costs that are not learned."""
    model = pyo.ConcreteModel()
    model.p, model.q = (pyo.Param(mutable=True, initialize=1.0) for _ in range(2))
    model.x, model.y = pyo.Var(bounds=(0, 10)), pyo.Var(bounds=(0, 1))
    model.row = pyo.Constraint(expr=(model.q, (2 + model.p - model.q) * model.x + model.y + 1, 7 + model.p))
    model.cost = pyo.Objective(expr=(3 + model.p) * model.y + model.x, sense=pyo.maximize)
    prepared = PyomoSolver(sense="max").prepare(model, variables=model.x)
    found = prepared.solve(np.ones((3, 1)), values=[{}, {"p": 4.0}, {"p": -1.0, "q": 0.5}])
    # y takes 1, and gives 3 + p for it: x is what is left of 6 + p, through 2 + p - q
    np.testing.assert_allclose(found.values, [6 / 2 + 4, 9 / 5 + 7, min(4 / 0.5, 10) + 2])


def test_coefficients_of_sums_are_learned_too():
    """Each price belongs to a total; a Param of another kind scales the rest."""
    model = pyo.ConcreteModel()
    model.price = pyo.Param(["first", "second"], mutable=True, initialize=0.0)
    model.scale = pyo.Param(mutable=True, initialize=1.0)
    model.x = pyo.Var(range(4), domain=pyo.Binary)
    model.two = pyo.Constraint(expr=pyo.quicksum(model.x.values()) == 2)
    totals = {"first": 2 * model.x[0] + model.x[1] + 1, "second": model.x[1] + model.x[2] + model.x[3]}
    model.cost = pyo.Objective(
        expr=pyo.quicksum(model.price[k] * total for k, total in totals.items()) + model.scale * model.x[3]
    )
    assert PyomoSolver().prepare(model).labels[-1] == "scale"  # scale is in the objective alone, too
    prepared = PyomoSolver().prepare(model, parameters=model.price)
    assert prepared.labels == ["price[first]", "price[second]"]
    points = np.array([point for point in itertools.product([0, 1], repeat=4) if sum(point) == 2])
    ends = np.column_stack([2 * points[:, 0] + points[:, 1] + 1, points[:, 1:].sum(axis=1)])
    rng = np.random.default_rng(1)
    prices, scales = rng.uniform(-3, 3, (30, 2)), rng.uniform(-3, 3, 30)
    expected = (ends @ prices.T + scales * points[:, 3:]).min(axis=0)
    found = prepared.solve(prices, values=[{"scale": scale} for scale in scales])
    np.testing.assert_allclose(found.values, expected, atol=1e-9)
    terms = prepared.fixed_terms(found.solutions, values=[{"scale": scale} for scale in scales])
    np.testing.assert_allclose((prices * found.solutions).sum(axis=1) + terms, expected, atol=1e-9)


def test_integer_models_against_the_list_of_their_points():
    rng = np.random.default_rng(2)
    for _ in range(20):
        n, rows = int(rng.integers(3, 6)), int(rng.integers(1, 4))
        lower = rng.integers(-2, 2, n)
        upper = lower + rng.integers(0, 3, n)
        box = np.array(list(itertools.product(*map(range, lower, upper + 1))))
        left, kinds = rng.integers(-5, 6, (rows, n)), rng.integers(0, 3, rows)
        model = pyo.ConcreteModel()
        model.x = pyo.Var(range(n), domain=pyo.Integers, bounds=dict(enumerate(zip(lower, upper, strict=True))))
        model.right = pyo.Param(range(rows), mutable=True)
        model.rows = pyo.ConstraintList()
        for row, kind in enumerate(kinds):
            terms = pyo.quicksum(int(a) * model.x[i] for i, a in enumerate(left[row])) - model.right[row]
            model.rows.add([terms <= 0, terms >= 0, terms == 0][kind])
        prepared = PyomoSolver(engine="auto").prepare(model)
        sides = left @ box[rng.integers(0, len(box), 20)].T + np.where(kinds == 2, 0, rng.integers(-4, 5, (20, 1))).T
        objectives = rng.integers(-9, 10, (20, n)) / 4
        found = prepared.solve(objectives, values=sides.T)
        for row, objective in enumerate(objectives):
            over = box @ left.T - sides[:, row]
            held = np.select([kinds == 0, kinds == 1], [over <= 0, over >= 0], over == 0)
            points = box[held.all(axis=1)]
            if not len(points):
                assert found.status[row] == SolveStatus.INFEASIBLE
                continue
            assert found.values[row] == (points @ objective).min()
            assert (points == found.solutions[row]).all(axis=1).any()


def test_blocks_fixed_vars_and_deactivated_parts():
    model = pyo.ConcreteModel()
    model.part = pyo.Block(["left", "right"])
    for part in model.part.values():
        part.y = pyo.Var(domain=pyo.NonNegativeReals, bounds=(0, 4))
        part.most = pyo.Constraint(expr=part.y <= 3)
    model.known = pyo.Var(initialize=1.0)
    model.known.fix(2.0)
    model.both = pyo.Constraint(expr=model.part["left"].y + model.part["right"].y * model.known >= 5)
    model.part["left"].most.deactivate()
    prepared = PyomoSolver().prepare(model)
    assert prepared.labels == ["part[left].y", "part[right].y"]
    assert prepared.solve(np.array([[1.0, 3.0], [1.0, 1.0]])).solutions.tolist() == [[4, 0.5], [0, 2.5]]
    model.part["left"].outside = pyo.Constraint(expr=model.part["left"].y + model.part["right"].y <= 1)
    refused(model.part["left"], "expected Vars of the model, found 'part[right].y' of another block")


def refused(model, message, hint="", *, sense="min", **given):
    with pytest.raises(InstanceError) as caught:
        PyomoSolver(sense=sense).prepare(model, **given)
    assert message in str(caught.value)
    assert hint in str(caught.value)


def portfolio():
    model = pyo.ConcreteModel("portfolio")
    model.gain = pyo.Param(range(3), mutable=True, initialize=0.0)
    model.least = pyo.Param(mutable=True, initialize=0.0)
    model.share = pyo.Var(range(3), bounds=(0, 1))
    model.whole = pyo.Constraint(expr=pyo.quicksum(model.share.values()) == 1)
    model.first = pyo.Constraint(expr=model.share[0] >= model.least)
    risk = pyo.sum_product(model.share, model.share) + model.share[0] * model.share[1]
    model.total = pyo.Objective(expr=pyo.sum_product(model.gain, model.share) - 2 * risk, sense=pyo.maximize)
    return model


def test_quadratic_objectives_and_their_exact_derivatives():
    prepared = PyomoSolver(sense="max").prepare(portfolio())
    found = prepared.solve(np.zeros((2, 3)), values=[{}, {"least": 0.6}])
    # without gains, 2 (3 a^2 + c^2) at a = b = 2/7; with a = 0.6, 2 (b^2 + c^2 + 0.6 b) and b = 1/20
    np.testing.assert_allclose(found.solutions, [[2 / 7, 2 / 7, 3 / 7], [0.6, 0.05, 0.35]], atol=1e-6)
    np.testing.assert_allclose(found.values, [-6 / 7, -2 * (0.36 + 0.0025 + 0.1225 + 0.03)], atol=1e-6)
    layer = imle.layer("pyomo", sense="max", model=portfolio(), estimator="implicit")
    gains = torch.tensor([[0.1, -0.2, 0.3]], dtype=torch.float64, requires_grad=True)
    direction = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    (layer(gains) @ direction).sum().backward()
    step = 1e-4 * torch.eye(3, dtype=torch.float64)
    with torch.no_grad():
        slopes = ((layer(gains + step) - layer(gains - step)) @ direction) / 2e-4
    assert torch.allclose(gains.grad[0], slopes, atol=1e-4)


def test_values_of_models_are_differentiated_in_params():
    """Against differences: in a right side, in a coefficient and in a bound."""
    model = pyo.ConcreteModel()
    model.need, model.yields, model.most = (pyo.Param(mutable=True, initialize=v) for v in (5.0, 2.0, 1.5))
    model.a, model.b = pyo.Var(bounds=(0, model.most)), pyo.Var(domain=pyo.NonNegativeReals)
    model.row = pyo.Constraint(expr=model.yields * model.a + model.b >= model.need)
    layer = imle.layer("pyomo", model=model)
    values = torch.tensor([[2.0, 5.0, 1.5]], dtype=torch.float64, requires_grad=True)
    costs = torch.tensor([[1.0, 3.0]], dtype=torch.float64)
    value = layer.value(costs, values=values, relaxation=True)
    value.sum().backward()
    assert value.item() == pytest.approx(1.5 + 3 * 2)
    np.testing.assert_allclose(values.grad, [[-3 * 1.5, 3.0, 1 - 3 * 2]], atol=1e-9)


def test_quadratic_objectives_that_are_refused():
    model = portfolio()
    model.total.sense = pyo.minimize
    refused(
        model, "pyomo: model 'portfolio': objective: expected a convex objective, found a quadratic part that is none"
    )
    model = portfolio()
    model.share[1].domain = pyo.Integers
    refused(model, "objective: expected linear terms beside integer Vars such as 'share[1]', found share[0]*share[0]",
            "HiGHS solves no quadratic programs with integers", sense="max")  # fmt: skip


def test_what_is_not_linear():
    model = knapsack()
    model.product = pyo.Constraint(expr=model.x["map"] * model.x["tent"] + model.spare <= 1)
    refused(model, "pyomo: model 'knapsack': constraint 'product': expected linear terms, found x[map]*x[tent]",
            sense="max")  # fmt: skip
    model = knapsack()
    model.curve = pyo.Constraint(expr=pyo.exp(model.spare) + model.x["map"] <= 9)
    refused(model, "constraint 'curve': expected linear terms, found exp(spare)", sense="max")
    model = knapsack()
    model.total.expr = pyo.sum_product(model.worth, model.x) + model.worth["map"] ** 2 * model.x["tent"]
    refused(model, "objective: expected learned Params that multiply what is linear in Vars, found worth[map]",
            sense="max")  # fmt: skip
    model = knapsack()
    model.sets = pyo.SOSConstraint(var=model.x, sos=1)
    refused(model, "expected Vars, linear Constraints and an Objective, found a SOSConstraint, 'sets'", sense="max")
    model = knapsack()
    model.odd = pyo.Var(domain=pyo.Set(initialize=[1, 3, 7]))
    refused(model, "Var 'odd': expected a domain of real or whole numbers without gaps, found", sense="max")


def test_params_that_do_not_stand_affinely_are_constants():
    model = knapsack()
    model.rate = pyo.Param(mutable=True, initialize=1.0)
    model.more = pyo.Constraint(expr=pyo.exp(model.rate) * model.spare <= 6)  # 2.2
    prepared = PyomoSolver(sense="max").prepare(model)
    assert prepared.solve(np.zeros((1, 4))).values.tolist() == [3.0]
    with pytest.raises(InstanceError) as caught:
        prepared.solve(np.zeros((1, 4)), values=[{"rate": 2.0}])
    assert "expected names among 'size', 'capacity', found 'rate'" in caught.value.message
    assert "which does not stand affinely in constraint 'more': exp(rate)*spare" in caught.value.message
    assert caught.value.row == 0


def test_a_param_and_a_domain_that_bound_the_same_var():
    """The tighter of the two holds: at -1 it is the domain's, at 2 the Param's, which is a constant of the model."""
    for given, best in ((-1.0, 0.0), (2.0, 2.0)):
        model = pyo.ConcreteModel()
        model.least = pyo.Param(mutable=True, initialize=given)
        model.x = pyo.Var(domain=pyo.NonNegativeReals, bounds=(model.least, None))
        model.o = pyo.Objective(expr=model.x)
        prepared = PyomoSolver().prepare(model)
        assert prepared.solve(np.ones((1, 1))).values.tolist() == [best]
        with pytest.raises(InstanceError, match="'least', which does not stand affinely in bounds of 'x': max"):
            prepared.solve(np.ones((1, 1)), values=[{"least": 1.0}])


def test_another_sense_and_several_objectives():
    refused(knapsack(), "expected an Objective with sense=pyo.minimize since the solver has sense='min', found 'total' "
            "with sense=pyo.maximize", "give sense='max'")  # fmt: skip
    model = knapsack()
    model.other = pyo.Objective(expr=model.spare)
    refused(model, "expected one active Objective, found 2: 'total', 'other'", "deactivate() the others")


def test_other_things_than_models():
    refused(3, "pyomo: model: expected a pyomo ConcreteModel or block, found int")
    refused(pyo.AbstractModel(), "expected a ConcreteModel, found one without data", "create_instance")
    refused(pyo.ConcreteModel(), "expected at least one Var that is not fixed, found none")
    with pytest.raises(InstanceError, match="expected a model, found none"):
        PyomoSolver().prepare().solve(np.zeros((1, 2)))


def test_what_cannot_be_learned():
    model = knapsack()
    model.plain = pyo.Param(initialize=3.0)
    model.away = pyo.Var(bounds=(0, 1))
    model.away.fix(1.0)
    other = knapsack()
    for given, message in [
        ({"parameters": model.plain}, "parameters: expected mutable Params, found 'plain'"),
        ({"parameters": "capacity"}, "expected Params of the objective, found 'capacity', which is not in it"),
        ({"parameters": other.worth}, "expected Params of the model, or their names, found 'worth' of another model"),
        ({"parameters": "wort"}, "parameters: expected Params of the model, or their names, found 'wort'"),
        ({"parameters": model.x}, "parameters: expected Params of the model, or their names, found"),
        ({"parameters": [model.worth, "worth"]}, "parameters: expected each once, found 'worth' twice"),
        ({"parameters": [model.worth["map"]]}, "Params, with all of their entries, found 'worth[map]'"),
        ({"parameters": 3}, "parameters: expected Params of the model, or their names, found 3"),
        ({"parameters": []}, "parameters: expected at least one, found none"),
        ({"variables": [model.x, model.x["map"]]}, "variables: expected each once, found 'x[map]' twice"),
        ({"variables": model.away}, "variables: expected Vars that are free, found 'away', which is fixed"),
        ({"variables": "x", "parameters": "worth"}, "expected learned parameters or variables, found both"),
    ]:
        refused(model, message, sense="max", **given)
    model.cap = pyo.Constraint(expr=model.worth["map"] * model.spare <= 9)
    refused(model, "expected Params of the objective alone, found 'worth', which is also in constraint 'cap'",
            "two Params, one of which is learned", sense="max", parameters="worth")  # fmt: skip


def test_values_that_do_not_fit():
    prepared = PyomoSolver(sense="max").prepare(knapsack())
    for given, message in [
        ({"worth": [1, 2, 3, 4]}, "values: expected names among 'size', 'capacity', found 'worth'"),
        ({"size": [1, 2]}, "values: 'size': expected shape [4], found [2]"),
        ({"size": {"map": 1}}, "values: 'size': expected a value for each of its 4 keys, found no "),
        ({"size": [1, 2, 3, -4]}, "values: 'size': expected numbers from 0 to inf, as it is declared, found -4"),
        ({"capacity": np.nan}, "values: 'capacity': expected finite numbers"),
        ([1, 2], "expected 5 numbers, those of all parameters that are not learned (size, capacity), found shape [2]"),
    ]:
        with pytest.raises(InstanceError) as caught:
            prepared.solve(np.zeros((2, 4)), values=[{}, given])
        assert message in caught.value.message
        assert caught.value.row == 1
    with pytest.raises(InstanceError, match="expected one mapping or vector per row, 2 in all, found 1"):
        prepared.solve(np.zeros((2, 4)), values=[{}])


def test_numbers_that_cannot_be_kept_and_missing_values():
    model = knapsack()
    model.tiny = pyo.Constraint(expr=1e-14 * model.x["map"] + model.spare <= 3)
    refused(model, "pyomo: constraint 'tiny': expected coefficients below 1e+15 in size, and above 1e-12 of the "
            "largest in their row (or 0), found 1e-14 for 'x[map]'", sense="max")  # fmt: skip
    model = knapsack()
    model.unknown = pyo.Var()
    model.unknown.fixed = True
    model.row = pyo.Constraint(expr=model.unknown * model.spare <= 3)
    refused(model, "constraint 'row': expected values of fixed Vars and Params, found ", sense="max")


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_give_the_same(duplicate):
    model = knapsack()
    layer = imle.layer("pyomo", sense="max", variables=[model.x[k] for k in reversed(SIZES)], model=model).eval()
    scores = torch.tensor(VALUES)
    twin = duplicate(layer)
    assert torch.equal(twin(scores), layer(scores))
    assert twin.labels == layer.labels == ["x[stove]", "x[rope]", "x[tent]", "x[map]"]


def test_through_a_layer_values_are_tensors_and_failures_are_told():
    layer = imle.layer("pyomo", sense="max", model=knapsack(), nb_samples=4)
    scores = torch.tensor(VALUES, requires_grad=True)
    sizes = torch.tensor([[3.0, 4, 5, 6, 10], [9, 9, 9, 9, 10]])
    layer(scores, values=sizes)[:, 0].sum().backward()
    assert scores.grad is not None
    with pytest.raises(SolveError, match="no point satisfies all constraints and bounds"):
        layer(scores, values=[{}, {"capacity": -1.0}])
