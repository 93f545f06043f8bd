"""`layer.value`: the optimal value, by enumeration, and its gradients by finite differences and by what is known."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

import imle
from imle.errors import (
    ForwardModeError,
    InstanceError,
    ObjectiveError,
    OptionError,
    SecondDerivativeError,
    SolveError,
    SolverContractError,
)
from imle.layers import BlockLayer
from imle.plugins import Parameter
from imle.plugins.inferred import spec_from_class
from imle.plugins.known import KNOWN
from imle.solvers import BasePrepared, SolveResult
from imle.solvers.blocks import blocks_of
from imle.testing import subjects_of
from support.solvers import EnumerationSolver, k_subsets

DEMAND = {"A_ub": [[-1.0, -1.0]], "bounds": (0, 3)}  # x + y >= demand, each up to 3
COSTS = torch.tensor([[1.0, 5.0], [2.0, 1.0]])


@pytest.mark.filterwarnings("ignore:.*negative costs were clipped")
@pytest.mark.parametrize("solver_id", sorted(KNOWN))
def test_every_solver_by_what_is_known_of_its_instances(solver_id):
    """The value is the best there is, and its gradient the solution that has it."""
    (subject,) = subjects_of(f"{KNOWN[solver_id]}/{solver_id}")
    for case in subject.cases[:3]:
        if not subject.spec.exact or (case.instance.solutions is None and case.instance.oracle is None):
            continue
        layer = imle.layer(subject.given, **case.instance.options, **case.instance.parameters)
        given = case.objectives(3, seed=5)
        objective = torch.tensor(given, requires_grad=True)
        best = torch.tensor([case.best(row) for row in given], dtype=torch.float64)
        if isinstance(layer, BlockLayer):
            layout = blocks_of(layer.prepared)
            constants = [
                torch.tensor(np.zeros(own.size) if own.offset is None else own.offset.ravel())
                for own in layout.values()
            ]
            best += objective.detach() @ torch.cat(constants)
            value = layer.value(**layout.split(objective))
            parts = layer.eval()(**{name: part.detach() for name, part in layout.split(objective).items()})
            order = {block.name: block.solution for block in subject.spec.blocks}
            solution = torch.cat([parts[order[name]].flatten(1) for name in layout], dim=1).double()
        else:
            value = layer.value(objective)
            solution = layer.eval()(objective.detach())
        torch.testing.assert_close(value.detach(), best, rtol=1e-6, atol=1e-6)
        value.sum().backward()
        torch.testing.assert_close(objective.grad, solution, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_shapes_and_dtypes(dtype):
    layer = imle.layer(EnumerationSolver("min"), solutions=k_subsets(4, 2), nb_samples=5, output="samples")
    costs = torch.arange(24.0).reshape(2, 3, 4).to(dtype).requires_grad_()
    value = layer.value(costs)
    assert value.shape == (2, 3)
    assert value.dtype == (torch.float64 if dtype is torch.float64 else torch.float32)
    assert value.tolist() == [[1, 9, 17], [25, 33, 41]]
    value.sum().backward()
    assert costs.grad.dtype == dtype
    assert costs.grad.tolist() == [[[1, 1, 0, 0]] * 3] * 2
    assert layer.value(costs[0, 0]).shape == ()
    assert layer.value(costs[:0]).shape == (0, 3)


def test_terms_that_are_not_learned_count():
    known = {"A_ub": [[1, 0, -1]], "b_ub": [0], "bounds": (0, 1), "variables": [0, 1]}
    layer = imle.layer("highs-ilp", costs=[0, 0, 10], **known)
    costs = torch.tensor([[-20.0, -1.0], [-5.0, 1.0]], requires_grad=True)
    value = layer.value(costs)
    assert value.tolist() == [-11, 0]
    value.sum().backward()
    assert costs.grad.tolist() == [[1, 1], [0, 0]]
    fixed = torch.tensor([0.0, 0.0, 10.0], requires_grad=True)
    layer.value(costs.detach(), costs=fixed).sum().backward()  # also of an integer program: it is the solution
    assert fixed.grad.tolist() == [0, 0, 1]


def test_right_sides_of_all_rows_and_of_each():
    layer = imle.layer("highs-lp", **DEMAND)
    demand = torch.tensor([4.0], requires_grad=True)
    value = layer.value(COSTS, b_ub=-demand)
    assert value.tolist() == [8, 5]
    value.sum().backward()
    assert demand.grad.tolist() == [7]  # 5 + 2
    each = torch.tensor([[4.0], [2.0]], dtype=torch.float64, requires_grad=True)
    value = layer.value(COSTS.unsqueeze(0), b_ub=-each.unsqueeze(0))
    assert value.tolist() == [[8, 2]]
    value.sum().backward()
    assert each.grad.tolist() == [[5], [1]]
    assert layer.value(COSTS, b_ub=[[-4.0], [-2.0]]).tolist() == [8, 2]  # constants, as in forward
    assert layer.value(COSTS, b_ub=torch.tensor([-4.0])).tolist() == [8, 5]
    assert layer.value(COSTS[:0], b_ub=-demand).shape == (0,)


@pytest.mark.parametrize("batch", [(), (2,)])
def test_everything_at_once(batch):
    """No part of the instance is the layer's own."""
    layer = imle.layer("highs-lp")
    given = {
        "A_ub": torch.tensor([[-1.0, -1.0]]),
        "b_ub": torch.tensor([-4.0]),
        "bounds": torch.tensor([[0.0, 3.0], [0.0, 9.0]]),
    }
    given = {name: tensor.expand(*batch, *tensor.shape).clone().requires_grad_() for name, tensor in given.items()}
    value = layer.value(COSTS, **given)
    assert value.tolist() == [8, 4]
    value.sum().backward()
    for name, rows in {
        "A_ub": [[[15, 5]], [[0, 4]]],  # if x covers less, 3 units of it at 5 each have to be replaced
        "b_ub": [[-5], [-1]],
        "bounds": [[[0, -4], [0, 0]], [[1, 0], [0, 0]]],
    }.items():
        expected = torch.tensor(rows)
        torch.testing.assert_close(given[name].grad, expected.float() if batch else expected.sum(0).float())
    if not batch:
        assert len(layer._instances._kept) == 0  # matrices that are learned never come again


