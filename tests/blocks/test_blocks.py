"""Layers of several tensors: a third-party chain with unary and transition scores, against all its labellings."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import pytest
import torch
from torch import nn
from torch.func import vmap

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError, PluginError, SolverContractError
from imle.estimators import IMLE
from imle.layers import BlockSolutions
from imle.solvers import BlockLayout
from imle.testing import State, check_solver

GENERATOR = torch.Generator().manual_seed(0)
UNARY = torch.randn(5, 3, 2, generator=GENERATOR, dtype=torch.float64)
TRANSITIONS = torch.randn(2, 2, generator=GENERATOR, dtype=torch.float64)


@pytest.fixture(autouse=True)
def chain(only):
    only("chain")


def make(**options):
    return imle.layer("fixture-chain", steps=3, **options)


def labellings():
    from imle_fixture_chain.conformance import labellings as listed

    return torch.from_numpy(listed(3, 2))


def best(unary, transitions):
    """y and n of the best of all labellings, for one row."""
    listed = labellings()
    found = listed[(listed @ torch.cat([unary.flatten(), transitions.flatten()])).argmax()]
    return found[:6].reshape(3, 2), found[6:].reshape(2, 2)


def test_blocks_in_and_out():
    out = make().eval()(UNARY, TRANSITIONS)
    assert isinstance(out, BlockSolutions)
    y, n = out
    assert y is out.y
    assert n is out["n"]
    for row in range(5):
        expected = best(UNARY[row], TRANSITIONS)
        assert torch.equal(y[row], expected[0])
        assert torch.equal(n[row], expected[1])
    named = make().eval()(transitions=TRANSITIONS, unary=UNARY)
    assert torch.equal(named.y, y)


@pytest.mark.parametrize("seed", range(10))
def test_gradients_are_those_of_one_imle_step_over_all_labellings(seed):
    """A loss on one block alone has a gradient for both; shared scores get the sum over the rows."""
    generator = torch.Generator().manual_seed(seed)
    unary = torch.randn(4, 3, 2, generator=generator, dtype=torch.float64).requires_grad_()
    transitions = torch.randn(2, 2, generator=generator, dtype=torch.float64).requires_grad_()
    push = torch.randn(4, 3, 2, generator=generator, dtype=torch.float64)
    y, _ = make(noise=None, estimator=IMLE(lambda_=2.0))(unary, transitions)
    (y * push).sum().backward()
    with torch.no_grad():
        before = [best(row, transitions) for row in unary]
        after = [best(row - 2.0 * pushed, transitions) for row, pushed in zip(unary, push, strict=True)]
        expected = [torch.stack([a[k] - b[k] for a, b in zip(before, after, strict=True)]) for k in (0, 1)]
    torch.testing.assert_close(unary.grad, expected[0])
    torch.testing.assert_close(transitions.grad, expected[1].sum(dim=0))


def test_training_finds_scores_of_both_blocks():
    """Labels repeat: unary scores that say nothing are outdone by transitions, which only y is compared with."""
    torch.manual_seed(0)
    gold = torch.tensor([[[1.0, 0.0]] * 3, [[0.0, 1.0]] * 3])
    unary = torch.tensor([[[1.0, 0.0], [0.0, 0.6], [0.0, 0.0]], [[0.0, 1.0], [0.6, 0.0], [0.0, 0.0]]])
    transitions = nn.Parameter(torch.zeros(2, 2))
    layer = make(nb_samples=10, temperature=0.5)
    assert not torch.equal(layer.eval()(unary, transitions).y, gold)
    optimizer = torch.optim.Adam([transitions], lr=0.1)
    layer.train()
    for _ in range(60):
        optimizer.zero_grad()
        (layer(unary, transitions).y - gold).abs().sum().backward()
        optimizer.step()
    assert torch.equal(layer.eval()(unary, transitions).y, gold)
    assert transitions.diagonal().min() > transitions.flip(0).diagonal().max()


def test_noise_is_on_the_blocks_that_take_it():
    torch.manual_seed(0)
    far = torch.tensor([[[9.0, 0.0]] * 3])
    steady = make(nb_samples=50, temperature=1.0)(far * 1e6, torch.zeros(2, 2))
    assert torch.equal(steady.n, torch.tensor([[[2.0, 0.0], [0.0, 0.0]]]))
    layer = make(nb_samples=400, output="samples")
    y = layer(torch.zeros(1, 3, 2), torch.tensor([[1e4, 0.0], [0.0, 1e4]])).y
    assert y.shape == (1, 400, 3, 2)
    assert ((y.sum(dim=2) == 0) | (y.sum(dim=2) == 3)).all()  # transitions as they were given: all labels are equal
    assert 100 < y[0, :, 0, 0].sum() < 300


@pytest.mark.parametrize("estimator", ["perturbed", "perturbed-multiplicative", "score-function"])
def test_rules_that_differentiate_noise_refuse_gradients_of_blocks_without(estimator):
    """Their gradient is 0, while what is expected does depend on transitions."""
    layer = make(nb_samples=4, estimator=estimator)
    unary, transitions = torch.ones(1, 3, 2, requires_grad=True), torch.ones(2, 2, requires_grad=True)
    with pytest.raises(
        OptionError, match=f"transitions: estimator '{estimator}' has no gradient .* put on transitions"
    ):
        layer(unary, transitions)
    assert layer(unary, transitions.detach()).y.requires_grad
    with torch.no_grad():
        layer(unary, transitions)
    assert torch.equal(layer.eval()(unary, transitions).n.sum(), torch.tensor(2.0))


@pytest.mark.parametrize(
    ("dtypes", "widest"),
    [
        ((torch.bfloat16, torch.float32), torch.float32),
        ((torch.float32, torch.float64), torch.float64),
        ((torch.float16, torch.bfloat16), torch.float32),
    ],
    ids=str,
)
def test_no_block_is_rounded_to_the_dtype_of_another_one(dtypes, widest):
    """The last transition is better by less than the dtype of unary scores shows."""
    unary = torch.full((1, 3, 2), 1 + torch.finfo(dtypes[0]).eps, dtype=dtypes[0]).requires_grad_()
    transitions = torch.ones(2, 2, dtype=dtypes[1])
    transitions[1, 1] += 8 * torch.finfo(dtypes[1]).eps  # a sum has it, too
    transitions.requires_grad_()
    layer = make().eval()
    y, n = layer(unary, transitions)
    assert n.tolist() == [[[0, 0], [0, 2]]]
    assert y.dtype == n.dtype == layer.pack(unary, transitions).dtype == widest
    value = layer.value(unary, transitions)
    assert value.item() == pytest.approx(
        3 * unary[0, 0, 0].item() + 2 * transitions[1, 1].item(), rel=torch.finfo(widest).eps
    )
    value.sum().backward()
    assert (unary.grad.dtype, transitions.grad.dtype) == dtypes
    assert layer(unary).y.dtype == dtypes[0]


@pytest.fixture
def workers():
    """New ones: imle's own may have started before the plugin could be imported."""
    with ProcessPoolExecutor(2, get_context("spawn")) as executor:
        yield executor


