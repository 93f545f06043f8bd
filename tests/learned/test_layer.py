"""Layers with learned instance parameters: which instances are solved, what failures do, what is refused."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError, SecondDerivativeError, SolveError
from imle.estimators import IMLE
from imle.losses import SPOPlus
from imle.noise import GaussianNoiseDistribution, SumOfGammaNoiseDistribution
from support.programs import BoxProgramSolver
from support.solvers import EnumerationSolver

WEIGHTS = np.array([[2.0, 3.0, 4.0, 5.0], [1.0, 4.0, 2.0, 3.0]])
SETS = torch.tensor([[i >> j & 1 for j in range(4)] for i in range(16)], dtype=torch.float64)


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def best(values, capacities):
    """Knapsacks by enumeration: `[*, 4]` values and `[*, 2]` capacities to `[*, 4]` sets; none for negative ones."""
    loads = SETS @ torch.from_numpy(WEIGHTS.T)
    fits = (loads <= capacities.unsqueeze(-2)).all(dim=-1)
    return SETS[torch.where(fits, values @ SETS.T, -torch.inf).argmax(dim=-1)]


def knapsack(**options):
    options = {"learned": {"capacity": 0.3}, "noise": None, "nb_samples": 5} | options
    return imle.layer("knapsack", weights=WEIGHTS, generator=torch.Generator().manual_seed(3), **options)


def batch(rows=4, seed=1):
    values = draw(rows, 4, seed=seed).abs().requires_grad_()
    return values, (5 + draw(rows, 2, seed=seed + 1)).requires_grad_()


def draws(layer, name):
    """What a layer with resample=False has drawn, `[1, S, *shape]`."""
    return next(eps for (known, *_), eps in layer._fixed.items() if known == name)


@pytest.mark.parametrize("output", ["mean", "samples"])
@pytest.mark.parametrize("noisy", [False, True])
def test_every_sample_has_an_instance_of_its_own_forward_and_backward(output, noisy):
    """I-MLE by hand, from the draws: the same capacity and the same noise on values in both solves of a sample."""
    noise = {"noise": GaussianNoiseDistribution(), "temperature": 0.5} if noisy else {}
    rule = IMLE(0.7, scale=True)
    layer = knapsack(estimator=rule, resample=False, output=output, **noise)
    values, capacity = batch()
    out = layer(values, capacity=capacity)
    weight = draw(4, 4, seed=9)
    (out * (weight if output == "mean" else weight.unsqueeze(1) / 5)).sum().backward()
    eps, put = draws(layer, "capacity"), 0.5 * draws(layer, "") if noisy else 0.0
    with torch.no_grad():
        rooms = capacity.unsqueeze(1) * torch.exp(0.3 * eps - 0.045)
        z = best(values.unsqueeze(1) + put, rooms)
        target = best(values.unsqueeze(1) + put - 0.7 * weight.unsqueeze(1), rooms)
        torch.testing.assert_close(out, z.mean(dim=1) if output == "mean" else z)
        torch.testing.assert_close(values.grad, (z - target).mean(dim=1) / 0.7)
        others = (z.sum(dim=1, keepdim=True) - z) / 4
        worth = ((z - others) * weight.unsqueeze(1)).sum(dim=2, keepdim=True)
        torch.testing.assert_close(capacity.grad, (worth * eps / (0.3 * capacity.unsqueeze(1))).mean(dim=1))


@pytest.mark.parametrize("estimator", ["blackbox", "identity", "imle", "aimle", "straight-through"])
@pytest.mark.parametrize("output", ["mean", "samples"])
def test_without_noise_on_the_objective_samples_still_differ(estimator, output):
    layer = knapsack(estimator=estimator, output=output)
    values, capacity = batch()
    out = layer(values, capacity=capacity)
    assert out.shape == ((4, 5, 4) if output == "samples" else (4, 4))
    (out * draw(*out.shape, seed=2)).sum().backward()
    assert values.grad.abs().sum() > 0
    assert capacity.grad.abs().sum() > 0
    assert layer.stats.batches == (1 if estimator in ("identity", "straight-through") else 2)


def test_thousands_of_samples_in_one_call():
    layer = knapsack(nb_samples=10)
    values, capacity = batch(400)
    layer(values, capacity=capacity).sum().backward()
    assert layer.stats.solves == 2 * layer.stats.batches * 2000 == 8000


@pytest.mark.parametrize("seed", range(20))
def test_tiny_noise_gives_the_solution_itself(seed):
    values, capacity = batch(50, seed=10 + seed)
    tiny = knapsack(learned={"capacity": 1e-12}, nb_samples=2)
    torch.testing.assert_close(tiny(values, capacity=capacity), best(values, capacity))
    torch.testing.assert_close(tiny.eval()(values, capacity=capacity), best(values, capacity))


def test_one_for_all_rows_and_one_per_row():
    """A shared tensor has the sum of the gradients of rows, from the same draws; batches may have any dimensions."""
    objective = draw(6, 3)
    shared = torch.tensor([5.0, 4.0], dtype=torch.float64, requires_grad=True)
    own = shared.detach().expand(2, 3, 2).clone().requires_grad_()
    for b, given in ((shared, objective), (own, objective.reshape(2, 3, 3))):
        layer = imle.layer(
            BoxProgramSolver(), A=[[1, 2, 0], [0, 1, 2]], learned={"b": 0.5}, noise=None, nb_samples=5,
            generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        out = layer(given, b=b)
        out.square().sum().backward()
    assert out.shape == (2, 3, 3)
    assert own.grad.abs().sum() > 0
    torch.testing.assert_close(shared.grad, own.grad.sum(dim=(0, 1)))
    torch.testing.assert_close(layer.eval()(objective[:2], b=shared), layer(objective[:2], b=shared.expand(2, 2)))


def test_a_row_without_batch_dimensions():
    values, capacity = batch(1)
    one, same = values.detach()[0], capacity.detach()[0].requires_grad_()
    out = knapsack()(one, capacity=same)
    assert out.shape == (4,)
    out.sum().backward()
    many = capacity.detach().requires_grad_()
    knapsack()(values.detach(), capacity=many).sum().backward()
    torch.testing.assert_close(same.grad, many.grad[0])


def test_sizes_that_are_equal_by_chance_decide_nothing():
    """Two capacities and a batch of two rows: `[2]` are two rows with one number each; `[3]` fits nothing."""
    values, _ = batch(2)
    layer = knapsack(learned={"capacity": 1e-9})
    given = torch.tensor([9.5, 3.5], dtype=torch.float64)
    by_row = layer(values, capacity=given.unsqueeze(1).expand(2, 2))
    torch.testing.assert_close(layer(values, capacity=given), by_row)
    torch.testing.assert_close(layer(values, capacity=given.expand(2, 2)), best(values, given))
    with pytest.raises(InstanceError) as caught:
        layer(values, capacity=torch.ones(3))
    assert str(caught.value) == (
        "knapsack: capacity: expected number or [m] for every row, [2, ...] in all, or one for all rows, found shape "
        "[3]\n  hint: capacity.expand(2, -1) gives all rows the same"
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_gradients_have_the_dtype_of_what_was_given(dtype):
    values, capacity = (tensor.detach().to(dtype).requires_grad_() for tensor in batch())
    out = knapsack()(values.detach().float(), capacity=capacity)
    assert out.dtype == torch.float32
    out.sum().backward()
    assert capacity.grad.dtype == dtype
    other = knapsack()(values, capacity=capacity.detach().double())
    assert other.dtype == dtype


def test_eval_solves_at_the_parameter_and_has_no_gradient_for_it():
    values, capacity = batch()
    layer = knapsack(output="samples").eval()
    out = layer(values, capacity=capacity)
    assert out.shape == (4, 1, 4)
    torch.testing.assert_close(out[:, 0], best(values, capacity))
    torch.autograd.grad(out.sum(), values, retain_graph=True)  # asks for no gradient of the capacity
    message = (
        "learned: a gradient for capacity was asked for of a forward pass without noise: it is that of the noise's "
        'density\n  hint: call layer.train(), with output="mean" or "samples"; capacity.detach() says that none is '
        "wanted"
    )
    for value in (out.sum(), layer.expected_loss(values, lambda z: z.sum(dim=-1), capacity=capacity).sum()):
        with pytest.raises(OptionError) as caught:
            value.backward()
        assert str(caught.value) == message
    assert not layer(values.detach(), capacity=capacity.detach()).requires_grad
    with torch.no_grad():
        assert torch.equal(layer(values, capacity=capacity), out)


def test_failed_samples_leave_the_mean_and_the_gradient():
    layer = knapsack(learned={"capacity": ("gaussian", 3.0)}, resample=False, on_failure="zero-grad", nb_samples=8)
    values, capacity = batch()
    out = layer(values, capacity=capacity)
    weight = draw(4, 4, seed=9)
    (out * weight).sum().backward()
    eps = draws(layer, "capacity")
    with torch.no_grad():
        rooms = capacity.unsqueeze(1) + 3 * eps
        valid = (rooms >= 0).all(dim=2)
        assert valid.any()
        assert not valid.all()
        failed = {(failure.row, failure.sample) for failure in layer.failures if failure.phase == "forward"}
        assert failed == {tuple(cell) for cell in (~valid).nonzero().tolist()}
        z = best(values.unsqueeze(1), rooms) * valid.unsqueeze(2)
        count = valid.sum(dim=1, keepdim=True)
        torch.testing.assert_close(out, z.sum(dim=1) / count)
        others = (z.sum(dim=1, keepdim=True) - z) / (count - 1).clamp(min=1).unsqueeze(2)
        worth = ((z - others) * weight.unsqueeze(1)).sum(dim=2) * valid
        score = worth.unsqueeze(2) * eps / 3
        torch.testing.assert_close(capacity.grad, score.sum(dim=1) / count)


def test_failed_samples_of_output_samples_and_of_losses():
    def gradient(output, run):
        layer = knapsack(learned={"capacity": ("gaussian", 3.0)}, output=output, on_failure="zero-grad", nb_samples=8)
        values, capacity = batch()
        run(layer, values.detach(), capacity).sum().backward()
        return layer, capacity.grad

    weight = draw(4, 4, seed=9)
    _, mean = gradient("mean", lambda layer, v, k: layer(v, capacity=k) * weight)
    _, loss = gradient(
        "mean", lambda layer, v, k: layer.expected_loss(v, lambda z: (z * weight[:, None]).sum(-1), capacity=k)
    )
    torch.testing.assert_close(mean, loss)

    def over_solved(layer, v, k):
        out = layer(v, capacity=k)
        solved = torch.ones(4, 8)
        solved[[f.row for f in layer.failures], [f.sample for f in layer.failures]] = 0
        return (out * weight.unsqueeze(1)).sum(dim=2).sum(dim=1) / solved.sum(dim=1)

    torch.testing.assert_close(gradient("samples", over_solved)[1], mean)


def test_the_error_of_failed_samples_names_row_sample_and_noise():
    layer = knapsack(learned={"capacity": ("gaussian", 3.0)}, resample=False)
    values, capacity = batch()
    with pytest.raises(SolveError) as caught:
        layer(values, capacity=capacity)
    bad = (capacity.unsqueeze(1) + 3 * draws(layer, "capacity") < 0).nonzero()
    row, sample, place = bad[0].tolist()
    assert f"of 20 forward solves failed\n  row {row}, sample {sample}: infeasible: capacity -" in str(caught.value)
    assert f"at [{place}] is negative" in str(caught.value)
    assert str(caught.value).endswith(
        "hint: noise on capacity may have done it: take a smaller sigma, or on_failure='zero-grad', which leaves such "
        "samples out, or gives them the penalty= of layer.expected_loss"
    )


def test_instances_that_the_solver_refuses_are_failures_of_their_samples():
    options = {"b": [4.0], "learned": {"A": 1.0}, "noise": None, "nb_samples": 6, "resample": False}
    objective = torch.ones(3, 2, dtype=torch.float64)
    matrix = torch.full((3, 1, 2), 0.8, dtype=torch.float64, requires_grad=True)
    layer = imle.layer(BoxProgramSolver(), generator=torch.Generator().manual_seed(5), **options)
    with pytest.raises(InstanceError, match=r"found -0.* \(row 0, sample \d\)\n  hint: noise on A may have done it"):
        layer(objective, A=matrix)
    layer.on_failure = "zero-grad"
    layer(objective, A=matrix).sum().backward()
    bad = ((0.8 + draws(layer, "A")).flatten(2) < 0).any(dim=2)[0].nonzero().flatten().tolist()
    failed = [(f.row, f.sample) for f in layer.failures if f.phase == "forward"]
    assert sorted(failed) == [(row, sample) for row in range(3) for sample in bad]
    assert "expected no negative entries" in layer.failures[0].message
    assert matrix.grad.abs().sum() > 0


def test_stand_ins_of_an_earlier_solution():
    """There is none: no two samples have the same instance."""
    layer = knapsack(learned={"capacity": ("gaussian", 3.0)}, on_failure="last")
    values, capacity = batch()
    with pytest.raises(SolveError, match="noise on capacity"):
        layer(values, capacity=capacity)


def test_instances_of_rows_beside_learned_parameters():
    """Matrices that differ by row, right sides with noise, and objectives that are padded to the widest."""
    wide, narrow = np.array([[1.0, 2.0, 1.0]]), np.array([[1.0, 1.0]])
    layer = imle.layer(
        BoxProgramSolver(), learned={"b": 1e-9}, noise=None, nb_samples=3, generator=torch.Generator().manual_seed(0)
    )
    objective = torch.tensor([[1.0, 5.0, 2.0], [2.0, 1.0, 9.0], [1.0, 2.0, 9.0]], requires_grad=True)
    b = torch.tensor([[4.0], [5.0], [3.0]], requires_grad=True)
    found = layer(objective, A=[wide, narrow, narrow], b=b + 0.5)
    assert found.tolist() == [[0.0, 2.0, 0.0], [3.0, 2.0, 0.0], [0.0, 3.0, 0.0]]
    assert layer.stats.batches == 2
    found.sum().backward()
    assert objective.grad[1:, 2].tolist() == [0.0, 0.0]
    with pytest.raises(InstanceError, match="A: expected one value per row, 3 in all, found 2"):
        layer(objective, A=[wide, narrow], b=b)


def test_matrices_of_a_linear_solver():
    """What an engine reads once is read once for every sample."""
    layer = imle.layer("highs-ilp", b_ub=[4.0], bounds=(0, 3), learned={"A_ub": 1e-7}, noise=None, nb_samples=2)
    objective = torch.tensor([[-1.0, -3.0], [-3.0, -1.0]], requires_grad=True)
    matrix = torch.tensor([[[1.0, 1.99]], [[1.99, 1.0]]], requires_grad=True)
    found = layer(objective, A_ub=matrix)
    torch.testing.assert_close(found.detach(), torch.tensor([[0.0, 2.0], [2.0, 0.0]]))
    found.sum().backward()
    assert matrix.grad.isfinite().all()
    assert layer.missing == ["A_ub"]


def test_noise_anneals():
    layer = knapsack(resample=False)
    values, capacity = batch()
    layer.learned["capacity"].sigma = 0.1
    (layer(values, capacity=capacity) * draw(4, 4, seed=9)).sum().backward()
    rooms = capacity.unsqueeze(1) * torch.exp(0.1 * draws(layer, "capacity") - 0.005)
    torch.testing.assert_close(layer(values, capacity=capacity), best(values.unsqueeze(1), rooms).mean(dim=1))


def test_a_gradient_of_a_gradient_is_refused():
    values, capacity = batch()
    out = knapsack()(values.detach(), capacity=capacity)
    (slope,) = torch.autograd.grad((out * capacity.sum()).sum(), capacity, create_graph=True)
    with pytest.raises(SecondDerivativeError):
        slope.sum().backward()


def test_copies_and_pickles_keep_what_is_learned():
    layer = knapsack(learned={"capacity": ("logistic", 0.25)})
    layer.learned["capacity"].sigma = 0.125
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        own = other.learned["capacity"]
        assert (type(own.noise).__name__, own.sigma) == ("LogisticNoiseDistribution", 0.125)
        other.generator = torch.Generator().manual_seed(1)
        layer.generator = torch.Generator().manual_seed(1)
        values, capacity = batch()
        assert torch.equal(other(values, capacity=capacity), layer(values, capacity=capacity))


def test_losses_take_constants():
    values, capacity = batch()
    loss = SPOPlus(knapsack())
    truth = draw(4, 4, seed=5).abs()
    with pytest.raises(InstanceError) as caught:
        loss(values, truth, capacity=capacity)
    assert str(caught.value) == (
        "knapsack: capacity: expected constants, found a tensor that requires a gradient: losses of layers have "
        "gradients for the objective only\n  hint: layer(...) and layer.expected_loss(...) have one for capacity; "
        "capacity.detach() says that none is wanted"
    )
    plain = imle.layer("knapsack", weights=WEIGHTS)
    given = capacity.detach()
    torch.testing.assert_close(loss(values, truth, capacity=given), SPOPlus(plain)(values, truth, capacity=given))


@pytest.mark.parametrize(
    ("learned", "message"),
    [
        ({"capacty": 0.1}, "knapsack: unknown option 'capacty'; did you mean 'capacity'? in learned="),
        ({"node_limit": 0.1}, "knapsack: learned: 'node_limit' is an option, the same for all rows"),
        ({"capacity": 0.0}, "knapsack: learned: capacity: sigma: expected a number > 0, found 0.0"),
        ({"capacity": -1}, "knapsack: learned: capacity: sigma: expected a number > 0, found -1"),
        ({"capacity": float("nan")}, "sigma: expected a number > 0, found nan"),
        ({"capacity": "gaussian"}, "expected a number or (noise, sigma), found 'gaussian'"),
        ({"capacity": GaussianNoiseDistribution()}, "expected a number or (noise, sigma), found GaussianNoise"),
        ({"capacity": ("gaussian", 0)}, "sigma: expected a number > 0, found 0"),
        ({"capacity": ("gausian", 1)}, "unknown noise 'gausian'; did you mean 'gaussian'?"),
        ({"capacity": (SumOfGammaNoiseDistribution(k=2), 1)}, "has no density in closed form"),
        ({"capacity": (imle.noise.RelativeNoiseDistribution(), 1)}, "expected noise of a scale of its own"),
        ({"capacity": (3, 1)}, "learned: capacity: expected a name or a noise distribution, found int"),
        (
            "capacity",
            "learned: expected a mapping of instance parameters to the scale of their noise, found 'capacity'",
        ),
    ],
)
def test_bad_settings(learned, message):
    with pytest.raises(OptionError) as caught:
        knapsack(learned=learned)
    assert message in str(caught.value)


def test_what_cannot_be_learned():
    with pytest.raises(OptionError) as caught:
        imle.layer("topk", learned={"k": 0.5})
    assert str(caught.value) == (
        "topk: learned: k: expected a parameter of real numbers, found int: integers cannot take noise\n"
        "  hint: no instance parameter of topk can be learned"
    )
    with pytest.raises(OptionError) as caught:
        imle.layer(EnumerationSolver, learned={"solutions": 0.5})
    assert str(caught.value).endswith(
        "hint: no instance parameter of enumeration-solver can be learned, by its spec: imle.plugins.Parameter(..., "
        "learned='real')"
    )
    with pytest.raises(OptionError, match="highs-ilp can learn A_ub, b_ub, A_eq, b_eq, bounds"):
        imle.layer("highs-ilp", learned={"model": 0.5})
    with pytest.raises(OptionError, match="allowed: expected a parameter of real numbers, found mask"):
        imle.layer("assignment", learned={"allowed": 0.5})
    with pytest.raises(OptionError) as caught:
        knapsack(capacity=[1.0, 2.0])
    assert str(caught.value) == (
        "knapsack: learned: capacity: expected a tensor in every call, found capacity= for all rows\n"
        "  hint: leave it out here: layer(objective, capacity=...) takes one for all rows, too"
    )
    with pytest.raises(OptionError, match="learned: capacity: expected output='mean' or 'samples', found 'map'"):
        knapsack(output="map", nb_samples=1)
    with pytest.raises(OptionError, match="pool: it answers rows with solutions of the same instance"):
        knapsack(pool=0.5)
    with pytest.raises(OptionError, match="antithetic: expected noise and an even nb_samples"):
        knapsack(antithetic=True)


def test_bad_calls():
    layer = knapsack()
    values, capacity = batch()
    with pytest.raises(InstanceError) as caught:
        layer(values)
    assert str(caught.value) == (
        "knapsack: expected a tensor for capacity, as learned= says, found none\n  hint: layer(objective, capacity=...)"
    )
    for given, found in (([1.0] * 4, "list"), (torch.ones(4, dtype=torch.int64), "torch.int64, torch.strided")):
        with pytest.raises(InstanceError, match=re.escape(f"as learned= says, found {found}")):
            layer(values, capacity=given)
    with pytest.raises(InstanceError, match=r"capacity: expected number or .* found shape \[3, 2\]"):
        layer(values, capacity=capacity[:3])
    broken = capacity.detach().clone()
    broken[2, 1] = torch.nan
    with pytest.raises(InstanceError, match="capacity: found nan in row 2\n  hint: check the network's output"):
        layer(values, capacity=broken)
    with pytest.raises(ObjectiveError, match=r"objective: expected shape \[\*batch, 4\+?\], found \[4, 3\]"):
        layer(values[:, :3], capacity=capacity)
    with torch.no_grad():
        values[1, 2] = torch.inf
    with pytest.raises(ObjectiveError, match="objective: found inf in row 1, position 2"):
        layer(values, capacity=capacity)


def test_a_tensor_that_requires_a_gradient_is_refused_where_nothing_is_learned():
    values, capacity = batch()
    with pytest.raises(InstanceError) as caught:
        imle.layer("knapsack", weights=WEIGHTS)(values, capacity=capacity)
    assert str(caught.value) == (
        "knapsack: capacity: expected constants, found a tensor that requires a gradient: a layer has gradients for "
        "its objective and what learned= names only\n  hint: imle.layer(..., learned={'capacity': sigma}) has one, by "
        "noise on it; capacity.detach() says that none is wanted"
    )


def test_penalties_are_numbers():
    values, capacity = batch()
    for penalty in ("5", float("nan"), True):
        with pytest.raises(OptionError, match="expected_loss: penalty: expected a finite number or None, found"):
            knapsack().expected_loss(values, lambda z: z.sum(dim=-1), penalty=penalty, capacity=capacity)


def test_infinite_bounds_stay_and_have_no_gradient():
    layer = imle.layer(
        "highs-lp", A_ub=[[-1.0, -1.0]], learned={"b_ub": 0.3, "bounds": 0.1}, noise=None, nb_samples=3,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    costs = torch.tensor([[2.0, 1.0], [2.0, 1.0]])
    b = torch.tensor([[-4.0], [-4.0]], requires_grad=True)
    bounds = torch.tensor([[0.0, torch.inf], [0.0, 3.0]], requires_grad=True)
    out = layer(costs, b_ub=b, bounds=bounds)
    loss = layer.expected_loss(costs, lambda z: z.square().sum(dim=-1), b_ub=b, bounds=bounds)
    for value in (out.square(), loss):
        (slope,) = torch.autograd.grad(value.sum(), bounds)
        assert slope[1, 1].item() != 0
        assert slope.count_nonzero() == 1
    assert loss.isfinite().all()


def test_an_empty_batch():
    matrix = torch.zeros(0, 1, 2, requires_grad=True)
    layer = imle.layer(BoxProgramSolver(), b=[4.0], learned={"A": 0.3}, noise=None, nb_samples=3)
    assert layer(torch.zeros(0, 2), A=matrix).shape == (0, 2)
    layer = knapsack()
    capacity = torch.zeros(0, 2, requires_grad=True)
    out = layer(torch.zeros(0, 4), capacity=capacity)
    assert out.shape == (0, 4)
    out.sum().backward()
    assert capacity.grad.shape == (0, 2)