def test_other_rows_than_tensors_may_come_with_them():
    layer = imle.layer("highs-lp", **DEMAND)
    matrices = [np.array([[-1.0, -1.0]]), np.array([[-1.0, 0.0]])]
    demand = torch.tensor([2.0], requires_grad=True)
    value = layer.value(COSTS, A_ub=matrices, b_ub=-demand)
    assert value.tolist() == [2, 4]
    value.sum().backward()
    assert demand.grad.tolist() == [3]


def test_whole_numbers_in_tensors_stay_whole():
    pytest.importorskip("imle_topk")
    scores = torch.tensor([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0]])
    assert imle.layer("topk").value(scores, k=torch.tensor([2, 1])).tolist() == [5.0, 3.0]


@pytest.mark.parametrize("sense", ["min", "max"])
@pytest.mark.parametrize("wrapped", [{}, {"cache": 8}, {"pool": 0.0}, {"cache": 8, "executor": 2}], ids=str)
def test_whatever_is_around_the_solver(sense, wrapped):
    """By finite differences; the second pass meets known rows."""
    layer = imle.layer("highs-lp", sense=sense, A_ub=[[1.0, 2.0, 1.0], [3.0, 1.0, 2.0]], bounds=(0, 2), **wrapped)
    generator = torch.Generator().manual_seed(0)
    rows, right = torch.randn(5, 3, generator=generator).double(), torch.rand(5, 2, generator=generator).double() + 1
    rows, right = torch.cat([rows, rows[:2]]), torch.cat([right, right[:2]])
    value = partial(layer.value, rows)
    assert not value(b_ub=right).requires_grad
    for _ in range(2):
        assert torch.autograd.gradcheck(lambda b: value(b_ub=b), right.clone().requires_grad_(), eps=1e-5)
    layer.close()


