"""Instances that differ per row: grouping, padding, caching, and the errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import networkx as nx
import numpy as np
import pytest
import torch

import imle
from imle.errors import ImleError, InstanceError, ObjectiveError, OptionError, SolverContractError
from imle.layers.instances import CAPACITY
from imle.plugins import Parameter, SolverSpec
from imle.plugins.parameters import accepts_all, check_value
from imle.solvers import BasePrepared, BaseSolver, SolveResult
from support.solvers import EnumerationSolver, k_subsets

PAIRS, TRIPLES = k_subsets(5, 2), k_subsets(5, 3)


def test_rows_with_their_own_instance():
    layer = imle.layer(EnumerationSolver(), nb_samples=3)
    objective = torch.randn(4, 5, requires_grad=True)
    out = layer(objective, solutions=[PAIRS, TRIPLES, PAIRS, TRIPLES])
    torch.testing.assert_close(out.sum(dim=1), torch.tensor([2.0, 3.0, 2.0, 3.0]))
    out.square().sum().backward()
    assert objective.grad.abs().sum() > 0
    assert layer.stats.batches == 4, "rows that share an instance are solved together"


def test_a_row_is_solved_as_if_it_were_alone():
    layer = imle.layer(EnumerationSolver(), noise=None)
    objective = torch.randn(4, 5)
    instances = [PAIRS, TRIPLES, PAIRS[:3], TRIPLES]
    together = layer(objective, solutions=instances)
    for row, instance in enumerate(instances):
        alone = imle.layer(EnumerationSolver(), solutions=instance, noise=None)(objective[row])
        torch.testing.assert_close(together[row], alone)


def test_ragged_instances_are_padded():
    layer = imle.layer(EnumerationSolver(), nb_samples=4)
    wide, narrow = k_subsets(5, 2), k_subsets(3, 1)
    objective = torch.zeros(2, 5)
    objective[1, 3:] = 1e6  # the padding must not matter
    objective.requires_grad_()
    out = layer(objective, solutions=[wide, narrow])
    assert out[1, 3:].tolist() == [0.0, 0.0]
    torch.testing.assert_close(out.sum(dim=1), torch.tensor([2.0, 1.0]))
    out.square().sum().backward()
    assert objective.grad[1, 3:].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("output", ["mean", "samples"])
@pytest.mark.parametrize("estimator", ["imle", "aimle", "blackbox"])
def test_nothing_on_the_padding_counts(estimator, output):
    """Neither scores nor a loss there change the step, or the gradient, of a row."""
    wide, narrow = k_subsets(5, 2), k_subsets(3, 1)
    objective = torch.tensor([[0.3, 0.1, 0.4, 0.2, 0.5], [0.3, 0.1, 0.4, 1e6, -1e6]], requires_grad=True)
    weight = torch.tensor([[1.0, 0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 2.0, 1e3, -1e3]])
    options = {"estimator": estimator, "noise": None} if estimator != "blackbox" else {"estimator": estimator}
    layer = imle.layer(EnumerationSolver(), output=output, **options)
    out = layer(objective, solutions=[wide, narrow])
    (out * (weight if output == "mean" else weight.unsqueeze(1))).sum().backward()
    alone = objective.detach()[1:, :3].clone().requires_grad_()
    single = imle.layer(EnumerationSolver(), output=output, solutions=narrow, **options)(alone)
    (single * (weight[1:, :3] if output == "mean" else weight[1:, :3].unsqueeze(1))).sum().backward()
    assert alone.grad.any()
    assert torch.equal(objective.grad[1, :3], alone.grad[0])
    assert not objective.grad[1, 3:].any()


class BestOfTheFirst(BasePrepared):
    """The largest of the first entries of each row, as many as its length says."""

    def row_shapes(self, length):
        return np.array(length)[:, None]

    def solve(self, objective, *, length):
        inside = np.arange(objective.shape[1]) < np.array(length)[:, None]
        best = np.where(inside, objective, -np.inf).argmax(axis=1)
        return SolveResult(np.eye(objective.shape[1])[best])


BEST = SolverSpec(
    id="best-of-the-first",
    summary="",
    problem="choice",
    sense="max",
    target="tests:Best",
    instance=(Parameter("length", "int", 1, per_row=True),),
)


@dataclass(frozen=True)
class Best(BaseSolver, spec=BEST):
    def prepare(self, length=1):
        return BestOfTheFirst()


@pytest.mark.parametrize("cache", [None, 100])
@pytest.mark.parametrize("estimator", ["imle", "aimle", "blackbox", "perturbed"])
def test_nothing_on_the_padding_of_rows_solved_together_counts(estimator, cache):
    """As above, where row parameters say how large each row is."""
    objective = torch.tensor([[0.3, 0.1, 0.4, 0.2, 0.5], [0.3, 0.1, 0.4, 1e6, torch.inf]], requires_grad=True)
    weight = torch.tensor([[1.0, 0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 2.0, 1e3, -1e3]])
    options = {} if estimator == "blackbox" else {"nb_samples": 50, "temperature": 0.5, "noise": ROW_BY_ROW}
    layer = imle.layer(Best(), estimator=estimator, cache=cache, **options)
    out = layer(objective, length=[5, 3])
    assert not out[1, 3:].any()
    (out * weight).sum().backward()
    alone = objective.detach()[1:, :3].clone().requires_grad_()
    single = imle.layer(Best(), estimator=estimator, **options)(alone, length=[3])
    (single * weight[1:, :3]).sum().backward()
    assert alone.grad.any()
    torch.testing.assert_close(objective.grad[1, :3], alone.grad[0])
    assert not objective.grad[1, 3:].any()


class RowByRow:
    """The same draws for the n-th entry of every row, however wide rows are."""

    def sample(self, shape):
        found = [torch.randn(shape[:-1][1], generator=torch.Generator().manual_seed(n)) for n in range(shape[-1])]
        return torch.stack(found, dim=-1).expand(shape)

    def score(self, theta, eps, temperature):
        return eps / temperature


ROW_BY_ROW = RowByRow()


def test_noise_is_measured_on_what_is_no_padding():
    layer = imle.layer(Best(), nb_samples=2)
    layer(torch.tensor([[0.0, 1.0, 1e6], [0.0, 1.0, -1e6]]), length=[2, 2])
    assert layer.noise.unit.item() == pytest.approx(0.5)


def test_sizes_of_another_shape_are_told():
    class Narrow(Best):
        def prepare(self, length=1):
            prepared = BestOfTheFirst()
            prepared.row_shapes = lambda length: np.array(length)
            return prepared

    with pytest.raises(SolverContractError, match=r"row_shapes: expected sizes \[2, 1\], found shape \[2\]"):
        imle.layer(Narrow())(torch.zeros(2, 3), length=[1, 2])


@pytest.mark.parametrize("padding", [1e30, math.inf])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(
    "estimator", ["imle", "perturbed", "blackbox", *({"name": "identity", "projection": p} for p in ("mean", "both"))]
)
def test_nothing_on_the_padding_of_all_rows_counts(estimator, compiled, padding):
    """Sizes of an instance, in a graph, too: what a rule does to theta, and how noise is scaled, know of them."""
    own, weight = torch.rand(3, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0.5, -2.0, 1.0, 3.0, 9.0])
    quiet = not isinstance(estimator, str) or estimator == "blackbox"
    options = {} if quiet else {"nb_samples": 20, "noise": ROW_BY_ROW}
    gradients = []
    for width, instance in ((5, {"lengths": 3}), (3, {})):
        objective = torch.full((3, width), padding)
        objective[:, :3] = own
        objective.requires_grad_()
        layer = imle.layer("ranking", estimator=estimator, **options, **instance)
        out = (torch.compile(layer, backend="eager", fullgraph=True) if compiled else layer)(objective)
        assert not out[:, 3:].any()
        (out * weight[:width]).sum().backward()
        gradients.append(objective.grad)
    assert gradients[1].any()
    torch.testing.assert_close(gradients[0][:, :3], gradients[1])
    assert not gradients[0][:, 3:].any()


@pytest.mark.parametrize("estimator", ["imle", "identity"])
def test_losses_look_at_no_padding(estimator):
    """Neither of scores nor of true costs, whatever the rule of the layer does to scores."""
    costs, true = torch.rand(2, 2, 3, 3, generator=torch.Generator().manual_seed(1)).unbind()
    layer = imle.layer("assignment", estimator=estimator)
    loss = imle.losses.SPOPlus(layer, reduction="none")
    padded = [values.masked_fill(torch.arange(3) > 1, math.nan) for values in (costs, true)]
    given, alone = padded[0].requires_grad_(), costs[:, :, :2].clone().requires_grad_()
    found, expected = loss(given, padded[1], sizes=[(3, 2)] * 2), loss(alone, true[:, :, :2])
    torch.testing.assert_close(found, expected)
    (found.sum() + expected.sum()).backward()
    torch.testing.assert_close(given.grad[:, :, :2], alone.grad)
    assert not given.grad[:, :, 2].any()


def test_a_batch_narrower_than_an_instance_is_refused():
    with pytest.raises(ObjectiveError, match=r"expected shape \[\*batch, 5\+\], found \[2, 4\]"):
        imle.layer(EnumerationSolver())(torch.zeros(2, 4), solutions=[PAIRS, k_subsets(3, 1)])


def test_equal_arrays_share_a_prepared_solver_and_changed_ones_do_not():
    layer = imle.layer(EnumerationSolver(), noise=None)
    mine = PAIRS.copy()
    first = layer(torch.arange(5.0).repeat(2, 1), solutions=[mine, PAIRS.copy()])
    assert layer.stats.batches == 1
    mine[:] = 1 - mine  # in place: the next call must see it
    second = layer(torch.arange(5.0).repeat(2, 1), solutions=[mine, PAIRS])
    assert first.sum(dim=1).tolist() == [2.0, 2.0]
    assert second.sum(dim=1).tolist() == [3.0, 2.0]


def test_the_cache_is_bounded_and_a_batch_may_be_larger():
    layer = imle.layer(EnumerationSolver(), noise=None)
    rows = CAPACITY + 10
    instances = [np.eye(3) * (i + 1) for i in range(rows)]
    objective = torch.rand(rows, 3, requires_grad=True)
    out = layer(objective, solutions=instances)
    torch.testing.assert_close(out.amax(dim=1), torch.arange(1.0, rows + 1))
    out.sum().backward()  # every prepared solver of the batch still works
    assert len(layer._instances._kept) == CAPACITY


def test_an_object_that_changes_between_calls_is_read_again():
    graph = nx.Graph([(0, 1), (1, 2), (2, 3)])
    layer = imle.layer("networkx-shortest-path", source=0, target=3, noise=None)
    assert layer(torch.ones(1, 3), graph=[graph]).tolist() == [[1.0, 1.0, 1.0]]
    graph.remove_edge(1, 2)
    graph.add_edge(1, 3)  # as many nodes and edges as before: (0, 1), (1, 3), (2, 3)
    assert layer(torch.ones(1, 3), graph=[graph]).tolist() == [[1.0, 1.0, 0.0]]


def test_row_parameters_are_solved_together():
    layer = imle.layer("topk", nb_samples=5)
    out = layer(torch.randn(2, 3, 6), k=[0, 1, 2, 3, 4, 6])
    torch.testing.assert_close(out.sum(dim=-1).flatten(), torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0, 6.0]))
    assert layer.stats.batches == 1
    out = layer(torch.randn(3, 6), k=torch.tensor([1, 2, 3]))
    torch.testing.assert_close(out.sum(dim=-1), torch.tensor([1.0, 2.0, 3.0]))


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ({"k": [1, 2]}, InstanceError, "topk: k: expected one value per row, 3 in all, found 2"),
        (
            {"k": 2},
            InstanceError,
            "topk: k: expected a sequence with one value per row, found int\n"
            "  hint: a value for all rows goes to imle.layer(..., k=...)",
        ),
        ({"k": [1, 2, "x"]}, OptionError, "topk: k: expected int, found 'x' (str)"),
        ({"n": [1, 2, 3]}, OptionError, "topk: unknown option 'n'\n  hint: valid names: k"),
        ({"k": [1, 2, 9]}, InstanceError, "topk: k: expected 0 <= k <= 6, the number of scores, found 9 (row 2)"),
        ({"k": [1, -2, 3]}, InstanceError, "topk: k: expected an int >= 0, found -2 (row 1)"),
        (
            {},
            InstanceError,
            "topk: k missing\n  hint: give k=... to imle.layer for all rows, or to the call, one per row",
        ),
    ],
)
def test_bad_row_parameters(rows, error, message):
    with pytest.raises(error) as caught:
        imle.layer("topk")(torch.randn(3, 6), **rows)
    assert str(caught.value) == message


def test_the_row_of_an_error_is_the_users_also_with_samples():
    layer = imle.layer("topk", nb_samples=4)
    with pytest.raises(InstanceError, match=r"found 9 \(row \(1, 0\), sample 0\)"):
        layer(torch.randn(2, 2, 6), k=[1, 2, 9, 3])


def test_a_missing_instance_is_named():
    with pytest.raises(InstanceError) as caught:
        imle.layer(EnumerationSolver())(torch.zeros(2, 5))
    assert str(caught.value) == (
        "enumeration-solver: instance parameter solutions missing\n"
        "  hint: give it to imle.layer(...) for all rows, or to the call, one per row"
    )


def test_an_option_is_not_a_row_parameter():
    with pytest.raises(OptionError, match="'sense' is an option, the same for all rows"):
        imle.layer("support.solvers:EnumerationSolver")(torch.zeros(2, 5), sense=["max", "min"])


def test_an_empty_batch_of_instances_of_its_own():
    objective = torch.zeros(0, 5, requires_grad=True)
    out = imle.layer(EnumerationSolver(), nb_samples=2)(objective, solutions=[])
    assert out.shape == (0, 5)
    out.sum().backward()
    assert objective.grad.shape == (0, 5)


def test_a_bad_instance_is_an_error_at_once():
    with pytest.raises(InstanceError, match=r"expected \[M, n\], found \[5\]"):
        imle.layer(EnumerationSolver(), solutions=np.zeros(5))


def requiring_gradients():
    wanted = torch.tensor([1.0], requires_grad=True)
    return {
        "a tensor": wanted * 2,
        "a parameter": torch.nn.Parameter(torch.ones(1)),
        "in a list": [wanted],
        "nested": [([1.0, wanted],), 3.0],
        "in a mapping": {"a": [wanted]},
    }


@pytest.mark.parametrize("kind", requiring_gradients())
def test_a_parameter_that_requires_a_gradient_is_refused(kind):
    value = requiring_gradients()[kind]
    message = (
        "enumeration-solver: solutions: expected constants, found a tensor that requires a gradient: a layer has "
        "gradients for its objective only\n  hint: solutions.detach() says that none is wanted"
    )
    with pytest.raises(InstanceError) as caught:
        imle.layer(EnumerationSolver(), solutions=value)
    assert str(caught.value) == message
    with pytest.raises(InstanceError) as caught:
        imle.layer(EnumerationSolver())(torch.zeros(1, 5), solutions=[value])
    assert str(caught.value) == message


def test_a_detached_parameter_is_taken():
    weights = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    values = torch.tensor([[1.0, 3.0]], requires_grad=True)
    with pytest.raises(InstanceError, match="weights: expected constants"):
        imle.layer("knapsack", weights=weights, capacity=[2.0])
    layer = imle.layer("knapsack", weights=weights.detach(), capacity=[2.0], noise=None)
    layer(values)[0, 0].backward()
    assert values.grad is not None
    capacity = torch.tensor([2.0], requires_grad=True)
    with pytest.raises(InstanceError, match="capacity: expected constants"):
        layer(values, capacity=capacity)
    assert layer(values, capacity=capacity.detach()).tolist() == [[0.0, 1.0]]
    with torch.no_grad():
        assert layer(values, capacity=capacity).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("solver", ["highs-ilp", "ortools-ilp", "scipy-milp"])
@pytest.mark.parametrize("vector", [[1.0, 1.0, 1.0], np.ones(3), torch.ones(3), [torch.tensor(1.0)] * 3])
def test_one_vector_at_a_call_is_told_from_one_per_row(solver, vector):
    layer = imle.layer(solver, A_eq=[[1, 0, 0], [0, 1, 0], [0, 0, 1]], b_eq=[0, 0, 0], bounds=(0, 1), noise=None)
    with pytest.raises(InstanceError) as caught:
        layer(torch.zeros(3, 3), b_eq=vector)
    assert str(caught.value) == (
        f"{solver}: b_eq: expected one vector for each row of the batch, found a number (row 0)\n"
        "  hint: one vector for all rows goes to imle.layer(..., b_eq=...), or to the call as [vector] * B"
    )
    assert layer(torch.zeros(3, 3), b_eq=[[1.0, 1.0, 1.0]] * 3).sum() == 9


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64])
def test_rows_of_arrays_are_one_array_that_later_changes_do_not_reach(dtype):
    cache = imle.layer("highs-lp", A_ub=[[1.0, 1.0]], bounds=(0, 1))._instances
    given = torch.tensor([[1], [2], [3]], dtype=dtype)
    (group,) = cache.groups({"b_ub": given})
    given.zero_()
    column = group.values["b_ub"]
    assert isinstance(column, np.ndarray)
    assert column.tolist() == [[1], [2], [3]]
    assert group.per_sample(2)["b_ub"].tolist() == [[1], [1], [2], [2], [3], [3]]
    assert group.tile(2, 3).values["b_ub"].tolist() == [[1], [2], [3], [1], [2], [3]]
    assert group.between(1, 3).values["b_ub"].tolist() == [[2], [3]]
    assert group.without([False, True, False]).values["b_ub"].tolist() == [[1], [3]]
    assert group.only(2).values["b_ub"].tolist() == [[3]]


@pytest.mark.parametrize(
    ("values", "accepted"),
    [
        (np.arange(3), True),
        (np.array([1.0, 2.0]), False),
        (np.array([True, False]), False),
        (np.array([1, 2, 10]), False),
        (np.array([], np.int64), True),
        (np.array([[1, 2], [3, 4]]), False),
        (np.array(["1", "2"]), False),
    ],
)
def test_an_array_is_accepted_as_its_numbers_are_one_by_one(values, accepted):
    parameter = imle.Parameter("k", "int", minimum=0, maximum=9)
    assert accepts_all(parameter, values) is accepted

    def each():
        for value in values:
            check_value("solver", parameter, value, wrong=InstanceError)

    if not accepted and values.ndim == 1:
        with pytest.raises(ImleError):
            each()
    elif accepted:
        each()


def test_no_array_with_nan_is_accepted_where_numbers_are_limited():
    assert not accepts_all(imle.Parameter("capacity", "number or [m]", minimum=0), np.array([1.0, np.nan]))
    assert not accepts_all(imle.Parameter("capacity", "float", finite=True), np.array([1.0, np.inf]))
    assert accepts_all(imle.Parameter("capacity", "float"), np.array([1.0, np.inf]))
    assert not accepts_all(imle.Parameter("b_ub", "vector | None"), np.array([1.0, 2.0]))
