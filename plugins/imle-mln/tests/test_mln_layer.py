"""The layer: states, counts, and gradients that equal I-MLE steps done by hand over all worlds."""

from __future__ import annotations

import copy
import itertools
import pickle

import numpy as np
import pytest
import torch

import imle
import imle_mln
from imle.errors import InstanceError, ObjectiveError, SolveError
from imle.estimators import IMLE

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
TOPICS = """
topic = {Logic, Nets}
*Cites(paper, paper)
Topic(paper, topic!)
0.7 Cites(p,q) ^ Topic(p,+t) => Topic(q,+t)
"""
CITES = {"Cites": [("P1", "P2"), ("P2", "P3")]}


def smokers(**options):
    return imle.layer("mln-map", program=SMOKERS, evidence=FRIENDS, **options)


def worlds(layer):
    """All feasible states `[worlds, A]` with their counts `[worlds, F]`, by the independent evaluator."""
    states = torch.tensor(list(itertools.product((0.0, 1.0), repeat=len(layer.labels["unary"]))), dtype=torch.float64)
    score = imle_mln.score(layer, states)
    keep = score.violated == 0
    return states[keep], score.counts[keep]


def best(layer, unary, weights):
    states, counts = worlds(layer)
    found = (states @ unary + counts @ weights).argmax()
    return states[found], counts[found]


def test_noise_of_a_block_of_at_most_one_is_that_of_its_values_and_of_none():
    program = "t = {X, Y, Z, V}\nT(n, t?)\nS(n)\n0 T(n,t)\n0 S(n)\n"
    layer = imle.layer("mln-map", program=program, evidence="!T(A,V)\nS(B)\nT(B,X)", nb_samples=4000, noise="gumbel")
    torch.manual_seed(0)
    unary = torch.tensor([[0.5, 0.0, -1.0, 0.7]])
    weights = unary.exp()[0]
    found = layer(unary).state[0]
    torch.testing.assert_close(found[:3], weights[:3] / (1 + weights[:3].sum()), atol=0.03, rtol=0)
    torch.testing.assert_close(found[3], weights[3] / (1 + weights[3]), atol=0.03, rtol=0)
    hidden = imle.layer("mln-map", program=program, evidence="!T(A,V)\nT(B,X)\n!T(A,X)", query=["T"], nb_samples=2)
    assert hidden.prepared.blocks["unary"].baseline.tolist() == [1, 1]


def test_names_in_order():
    layer = smokers()
    people = ("Ann", "Ben", "Cat")
    assert layer.labels["unary"] == tuple(f"{predicate}({one})" for predicate in ("Smokes", "Cancer") for one in people)
    assert layer.labels["weights"] == ("Friends(x,y) ^ Smokes(x) => Smokes(y)", "Smokes(x) => Cancer(x)", "Cancer(x)")
    assert layer.defaults["weights"].tolist() == pytest.approx([1.1, 1.5, -0.3])


@pytest.mark.parametrize("seed", range(20))
def test_states_and_counts_are_those_of_the_best_world(seed):
    generator = torch.Generator().manual_seed(seed)
    layer = smokers().eval()
    unary = torch.randn(6, generator=generator, dtype=torch.float64)
    weights = torch.randn(3, generator=generator, dtype=torch.float64)
    state, counts = layer(unary, weights)
    expected, expected_counts = best(layer, unary, weights)
    assert torch.equal(state, expected)
    assert torch.equal(counts, expected_counts)


@pytest.mark.parametrize("scale", ["sum", "mean"])
@pytest.mark.parametrize("seed", range(10))
def test_gradients_are_differences_of_states_and_of_counts(seed, scale):
    """A loss on atoms and counts at once; lambda as given, no noise: every step can be done by hand."""
    generator = torch.Generator().manual_seed(seed)
    layer = smokers(noise="none", estimator=IMLE(lambda_=0.8), count_scale=scale)
    unary = torch.randn(6, generator=generator, dtype=torch.float64).requires_grad_()
    weights = torch.randn(3, generator=generator, dtype=torch.float64).requires_grad_()
    g_state = torch.randn(6, generator=generator, dtype=torch.float64)
    g_counts = torch.randn(3, generator=generator, dtype=torch.float64) / 3
    state, counts = layer(unary, weights)
    ((state * g_state).sum() + (counts * g_counts).sum()).backward()
    with torch.no_grad():
        target, target_counts = best(layer, unary - 0.8 * g_state, weights - 0.8 * g_counts)
        groundings = torch.tensor([3.0, 3.0, 3.0]) if scale == "mean" else torch.ones(3)
        torch.testing.assert_close(unary.grad, state - target)
        torch.testing.assert_close(weights.grad, (counts - target_counts) / groundings)