@pytest.mark.parametrize("options", [{"executor": "workers"}, {"cache": 100}, {"pool": 1.0}], ids=str)
def test_executor_cache_and_pool_take_blocks(options, workers):
    options = {name: workers if value == "workers" else value for name, value in options.items()}
    grown = []
    for own in ({}, options):
        torch.manual_seed(0)
        unary, transitions = UNARY.clone().requires_grad_(), TRANSITIONS.clone().requires_grad_()
        y, n = make(nb_samples=3, **own)(unary, transitions)
        (y.square().sum() + n[..., 0, 0].sum()).backward()
        grown.append((y, n, unary.grad, transitions.grad))
    for one, other in zip(*grown, strict=True):
        assert torch.equal(one, other)


def test_a_block_that_is_left_out_has_its_default():
    layer = make().eval()
    assert torch.equal(layer(UNARY).y, layer(UNARY, torch.zeros(2, 2)).y)
    assert layer.defaults["transitions"].tolist() == [[0, 0], [0, 0]]
    assert layer.labels["transitions"] == ["0 to 0", "0 to 1", "1 to 0", "1 to 1"]
    with pytest.raises(ObjectiveError, match=r"fixture-chain: unary: expected shape \[\*batch, 3, 2\], found none"):
        layer(transitions=TRANSITIONS)


