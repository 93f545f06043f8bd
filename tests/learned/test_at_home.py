"""Learned instance parameters at home in torch, and beside the other options of layers: they work, or say why not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch.utils.checkpoint import checkpoint

import imle
from imle.errors import InstanceError, OptionError
from support.programs import BoxProgramSolver

WEIGHTS = [[2.0, 3.0, 4.0, 5.0]]


def knapsack(**options):
    options = {"learned": {"capacity": 0.3}, "nb_samples": 4, "noise": "gaussian", "temperature": 0.5} | options
    return imle.layer("knapsack", weights=WEIGHTS, **options)


def batch(rows=6):
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(rows, 4, generator=generator, requires_grad=True)
    capacity = 4 + 4 * torch.rand(rows, generator=generator)
    return values, capacity.requires_grad_()


def gradients(run, rows=6):
    values, capacity = batch(rows)
    torch.manual_seed(1)
    out = run(values, capacity)
    (out * torch.arange(1.0, 5.0)).sum().backward()
    return out.detach(), values.grad, capacity.grad


def assert_same(run, other, rows=6):
    for one, two in zip(gradients(run, rows), gradients(other, rows), strict=True):
        assert torch.equal(one, two)
        assert one.abs().sum() > 0


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing_draws_the_same_instances_again(reentrant):
    layer = knapsack()
    assert_same(
        lambda c, k: layer(c, capacity=k),
        lambda c, k: checkpoint(lambda c, k: layer(c, capacity=k), c, k, use_reentrant=reentrant),
    )


def test_checkpointing_refuses_a_generator_of_the_users():
    layer = knapsack(noise=None, generator=torch.Generator())
    values, capacity = batch()
    out = checkpoint(lambda c, k: layer(c, capacity=k).square(), values, capacity, use_reentrant=False)
    with pytest.raises(OptionError, match="generator: the forward pass is run again"):
        out.sum().backward()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")  # torch's own
def test_compiled_graphs_leave_them_out():
    layer = knapsack()

    def model(values, capacity):
        return layer(values * 2, capacity=capacity * 1.5) * 3

    assert_same(model, torch.compile(model, backend="aot_eager"))
    torch._dynamo.reset()
    with pytest.raises(Exception, match="instances per row are Python objects"):
        torch.compile(model, fullgraph=True, backend="aot_eager")(*batch())


@pytest.mark.slow
def test_what_torch_export_says():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = knapsack()

        def forward(self, values, capacity):
            return self.layer(values, capacity=capacity)

    values, capacity = (tensor.detach() for tensor in batch())
    with pytest.raises(
        OptionError, match=r"torch\.export: knapsack: expected one instance for all rows.*capacity in the"
    ):
        torch.export.export(Model(), (values, capacity))


def test_transforms_of_torch_func_are_refused_where_noise_is_drawn():
    values, capacity = (tensor.detach() for tensor in batch())
    layer = knapsack()
    with pytest.raises(OptionError, match="learned: noise on capacity is not drawn inside of transforms"):
        torch.func.vmap(lambda c: layer(c, capacity=capacity))(values.expand(2, 6, 4))
    with pytest.raises(InstanceError, match="capacity: expected a plain tensor, found one inside of a transform"):
        torch.func.grad(lambda k: layer(values, capacity=k).sum())(capacity)
    layer.eval()
    twice = torch.func.vmap(lambda c: layer(c, capacity=capacity))(values.expand(2, 6, 4))
    assert torch.equal(twice, layer(values, capacity=capacity).expand(2, 6, 4))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")  # torch's own
def test_forward_mode_is_refused():
    values, capacity = (tensor.detach() for tensor in batch())
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(capacity, torch.ones(6))
        with pytest.raises(imle.errors.ForwardModeError):
            knapsack()(values, capacity=dual.requires_grad_())


@pytest.mark.parametrize("options", [{}, {"antithetic": True}, {"noise": None}, {"estimator": "perturbed"}])
def test_a_memory_limit_changes_no_bit(options):
    limited = knapsack(**options, memory_limit=1.0)
    assert_same(
        lambda c, k: knapsack(**options)(c, capacity=k), lambda c, k: limited(c, capacity=k), rows=2000
    )  # fmt: skip
    assert limited.stats.batches > 2, "it was solved in parts"


def test_parts_name_rows_of_the_batch():
    layer = knapsack(learned={"capacity": ("gaussian", 0.5)}, on_failure="zero-grad", memory_limit=1.0, nb_samples=2)
    values, capacity = (tensor.detach() for tensor in batch(3000))
    capacity[[17, 2950]] = -100.0
    layer(values, capacity=capacity)
    assert sorted((f.row, f.sample) for f in layer.failures) == [(17, 0), (17, 1), (2950, 0), (2950, 1)]
    assert layer.stats.batches > 1


def test_caches_and_threads_change_nothing():
    for options in ({"cache": 100}, {"executor": 2}, {"executor": ThreadPoolExecutor(2)}):
        other = knapsack(**options)
        assert_same(lambda c, k: knapsack()(c, capacity=k), lambda c, k, layer=other: layer(c, capacity=k), rows=64)


def test_worker_processes_and_instances_of_single_samples():
    """Every sample with a matrix of its own, which goes to the worker that solves it."""
    objective = torch.tensor([[1.0, 3.0], [3.0, 1.0]], dtype=torch.float64)
    matrix = torch.full((2, 1, 2), 1.2, dtype=torch.float64)
    found = []
    for executor in (None, imle.execution.Processes(1)):
        layer = imle.layer(
            BoxProgramSolver(), b=[4.0], learned={"A": 0.3}, noise=None, nb_samples=3, output="samples",
            generator=torch.Generator().manual_seed(0), executor=executor,
        )  # fmt: skip
        found.append(layer(objective, A=matrix))
        layer.close()
    assert torch.equal(*found)


@pytest.mark.parametrize("rule", ["perturbed", "score-function", "imle"])
def test_one_generator_and_seed_for_everything_that_is_drawn(rule):
    def run():
        layer = knapsack(estimator=rule, generator=torch.Generator().manual_seed(4))
        values, capacity = batch()
        layer.expected_loss(values, lambda z: z.square().sum(dim=-1), capacity=capacity).sum().backward()
        return values.grad, capacity.grad

    for one, other in zip(run(), run(), strict=True):
        assert torch.equal(one, other)


def test_draws_that_are_kept_serve_all_calls():
    layer = knapsack(resample=False)
    values, capacity = batch()
    first = layer(values, capacity=capacity)
    assert torch.equal(layer(values[2:], capacity=capacity[2:]), first[2:])
    layer.redraw()
    assert not torch.equal(layer(values, capacity=capacity), first)


def test_training_learns_a_capacity():
    """Solutions at a known capacity, a wrong one to begin with: the distance of solutions leads back to it."""
    torch.manual_seed(0)
    values = torch.rand(64, 4)
    truth = knapsack(learned={"capacity": 1e-9}, noise=None)(values, capacity=torch.full((64,), 7.3))
    layer = knapsack(noise=None, nb_samples=16, learned={"capacity": 0.15})
    capacity = torch.nn.Parameter(torch.tensor(4.5))
    optimiser = torch.optim.Adam([capacity], lr=0.1)
    for _ in range(60):
        optimiser.zero_grad()
        loss = layer.expected_loss(values, lambda z: (z - truth.unsqueeze(1)).square().sum(dim=-1), capacity=capacity)
        loss.mean().backward()
        optimiser.step()
    assert torch.equal(layer.eval()(values, capacity=capacity), truth)