@pytest.mark.parametrize("relaxed_id", ["highs-ilp", "ortools-ilp", "scipy-milp"])
def test_integer_programs_through_their_relaxation_by_name(relaxed_id):
    layer = imle.layer(relaxed_id, sense="max", A_ub=[[3.0, 2.0, 4.0]], bounds=(0, 1))
    values, capacity = torch.tensor([[0.7, 0.4, 0.5]]), torch.tensor([4.0], requires_grad=True)
    with pytest.raises(InstanceError, match=r"b_ub: expected constants.*jumps\n  hint: .*relaxation=True"):
        layer.value(values, b_ub=capacity)
    assert layer.value(values, b_ub=capacity.detach()).tolist() == pytest.approx([0.7])
    value = layer.value(values, b_ub=capacity, relaxation=True)
    assert value.tolist() == pytest.approx([0.7])  # that of the integer program
    value.backward()
    assert capacity.grad.tolist() == pytest.approx([0.2])  # half of y, for each of its two units
    layer.close()


def test_rows_that_fail():
    given = {"A_ub": [[1.0, 1.0]], "bounds": (0, 1)}
    right = torch.tensor([[1.0], [-1.0], [0.5]], requires_grad=True)
    costs = torch.tensor([[-1.0, -2.0]] * 3, requires_grad=True)
    with pytest.raises(SolveError, match="row 1: infeasible"):
        imle.layer("highs-lp", **given).value(costs, b_ub=right)
    layer = imle.layer("highs-lp", on_failure="zero-grad", **given)
    value = layer.value(costs, b_ub=right)
    assert value.tolist() == [-2, 0, -1]
    assert [failure.row for failure in layer.failures] == [1]
    value.sum().backward()
    assert costs.grad.tolist() == [[0, 1], [0, 0], [0, 0.5]]
    assert right.grad[1:].tolist() == [[0], [-2]]
    unbounded = imle.layer("highs-lp", A_ub=[[-1.0, 1.0]], on_failure="zero-grad")
    assert unbounded.value(costs, b_ub=right.abs()).tolist() == [0, 0, 0]
    assert {failure.status.name for failure in unbounded.failures} == {"UNBOUNDED"}


def test_a_solution_that_stands_in_has_a_value_and_no_gradient():
    layer = imle.layer("highs-lp", A_ub=[[-1.0, 1.0]], b_ub=[1.0], on_failure="last")
    costs = torch.tensor([[3.0, -2.0], [-1.0, 0.5]], requires_grad=True)
    value = layer.value(costs)  # x = 0, y = 1; the other is unbounded
    assert value.tolist() == [-2, 0.5]
    value.sum().backward()
    assert costs.grad.tolist() == [[0, 1], [0, 0]]


def test_what_is_refused():
    layer = imle.layer("highs-lp", b_ub=[-1.0], **DEMAND)
    right = torch.tensor([-4.0], requires_grad=True)
    with pytest.raises(
        InstanceError, match=r"b_ub: expected a tensor \[\*shape\] .* has 1 dimension, found shape \[\]"
    ):
        layer.value(COSTS, b_ub=right.squeeze())
    with pytest.raises(InstanceError, match=r"A_ub: expected a dense tensor, found torch.sparse_coo"):
        layer.value(COSTS, A_ub=torch.eye(2).to_sparse())
    with pytest.raises(InstanceError, match="b_ub: expected one value per row, 2 in all, found 3"):
        layer.value(COSTS, b_ub=right.expand(3, 1))
    with pytest.raises(InstanceError, match=r"b_ub: expected 1 numbers.*found shape \[2\]"):
        layer.value(COSTS, b_ub=right.expand(2))
    with pytest.raises(OptionError, match="did you mean 'b_ub'"):
        layer.value(COSTS, b_up=right)
    with pytest.raises(ObjectiveError, match=r"expected shape \[\*batch, 2\], found \[3\]"):
        layer.value(COSTS.new_zeros(3))
    with pytest.raises(ObjectiveError, match="found nan in row 1, position 0"):
        layer.value(torch.tensor([[1.0, 1.0], [torch.nan, 1.0]]), b_ub=right)
    with pytest.raises(InstanceError, match=r"costs that are nested|expected constants"):
        layer.value(COSTS, b_ub=[right, right])
    with torch.no_grad():
        assert layer.value(COSTS, b_ub=right).tolist() == [8, 5]