def test_a_loss_on_atoms_reaches_weights_it_never_mentions():
    torch.manual_seed(0)
    layer = smokers(nb_samples=20)
    weights = torch.zeros(3, requires_grad=True)
    unary = torch.tensor([2.0, 0, 0, 0, 0, 0])
    wanted = torch.ones(6)
    optimizer = torch.optim.Adam([weights], lr=0.2)
    for _ in range(60):
        optimizer.zero_grad()
        state, _ = layer(unary, weights)
        (state - wanted).abs().sum().backward()
        optimizer.step()
    assert weights[0] > 0
    assert weights[1] > 0
    state, _ = layer.eval()(unary, weights)
    assert torch.equal(state, wanted)


def test_either_part_may_be_left_out():
    layer = smokers().eval()
    zeros, own = torch.zeros(6), layer.defaults["weights"]
    assert torch.equal(layer().state, layer(zeros, own).state)
    assert layer(zeros.expand(4, 6)).state.shape == (4, 6)
    assert layer(weights=own.expand(2, 5, 3)).counts.shape == (2, 5, 3)
    assert layer(torch.zeros(4, 6, dtype=torch.float64)).counts.dtype == torch.float64


def test_shared_weights_get_the_sum_of_the_rows_gradients():
    rows = torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    shared = torch.tensor([1.1, 1.5, -0.3], requires_grad=True)
    own = shared.detach().expand(5, 3).clone().requires_grad_()
    loss = torch.randn(5, 6, generator=torch.Generator().manual_seed(2))
    for weights in (shared, own):
        state, _ = smokers(noise="none")(rows, weights)
        (state * loss).sum().backward()
    torch.testing.assert_close(shared.grad, own.grad.sum(dim=0))


def test_samples_and_views():
    torch.manual_seed(0)
    layer = imle.layer("mln-map", program=TOPICS, evidence=CITES, nb_samples=7, output="samples")
    out = layer(torch.randn(4, 6))
    assert out.state.shape == (4, 7, 6)
    assert out.counts.shape == (4, 7, 2)
    assert out["Topic"].shape == (4, 7, 3, 2)
    assert (out["Topic"].sum(dim=-1) == 1).all()
    assert out["Topic"][..., 0].shape == (4, 7, 3)
    with pytest.raises(InstanceError, match=r"expected one of state, counts, Cites, Topic, found 'Nothing'"):
        out["Nothing"]


def test_views_show_what_evidence_decides():
    layer = imle.layer("mln-map", program=TOPICS, evidence={**CITES, "Topic": [("P2", "Nets")]}, query=["Topic"]).eval()
    assert layer.labels["unary"] == ("Topic(P1,Logic)", "Topic(P1,Nets)", "Topic(P3,Logic)", "Topic(P3,Nets)")
    unary = torch.tensor([9.0, 0, 0, 9.0], requires_grad=True)
    out = layer(unary)
    assert out["Topic"].tolist() == [[1, 0], [0, 1], [0, 1]]
    assert layer(unary.expand(2, 4))["Topic"].shape == (2, 3, 2)
    assert torch.autograd.grad(out["Topic"].sum(), unary, allow_unused=True)[0] is not None
    table = torch.zeros(3, 2)
    table[0, 0] = table[2, 1] = 9.0
    assert torch.equal(layer({"Topic": table}).state, out.state)


