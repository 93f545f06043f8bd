"""torch.func, torch.compile and torch.export over the layer: the same numbers, and states that are still states."""

from __future__ import annotations

import copy
from weakref import WeakValueDictionary

import pytest
import torch
from torch import nn
from torch.func import grad, jacrev, vmap

import imle
from imle.errors import ObjectiveError
from imle.layers import BlockSolutions, operators

SMOKERS = """
person = {Ann, Ben, Cat}
*Friends(person, person)
Smokes(person)
Cancer(person)
1.1  Friends(x,y) ^ Smokes(x) => Smokes(y)
1.5  Smokes(x) => Cancer(x)
-0.3 Cancer(x)
"""
FRIENDS = {"Friends": [("Ann", "Ben"), ("Ben", "Cat"), ("Cat", "Ann")]}
GENERATOR = torch.Generator().manual_seed(3)
UNARY = torch.randn(5, 4, 6, generator=GENERATOR)
WEIGHTS = torch.randn(5, 3, generator=GENERATOR)
LOSS = torch.arange(1.0, 7.0)
ROWS = [
    {"Friends": [("Ann", "Ben")]},
    {"Friends": [("Cat", "Ben")], "Smokes": [("Ann",)]},
    {"Friends": [("Ann", "Ben")]},
    {"Friends": [("Cat", "Ann")]},
]


@pytest.fixture(autouse=True)
def fresh():
    torch._dynamo.reset()


def smokers(**options):
    return imle.layer("mln-map", program=SMOKERS, evidence=FRIENDS, **options)


@pytest.mark.parametrize("dim", [0, 1, 2])
def test_vmap_is_a_batch_dimension(dim):
    layer = smokers(ground_weights=True).eval()
    found, expected = vmap(layer, in_dims=dim)(UNARY.movedim(0, dim)), layer(UNARY)
    assert isinstance(found, BlockSolutions)
    for one, other in zip((*found, found.features), (*expected, expected.features), strict=True):
        assert torch.equal(one, other)
    assert found["Cancer"].shape == (5, 4, 3)
    assert torch.equal(found["Cancer"], expected["Cancer"])


def test_vmap_over_weights_too():
    layer = smokers().eval()
    found = vmap(layer)(UNARY, WEIGHTS)
    for one, other in zip(found, layer(UNARY, WEIGHTS.unsqueeze(1)), strict=True):
        assert torch.equal(one, other)


def test_evidence_per_row_holds_in_every_copy():
    layer = smokers(nb_samples=64).eval()
    found, expected = vmap(lambda unary: layer(unary, evidence=ROWS))(UNARY), layer(UNARY[2], evidence=ROWS)
    assert torch.equal(found.state[2], expected.state)
    assert found["Smokes"].shape == (5, 4, 3)
    assert torch.equal(found["Smokes"][2], expected["Smokes"])
    inside = vmap(lambda unary: layer(unary, evidence=ROWS)["Smokes"])(UNARY)
    assert torch.equal(inside, found["Smokes"])
    noisy = vmap(lambda unary: layer.train()(unary, evidence=ROWS).state, randomness="different")(torch.zeros(5, 4, 6))
    spread = (noisy - noisy.round()).abs().sum(dim=-1)
    assert (spread > 0).all()  # every copy of every row has noise


@pytest.mark.parametrize("scale", ["mean", "sum"])
def test_gradients_per_row_are_those_of_each_row_alone(scale):
    layer = smokers(noise=None, count_scale=scale)

    def loss(unary, weights):
        state, counts = layer(unary, weights)
        return (state * LOSS).square().sum() + counts.square().sum()

    found = vmap(grad(loss, argnums=(0, 1)))(UNARY[:, 0], WEIGHTS)
    for row in range(len(UNARY)):
        unary, weights = UNARY[row, 0].clone().requires_grad_(), WEIGHTS[row].clone().requires_grad_()
        loss(unary, weights).backward()
        torch.testing.assert_close(found[0][row], unary.grad)
        torch.testing.assert_close(found[1][row], weights.grad)
    total = grad(lambda unary, weights: vmap(loss)(unary, weights).sum(), argnums=(0, 1))(UNARY[:, 0], WEIGHTS)
    for one, other in zip(total, found, strict=True):
        torch.testing.assert_close(one, other)
    assert found[1].abs().sum() > 0


def test_jacobians():
    layer = smokers(noise=None)
    unary = UNARY[0, 0].clone().requires_grad_()
    rows = [torch.autograd.grad(layer(unary).state[i], unary)[0] for i in range(6)]
    torch.testing.assert_close(jacrev(layer)(unary.detach()).state, torch.stack(rows))


def test_weights_keep_their_bits(monkeypatch):
    """The scale of their gradients leaves no trace in the objective."""
    layer = smokers(noise=None)
    seen = []
    weights = torch.full((3,), 0.1, dtype=torch.float64, requires_grad=True)
    solve = type(layer.prepared).solve
    monkeypatch.setattr(
        type(layer.prepared), "solve", lambda self, objective: seen.append(objective.copy()) or solve(self, objective)
    )
    layer(UNARY[0].double(), weights)
    assert (seen[0][:, :3] == weights.detach().numpy()).all()