def test_a_parameter_of_which_no_duals_are_told():
    pytest.importorskip("imle_kernels")
    layer = imle.layer("knapsack", weights=[3.0, 4.0], learned={"capacity": 0.1})
    scores, capacity = torch.tensor([[1.0, 2.0], [3.0, 2.0]]), torch.tensor([4.0, 9.0], requires_grad=True)
    assert layer.value(scores, capacity=capacity.detach()).tolist() == [2, 5]
    with pytest.raises(
        InstanceError, match=r"capacity: expected constants.*\n  hint: layer.expected_loss with learned="
    ):
        layer.value(scores, capacity=capacity)
    spec = replace(spec_from_class(Scaled), instance=(Parameter("scale", "vector", (1.0, 1.0)),))
    Scaled.spec = spec
    with pytest.raises(
        InstanceError, match=r"scale: expected constants.*it tells no dual variables\n  hint: scale.det"
    ):
        imle.layer(Scaled()).value(torch.ones(1, 2), scale=torch.ones(2, requires_grad=True))


class Scaled:
    """The larger of two scores, each times a scale: the value's derivative in that is score times solution."""

    sense, array = "max", "numpy"
    spec = None
    told = staticmethod(lambda duals: duals)

    def prepare(self, scale=(1.0, 1.0)):
        return PreparedScaled(np.asarray(scale), self.told)


class PreparedScaled(BasePrepared):
    objective_shape = (2,)

    def __init__(self, scale, told):
        self.scale, self.told = scale, told

    def solve(self, objective, *, duals=()):
        chosen = np.eye(2)[(objective * self.scale).argmax(axis=1)]
        return SolveResult(chosen * self.scale, duals=self.told(dict.fromkeys(duals, objective * chosen)))


@pytest.fixture
def scaled():
    spec = spec_from_class(Scaled)

    def made(told=lambda duals: duals, **options):
        Scaled.spec = replace(spec, instance=(Parameter("scale", "vector", (1.0, 1.0), dual="exact"),))
        solver = Scaled()
        solver.told = told
        return imle.layer(solver, **options)

    yield made
    Scaled.spec = None


def test_duals_of_a_solver_of_ones_own_at_any_scale(scaled):
    """The core multiplies its rows by powers of two, and duals come back in units of the rows as they were."""
    for size in (1e-30, 1.0, 1e30):
        scores = size * torch.tensor([[3.0, 2.0], [1.0, 5.0]], dtype=torch.float64)
        scale = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
        value = scaled().value(scores, scale=scale)
        torch.testing.assert_close(value.detach(), size * torch.tensor([4.0, 10.0], dtype=torch.float64))
        value.sum().backward()
        torch.testing.assert_close(scale.grad, size * torch.tensor([0.0, 7.0], dtype=torch.float64))


def test_rows_for_which_a_solver_raises_are_isolated(scaled):
    """The others keep values and duals."""

    def told(duals):
        if (duals["scale"] == 64 * 13).any():  # rows come with largest entries from 512 on
            raise RuntimeError("unlucky")
        return duals

    layer = scaled(told, on_failure="zero-grad")
    scores = torch.tensor([[3.0, 2.0], [13.0, 2.0], [1.0, 5.0], [1.0, 2.0]])
    scale = torch.ones(4, 2, requires_grad=True)
    value = layer.value(scores, scale=scale)
    assert value.tolist() == [3, 0, 5, 2]
    assert [(failure.row, failure.message) for failure in layer.failures] == [(1, "RuntimeError: unlucky")]
    value.sum().backward()
    assert scale.grad.tolist() == [[3, 0], [0, 0], [0, 5], [0, 2]]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (lambda duals: {}, r"duals: expected scale \[1, 2\], one array for each row, found none"),
        (lambda duals: {"scale": duals["scale"][:, :1]}, r"duals: expected scale \[1, 2\].*found \[1, 1\]"),
        (lambda duals: {"scale": duals["scale"][:0]}, r"duals: scale: expected numbers \[1, \*shape of scale\]"),
        (lambda duals: {"scale": duals["scale"] * np.nan}, "duals: scale of a row reported as solved holds nan"),
        (lambda duals: [*duals], "duals: expected a mapping, found list"),
    ],
)
def test_duals_that_break_the_contract(scaled, told, message):
    with pytest.raises(SolverContractError, match=message):
        scaled(told).value(torch.ones(1, 2), scale=torch.ones(2, requires_grad=True))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch's own