def test_noise_is_logistic_for_free_atoms_gumbel_in_blocks_and_none_on_weights():
    """Sampled marginals of independent atoms and of one block are the Gibbs distribution's: Gumbel-max is exact."""
    torch.manual_seed(0)
    program = "thing = {A}\nkind = {K, L, M}\nFree(thing)\nKind(thing, kind!)\n0.5 Free(x)\n"
    layer = imle.layer("mln-map", program=program, nb_samples=20_000)
    unary = torch.tensor([0.4, 1.0, -0.5, 0.2])
    state, counts = layer(unary)
    free, block = state[0], state[1:]
    tolerance = 4 * (0.25 / 20_000) ** 0.5
    assert free == pytest.approx(float(torch.sigmoid(torch.tensor(0.9))), abs=tolerance)
    assert block.tolist() == pytest.approx(torch.softmax(unary[1:], dim=0).tolist(), abs=tolerance)
    assert counts[0] == free


def test_hidden_atoms_are_maximised_over():
    shown = imle.layer("mln-map", program=SMOKERS, evidence=FRIENDS, query=["Cancer"]).eval()
    every = smokers().eval()
    unary = torch.tensor([0.7, -2.0, 0.1])
    state, counts = shown(unary)
    full = every(torch.cat([torch.zeros(3), unary]))
    assert torch.equal(state, full.state[3:])
    assert torch.equal(counts, full.counts)
    with pytest.raises(ObjectiveError, match="of all open atoms"):
        imle_mln.score(shown, state)


def test_evidence_per_row():
    layer = imle.layer("mln-map", program=SMOKERS).eval()
    rows = [{"Friends": [("Ann", "Ben")]}, {"Friends": [("Ann", "Ben")], "Smokes": [("Ann",), ("Ben",)]}]
    unary = torch.tensor([[3.0, -1.0, -1.0, 0, 0, 0], [3.0, 1.0, 1.0, 1.0, 0, 0]])  # 6 and 4 open atoms, padded
    state, counts = layer(unary, evidence=rows)
    for row, evidence in enumerate(rows):
        alone = imle.layer("mln-map", program=SMOKERS, evidence=evidence).eval()
        expected = alone(unary[row, : len(alone.labels["unary"])])
        assert torch.equal(state[row, : len(alone.labels["unary"])], expected.state)
        assert not state[row, len(alone.labels["unary"]) :].any()
        assert torch.equal(counts[row], expected.counts)
    smokes = layer(unary, evidence=rows)["Smokes"]
    assert torch.equal(smokes[0], state[0, :3])
    assert smokes[1].tolist() == [1, 1, state[1, 0]]


def test_noise_and_evidence_per_row():
    torch.manual_seed(0)
    layer = imle.layer("mln-map", program=TOPICS, nb_samples=50)
    rows = [{**CITES}, {**CITES, "Topic": [("P2", "Nets")]}]
    unary = torch.zeros(2, 6, requires_grad=True)
    out = layer(unary, evidence=rows)
    assert ((out.state[0].reshape(3, 2).sum(dim=1) - 1).abs() < 1e-6).all()
    assert ((out.state[1, :4].reshape(2, 2).sum(dim=1) - 1).abs() < 1e-6).all()
    out.state[:, 0].sum().backward()
    assert unary.grad[:, 0].min() > 0
    assert not unary.grad[1, 4:].any()


def test_contradicting_evidence_makes_a_row_infeasible():
    program = "thing = {A, B}\n*Seen(thing)\nGood(thing)\nSeen(x) => Good(x).\n"
    layer = imle.layer("mln-map", program=program, on_failure="zero-grad").eval()
    rows = [{"Seen": [("A",)]}, {"Seen": [("A",)], "Good": {("A",): False}}]
    out = layer(torch.zeros(2, 2), evidence=rows)
    assert out.state.tolist() == [[1, 0], [0, 0]]
    assert layer.stats.status == {"optimal": 1, "infeasible": 1}
    strict = imle.layer("mln-map", program=program, evidence=rows[1])
    with pytest.raises(SolveError, match=r"Seen\(x\) => Good\(x\) is false for x = A"):
        strict(torch.zeros(1, 1))