def test_instances_per_row_are_padded_block_by_block():
    layer = imle.layer("fixture-chain", noise=None)
    steps = [3, 1, 2, 3, 2]
    unary = UNARY.clone().requires_grad_()
    transitions = TRANSITIONS.clone().requires_grad_()
    y, n = layer(unary, transitions, steps=steps)
    (y * UNARY.flip(0)).sum().backward()
    for row, length in enumerate(steps):
        alone = imle.layer("fixture-chain", steps=length, noise=None)
        own = UNARY[row, :length].clone().requires_grad_()
        expected = alone(own, TRANSITIONS)
        assert torch.equal(y[row, :length], expected.y)
        assert not y[row, length:].any()
        assert torch.equal(n[row], expected.n)
        (expected.y * UNARY.flip(0)[row, :length]).sum().backward()
        torch.testing.assert_close(unary.grad[row, :length], own.grad)  # norms beside padding are rounded otherwise
        assert not unary.grad[row, length:].any()
    kinds = imle.layer("fixture-chain").eval()
    wide = kinds(torch.randn(2, 3, 3), torch.randn(2, 3, 3), steps=[3, 2], labels=[2, 3])
    assert wide.y.sum(dim=(1, 2)).tolist() == [3, 2]
    assert not wide.y[0, :, 2].any()
    with pytest.raises(InstanceError, match=r"transitions: expected as many entries in every row, .* given once"):
        kinds(torch.randn(2, 3, 3), torch.randn(3, 3), steps=[3, 2], labels=[2, 3])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda layer: layer(UNARY[:, :2]),
            r"unary: expected shape \[\*batch, 3, 2\], found \[5, 2, 2\]; an obj",
        ),
        (lambda layer: layer(UNARY, torch.zeros(4)), r"transitions: expected shape \[2, 2\] or \[\*batch, 2, 2\]"),
        (lambda layer: layer(UNARY, torch.zeros(4, 2, 2)), r"same batch, found unary \[5, 3, 2\] and transitions \[4,"),
        (lambda layer: layer(UNARY[0], torch.zeros(4, 2, 2)), r"unary: expected shape \[4, 3, 2\], one for each row"),
        (lambda layer: layer({"a": UNARY}), r"expected a table \(there are none\), found 'a'"),
        (lambda layer: layer.pack_solutions(UNARY), "n: expected a torch tensor, found NoneType"),
        (lambda layer: layer([[1.0]]), "unary: expected a torch tensor, found list"),
        (lambda layer: layer(UNARY, TRANSITIONS.long()), "transitions: expected floating-point numbers, found torch"),
        (lambda layer: layer(UNARY, TRANSITIONS, TRANSITIONS), r"at most 2 blocks \(unary, transitions\), found 3"),
        (lambda layer: layer(UNARY, unary=UNARY), "unary: expected once"),
        (lambda layer: layer(UNARY, steps=[3, 2]), "one value of each instance parameter per row, 5 in all, found 2"),
        (
            lambda layer: layer(UNARY, TRANSITIONS * torch.tensor([1.0, torch.nan])),
            r"transitions: found nan in position \(0, 1\) \(0 to 1\); 2 of 4 entries are not finite",
        ),
        (
            lambda layer: layer(torch.where(torch.arange(5)[:, None, None] == 3, torch.inf, UNARY)),
            r"unary: found inf in row 3, position \(0, 0\) \(step 0 is 0\); 6 of 30 entries",
        ),
    ],
)
def test_messages_name_the_block(call, message):
    with pytest.raises((ObjectiveError, InstanceError), match=f"^fixture-chain: .*{message}"):
        call(make())