def test_transforms():
    layer = imle.layer("highs-lp", **DEMAND)
    demand = torch.tensor([4.0], requires_grad=True)
    cost = lambda costs, demand: layer.value(costs, b_ub=-demand)  # noqa: E731
    expected = torch.func.jacrev(cost, argnums=(0, 1))(COSTS, demand.detach())
    assert expected[0].tolist() == [[[3, 1], [0, 0]], [[0, 0], [1, 3]]]
    assert expected[1].tolist() == [[5], [2]]
    scenarios = torch.stack([COSTS, 2 * COSTS, -COSTS])
    assert torch.vmap(cost, in_dims=(0, None))(scenarios, demand).tolist() == [[8, 5], [16, 10], [-18, -9]]
    torch.vmap(cost, in_dims=(0, None))(scenarios, demand).sum().backward()
    assert demand.grad.tolist() == [21]
    each = torch.vmap(torch.func.grad(lambda costs: cost(costs, demand.detach()).sum()))(scenarios)
    assert each[1].tolist() == [[3, 1], [1, 3]]
    with pytest.raises(
        InstanceError, match=r"b_ub: expected a tensor that vmap does not map over.*\n.*one value per row"
    ):
        torch.vmap(cost, in_dims=(None, 0))(COSTS, torch.ones(3, 1))
    (gradient,) = torch.autograd.grad(cost(COSTS, demand).sum(), demand, create_graph=True)
    with pytest.raises(SecondDerivativeError, match="an optimal value has no second derivative"):
        gradient.sum().backward()
    with pytest.raises(ForwardModeError):
        torch.func.jvp(lambda costs: cost(costs, demand.detach()), (COSTS,), (COSTS,))


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # which dynamo asks for
def test_compiled_graphs_break_around_it_and_copies_have_it():
    layer = imle.layer("highs-lp", **DEMAND)
    demand = torch.tensor([4.0], requires_grad=True)
    compiled = torch.compile(lambda costs, demand: 2 * layer.value(costs, b_ub=-demand), backend="eager")
    value = compiled(COSTS, demand)
    assert value.tolist() == [16, 10]
    value.sum().backward()
    assert demand.grad.tolist() == [14]
    assert copy.deepcopy(layer).value(COSTS, b_ub=-demand).tolist() == [8, 5]


def test_functions():
    layer = imle.layer(lambda scores: (scores > 0).to(scores), shape=(None,))
    scores = torch.tensor([[[1.0, -2.0, 3.0]]], requires_grad=True)
    value = layer.value(scores)
    assert value.tolist() == [[4]]
    value.backward()
    assert scores.grad.tolist() == [[[1, 0, 1]]]
    assert imle.layer(lambda scores: scores.sign()).value(scores.squeeze(0)).tolist() == [6]


def test_a_new_pass_begins_and_solves_are_counted():
    layer = imle.layer("highs-lp", **DEMAND)
    layer.value(COSTS, b_ub=torch.tensor([-4.0], requires_grad=True)).sum().backward()
    assert layer.stats.solves == 2
    assert layer.failures == []


def test_a_spec_says_how_many_dimensions_values_have():
    shapes = {"vector | None": 1, "matrix | None": 2, "(lower, upper) | [n, 2] | Bounds": 2, "float": 0}
    assert {text: Parameter("p", text).ndim for text in shapes} == shapes
    assert Parameter("p", "number or [m]").ndim is None
    assert Parameter("p", "graph").ndim is None
    with pytest.raises(imle.errors.PluginError, match="dual: expected a type that says how many dimensions"):
        Parameter("p", "graph", dual="exact")
    with pytest.raises(imle.errors.PluginError, match="dual: expected '', 'exact' or 'relaxation', found True"):
        Parameter("p", "vector", dual=True)