def test_layers_are_copied_and_pickled():
    layer = smokers().eval()
    unary = torch.randn(3, 6)
    expected = layer(unary)
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(again(unary).state, expected.state)
        assert torch.equal(again(unary).counts, expected.counts)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda layer: layer(torch.zeros(5)), r"unary: expected a tensor \[\*batch, 6\]"),
        (lambda layer: layer(weights=torch.zeros(2)), r"weights: expected shape \[3\]"),
        (lambda layer: layer(torch.zeros(2, 6), torch.zeros(3, 3)), "the same batch"),
        (lambda layer: layer({"Smokes": torch.zeros(2)}), r"Smokes: expected shape \[\*batch, 3\]"),
        (
            lambda layer: layer(torch.tensor([[0.0] * 6, [0.0, 0.0, 0.0, float("nan"), 0.0, 0.0]])),
            r"mln-map: unary: found nan in row 1, position 3 \(Cancer\(Ann\)\); 1 of 12 entries are not finite",
        ),
        (
            lambda layer: layer(torch.zeros(2, 6), torch.tensor([0.0, 0.0, float("inf")])),
            r"mln-map: weights: found inf in position 2 \(Cancer\(x\)\); 1 of 3 entries are not finite",
        ),
        (
            lambda layer: layer(torch.full((1, 6), float("nan")), evidence=[FRIENDS]),
            "mln-map: unary: found nan in row 0, position 0; 6 of 6 entries are not finite",
        ),
    ],
)
def test_bad_tensors(call, message):
    with pytest.raises(ObjectiveError, match=message):
        call(smokers())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"program": 3}, "expected a path, text or imle_mln Program, found int"),
        ({"program": SMOKERS, "evidence": 3}, "expected a path, text, mapping or imle_mln Database, found int"),
        ({"program": SMOKERS, "query": ["Smoke"]}, r"query: expected predicates of the program .*, found 'Smoke'"),
        ({"program": SMOKERS, "query": "Smokes"}, "query: expected a list"),
        (
            {"program": SMOKERS, "evidence": FRIENDS, "query": ["Smokes", "Friends"]},
            "query: Friends is closed: all its",
        ),
        ({"program": SMOKERS, "closed_world": "Smokes"}, "closed_world: expected a list"),
        ({"program": "Smokes(person)\n1 Smokes(x)", "evidence": {}}, "expected constants of type 'person', found none"),
    ],
)
def test_bad_instances(given, message):
    with pytest.raises(InstanceError, match=message):
        imle.layer("mln-map", **given)


def test_single_atoms_of_closed_predicates_may_be_asked_for():
    evidence = "Friends(Ann,Ben)\n?Friends(Ben,Ann)"
    layer = imle.layer("mln-map", program=SMOKERS, evidence=evidence, query=["Friends"])
    assert layer.labels["unary"] == ("Friends(Ben,Ann)",)
    with pytest.raises(InstanceError, match="query: Friends is closed"):
        imle_mln.map_inference(SMOKERS, FRIENDS, query=["Friends"])


def test_evidence_may_come_with_each_row_only():
    layer = imle.layer("mln-map", program="Smokes(person)\n1 Smokes(x)").eval()
    assert layer(torch.zeros(1, 0), evidence=[{"Smokes": {("Ann",): False}}]).counts.tolist() == [[0]]
    with pytest.raises(InstanceError, match="evidence missing"):
        layer()


def test_map_without_torch(tmp_path):
    found = imle_mln.map_inference(SMOKERS, FRIENDS, unary=[1.0, 0, 0, 0, 0, 0])
    layer = smokers().eval()
    unary = torch.tensor([1.0, 0, 0, 0, 0, 0])
    state, counts = layer(unary)
    assert found.state.tolist() == state.bool().tolist()
    assert found.counts.tolist() == counts.tolist()
    assert found.score == pytest.approx(float(imle_mln.score(layer, state, unary).weighted))
    assert found.gap < 1e-9
    found.write(tmp_path / "map.db")
    again = imle_mln.map_inference(
        SMOKERS, imle_mln.parse_database(tmp_path / "map.db", imle_mln.parse_program(SMOKERS))
    )
    assert len(again.atoms) == 0
    truths = dict(zip(found.atoms, found.state.tolist(), strict=True))
    assert found.true_atoms == tuple(name for name, truth in truths.items() if truth)
    assert np.isfinite(again.score)


def test_importing_the_package_is_light():
    import subprocess
    import sys

    code = (
        "import sys, imle_mln, imle_mln.plugin; print(sorted({'torch', 'lark', 'ortools', 'scipy'} & set(sys.modules)))"
        "; imle_mln.map_inference('t = {A}\\nP(t)\\n1 P(x)'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "False"]