def test_losses_and_metrics_take_all_blocks_in_one_tensor():
    layer = make().eval()
    unary, transitions = UNARY.clone().requires_grad_(), TRANSITIONS.clone().requires_grad_()
    theta = layer.pack(unary, transitions)
    assert theta.shape == (5, 10)
    label = layer.pack_solutions(*layer(UNARY.flip(0)))
    loss = imle.losses.PerturbedFenchelYoung(layer, temperature=0.0, reduction="sum")(theta, label)
    loss.backward()
    found, gold = layer(UNARY, TRANSITIONS), layer(UNARY.flip(0))
    torch.testing.assert_close(unary.grad, found.y - gold.y)
    torch.testing.assert_close(transitions.grad, (found.n - gold.n).sum(dim=0))
    regret = imle.metrics.regret(theta.detach(), label, layer.pack_solutions(*found), layer=layer)
    assert regret.sum().item() == pytest.approx(loss.item())
    with pytest.raises(ObjectiveError, match=r"one tensor, \[\*batch, 10\]: 6 of unary, then 4 of trans") as caught:
        layer.read(UNARY)
    assert caught.value.hint == "layer.pack(unary, transitions); solutions are layer.pack_solutions(y, n)"


@pytest.mark.slow
def test_vmap_compile_copy_and_pickle():
    layer = make().eval()
    expected = layer(UNARY, TRANSITIONS)
    compiled = torch.compile(layer, fullgraph=True, backend="eager")
    again = pickle.loads(pickle.dumps(layer))
    for found in (
        vmap(layer, in_dims=(0, None))(UNARY, TRANSITIONS),
        compiled(UNARY, TRANSITIONS),
        copy.deepcopy(layer)(UNARY, TRANSITIONS),
        again(UNARY, TRANSITIONS),
        pickle.loads(pickle.dumps(expected)),
        copy.deepcopy(expected),
    ):
        assert isinstance(found, BlockSolutions)
        assert torch.equal(found.y, expected.y)
        assert torch.equal(found["n"], expected.n)


def test_a_solver_without_plugin_declares_blocks_in_its_class():
    from imle_fixture_chain.chain import ChainSolver
    from imle_fixture_chain.plugin import CHAIN

    class Chain(ChainSolver):
        blocks = CHAIN.blocks

    y, _ = imle.layer(Chain, steps=3).eval()(UNARY, TRANSITIONS)
    assert torch.equal(y, make().eval()(UNARY, TRANSITIONS).y)
    packed = imle.layer(ChainSolver, steps=3).eval()(make().pack(UNARY, TRANSITIONS))  # none declared: one tensor
    assert torch.equal(packed[:, :6], y.flatten(1))


@pytest.mark.slow
def test_the_plugin_passes_the_conformance_kit():
    report = check_solver("fixture-chain")
    assert report.ok, [str(outcome.failure) for outcome in report.failed]
    made = {outcome.check.name for outcome in report.outcomes if outcome.state is State.PASSED}
    assert {"blocks", "gradients", "dtypes", "spawn"} <= made


def test_the_spec_of_a_block():
    with pytest.raises(PluginError, match="expected a keyword such as 'weights', found 'count'"):
        imle.Block("weights", solution="count")
    with pytest.raises(PluginError, match="block weights: noise: expected bool, found 1"):
        imle.Block("weights", noise=1)
    with pytest.raises(PluginError, match="parameters declared more than once: steps"):
        replace(spec_of_chain(), blocks=(imle.Block("steps"),))


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (None, "expected blocks of the prepared solver, as the spec declares them, found none"),
        (BlockLayout(unary=(3, 2)), "expected blocks transitions, unary, as the spec declares them, found unary"),
        (BlockLayout(unary=(3, 2), transitions=3), r"the objective_shape of the blocks, \(9,\), found \(10,\)"),
    ],
)
def test_an_instance_whose_blocks_are_not_those_of_the_spec(blocks, message, monkeypatch):
    from imle_fixture_chain import chain

    monkeypatch.setattr(chain.PreparedChain, "blocks", blocks)
    monkeypatch.setattr(chain.PreparedChain, "objective_shape", (10,))
    with pytest.raises(SolverContractError, match=message):
        make()


def spec_of_chain():
    from imle_fixture_chain.plugin import CHAIN

    return CHAIN