class Model(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.inner = nn.Linear(5, 6)
        self.weights = nn.Parameter(torch.tensor([1.1, 1.5, -0.3]))
        self.layer = smokers(**options)

    def forward(self, x):
        return self.layer(self.inner(x), self.weights)


def step(model, module, x):
    torch.manual_seed(5)
    module.zero_grad()
    found = model(x)
    (found.state * LOSS).sum().backward()
    return (*found, found["Smokes"], module.inner.weight.grad.clone(), module.weights.grad.clone())


@pytest.mark.parametrize("options", [{}, {"nb_samples": 4}, {"ground_weights": True}, {"count_scale": "sum"}], ids=str)
@pytest.mark.parametrize("training", [True, False])
def test_compiled_layers_give_the_same_numbers(options, training):
    torch.manual_seed(0)
    model = Model(**options).train(training)
    twin = copy.deepcopy(model)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    for rows in (4, 7):
        x = torch.randn(rows, 5)
        for found, expected in zip(step(compiled, model, x), step(twin, twin, x), strict=True):
            torch.testing.assert_close(found, expected)


def test_unaries_alone_compile():
    layer = smokers().eval()
    found = torch.compile(layer, fullgraph=True, backend="eager")(UNARY)
    assert isinstance(found, BlockSolutions)
    assert torch.equal(found.state, layer(UNARY).state)
    assert torch.equal(found["Cancer"], layer(UNARY)["Cancer"])


def test_evidence_per_row_runs_outside_the_graph():
    layer = smokers().eval()
    compiled = torch.compile(lambda unary: layer(unary * 2, evidence=ROWS).state + 1, backend="eager")
    assert torch.equal(compiled(UNARY[0]), layer(UNARY[0] * 2, evidence=ROWS).state + 1)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_exported_programs_return_states(elsewhere, tmp_path, monkeypatch):
    model = Model().eval()
    batch = {"x": {0: torch.export.Dim("batch")}}
    program = torch.export.export(model, (torch.randn(4, 5),), dynamic_shapes=batch)
    if elsewhere:  # as in a process that does not know the layer
        torch.export.save(program, tmp_path / "program.pt2")
        monkeypatch.setattr(operators, "_layers", WeakValueDictionary())
        program = torch.export.load(tmp_path / "program.pt2")
    x = torch.randn(7, 5)
    found, expected = program.module()(x), model(x)
    assert isinstance(found, BlockSolutions)
    assert torch.equal(found.state, expected.state)
    assert torch.equal(found["Smokes"], expected["Smokes"])


class Pair(Model):
    def forward(self, x):
        return tuple(super().forward(x))


def test_strict_export_takes_plain_tuples():
    model = Pair().eval()
    program = torch.export.export(model, (torch.randn(4, 5),), strict=True)
    x = torch.randn(4, 5)
    for found, expected in zip(program.module()(x), model(x), strict=True):
        assert torch.equal(found, expected)


def test_not_finite_says_so_under_vmap_too():
    with pytest.raises(ObjectiveError, match="nan"):
        vmap(smokers().eval())(torch.full((2, 6), torch.nan))


PACKED = r"mln-map: objective: .*expected all blocks in one tensor, \[\*batch, 9\]: 3 of weights, then 6 of unary"


@pytest.mark.parametrize(
    "use",
    [
        lambda layer, x: imle.losses.PerturbedFenchelYoung(layer)(x, torch.ones(4, 6)),
        lambda layer, x: imle.losses.SPOPlus(layer)(x, x),
        lambda layer, x: imle.calibrate(layer, x, entropy=0.3),
        lambda layer, x: layer.expected_loss(x, lambda z: z.sum(dim=-1)),
    ],
)
def test_losses_say_what_theta_is(use):
    with pytest.raises(ObjectiveError, match=PACKED) as caught:
        use(smokers(), UNARY[0])
    assert "layer.pack(unary, weights)" in caught.value.hint


def test_losses_and_calibrate_take_all_blocks_in_one_tensor():
    layer = smokers()
    unary = UNARY[0].clone().requires_grad_()
    weights = layer.defaults["weights"].requires_grad_()
    state, counts = layer.eval()(UNARY[1])
    theta = torch.cat([weights.expand(len(unary), -1), unary], dim=-1)
    imle.losses.PerturbedFenchelYoung(layer, temperature=0.0)(theta, torch.cat([counts, state], dim=-1)).backward()
    best, true = layer(unary.detach())
    torch.testing.assert_close(unary.grad, (best - state) / 4)
    torch.testing.assert_close(weights.grad, (true - counts).mean(dim=0))
    found = imle.calibrate(layer, theta.detach(), entropy=0.3, nb_samples=20)
    assert found.temperature > 0


def test_what_is_kept_from_inference_mode_can_be_trained():
    with torch.inference_mode():
        layer = smokers(noise=None)
        assert layer.defaults["weights"].is_inference()
    parameter = nn.Parameter(layer.defaults["weights"])
    unary = torch.randn(2, 6, requires_grad=True)
    state, counts = layer(unary, parameter)
    ((state * LOSS).sum() + counts.sum()).backward()
    other = nn.Parameter(torch.tensor([1.1, 1.5, -0.3]))
    state, counts = smokers(noise=None)(unary, other)
    ((state * LOSS).sum() + counts.sum()).backward()
    assert torch.equal(parameter.grad, other.grad)


def test_starting_weights_are_the_programs_whatever_became_of_earlier_ones():
    with torch.device("meta"):
        layer = smokers()
        assert layer.defaults["weights"].is_meta
    with torch.no_grad():
        nn.Parameter(layer.defaults["weights"]).zero_()
    assert torch.equal(layer.defaults["weights"], torch.tensor([1.1, 1.5, -0.3]))
