"""Blocks of theta: ground-feature weights, the scale of weight gradients, tables per row, messages that name them."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import imle
import imle_mln
from imle.errors import InstanceError, ObjectiveError
from imle.estimators import IMLE

SMOKERS = """
person = {Ann, Ben, Cat}
*Friends(person, person)
Smokes(person)
Cancer(person)
1.1  Friends(x,y) ^ Smokes(x) => Smokes(y)
1.5  Smokes(x) ^ Cancer(x)
"""
FRIENDS = {"Friends": [("Ann", "Ben"), ("Ben", "Cat")]}
TOPICS = """
topic = {Logic, Nets}
paper = {P1, P2, P3}
*Cites(paper, paper)
Topic(paper, topic!)
0.7 Cites(p,q) ^ Topic(p,t) => Topic(q,t)
"""


def ground_layer(**options):
    return imle.layer("mln-map", program=SMOKERS, evidence=FRIENDS, ground_weights=True, **options)


def features_of(states):
    """`[N, 6]` states of Smokes and Cancer to the truths of the five ground features, written out by hand."""
    smokes, cancer = states[:, :3] > 0, states[:, 3:] > 0
    implied = torch.stack([~smokes[:, 0] | smokes[:, 1], ~smokes[:, 1] | smokes[:, 2]], dim=1)
    return {
        "!Smokes(Ann) v Smokes(Ben)": implied[:, 0],
        "!Smokes(Ben) v Smokes(Cat)": implied[:, 1],
        **{
            f"Smokes({name}) ^ Cancer({name})": smokes[:, k] & cancer[:, k]
            for k, name in enumerate(("Ann", "Ben", "Cat"))
        },
    }


def hand(layer, unary, weights, ground):
    """State, counts and features of the best of all worlds."""
    states = torch.tensor(list(itertools.product((0.0, 1.0), repeat=6)), dtype=torch.float64)
    named = {frozenset(name.replace(" v ", "|").replace(" ^ ", "|").split("|")): truths for name, truths in
             features_of(states).items()}  # fmt: skip
    order = [frozenset(name.replace(" v ", "|").replace(" ^ ", "|").split("|")) for name in layer.labels["ground"]]
    features = torch.stack([named[name] for name in order], dim=1).double()
    counts = imle_mln.score(layer, states).counts
    best = (states @ unary + counts @ weights + features @ ground).argmax()
    return states[best], counts[best], features[best]


def test_ground_features_have_names():
    assert sorted(map(len, ground_layer().labels["ground"])) == sorted(map(len, features_of(torch.zeros(1, 6))))
    assert len(ground_layer().labels["ground"]) == 5
    assert any(" ^ " in name for name in ground_layer().labels["ground"])
    assert "ground" not in imle.layer("mln-map", program=SMOKERS, evidence=FRIENDS).labels


@pytest.mark.parametrize("seed", range(15))
def test_gradients_of_all_three_blocks_are_those_of_one_imle_step(seed):
    generator = torch.Generator().manual_seed(seed)
    layer = ground_layer(noise="none", estimator=IMLE(lambda_=0.7), count_scale="sum")
    unary, weights, ground = (
        torch.randn(size, generator=generator, dtype=torch.float64).requires_grad_() for size in (6, 2, 5)
    )
    losses = [torch.randn(size, generator=generator, dtype=torch.float64) for size in (6, 2, 5)]
    out = layer(unary, weights, ground)
    state, counts = out
    found = (state, counts, out.features)
    expected = hand(layer, unary.detach(), weights.detach(), ground.detach())
    for a, b in zip(found, expected, strict=True):
        assert torch.equal(a.detach(), b)
    sum((a * b).sum() for a, b in zip(found, losses, strict=True)).backward()
    theta = [(part - 0.7 * loss).detach() for part, loss in zip((unary, weights, ground), losses, strict=True)]
    target = hand(layer, *theta)
    for part, now, then in zip((unary, weights, ground), expected, target, strict=True):
        torch.testing.assert_close(part.grad, now - then)


def test_ground_weights_reach_atoms_and_take_no_noise():
    torch.manual_seed(0)
    layer = ground_layer(nb_samples=200)
    at = next(k for k, name in enumerate(layer.labels["ground"]) if "Cancer(Cat)" in name)
    ground = torch.zeros(4, 5)
    ground[:, at] = torch.tensor([-50.0, -50.0, 50.0, 50.0])
    out = layer(torch.zeros(4, 6), torch.zeros(2), ground)
    assert out.features.shape == (4, 5)
    assert (out.features[:2, at] == 0).all()
    assert (out.features[2:, at] == 1).all()
    assert out["Cancer"][2:, 2].eq(1).all()
    samples = ground_layer(nb_samples=3, output="samples")(torch.zeros(2, 6), ground=ground[:2])
    assert samples.features.shape == (2, 3, 5)


def test_ground_weights_have_to_be_asked_for_and_shared():
    with pytest.raises(ObjectiveError, match="ground: expected none"):
        imle.layer("mln-map", program=SMOKERS, evidence=FRIENDS)(ground=torch.zeros(5))
    rows = [FRIENDS, {"Friends": [("Ann", "Ben")]}]
    with pytest.raises(InstanceError, match="ground: expected as many entries in every row"):
        ground_layer()(torch.zeros(2, 6), ground=torch.zeros(5), evidence=rows)
    same = [FRIENDS, {"Friends": [("Ann", "Cat"), ("Cat", "Ben")]}]
    out = ground_layer().eval()(torch.zeros(2, 6), ground=torch.zeros(2, 5), evidence=same)
    assert out.features.shape == (2, 5)


def test_mean_divides_by_groundings_that_evidence_leaves_open_row_by_row():
    """Two of nine bindings of the first rule are open in row 0, one in row 1; counts stay over all nine."""
    layer = imle.layer("mln-map", program=SMOKERS, noise="none", estimator=IMLE(lambda_=1.0))
    rows = [FRIENDS, {"Friends": [("Ann", "Ben")]}]
    gradients = {}
    for scale in ("mean", "sum"):
        layer = imle.layer("mln-map", program=SMOKERS, noise="none", estimator=IMLE(lambda_=1.0), count_scale=scale)
        weights = torch.tensor([[0.5, 0.1], [0.5, 0.1]], dtype=torch.float64, requires_grad=True)
        unary = torch.tensor([[0.2, -0.1, -0.1, -1, -1, -1]] * 2, dtype=torch.float64)
        state, counts = layer(unary, weights, evidence=rows)
        assert counts[:, 0].tolist() == [9, 9]
        (3.0 * counts[:, 0].sum() - state[:, 0].sum() * 5).backward()
        gradients[scale] = weights.grad
    assert gradients["sum"][:, 0].abs().min() > 0
    torch.testing.assert_close(gradients["mean"], gradients["sum"] / torch.tensor([[2.0, 3.0], [1.0, 3.0]]))


def test_tables_and_views_work_for_rows_whose_domains_agree():
    layer = imle.layer("mln-map", program=TOPICS).eval()
    rows = [
        {"Cites": [("P1", "P2")]},
        {"Cites": [("P1", "P2")], "Topic": [("P2", "Nets")]},
        {"Cites": [("P2", "P3")], "Topic": [("P1", "Nets")]},
    ]
    table = torch.randn(3, 3, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    out = layer({"Topic": table}, evidence=rows)
    assert out["Topic"].shape == (3, 3, 2)
    for row, evidence in enumerate(rows):
        alone = imle.layer("mln-map", program=TOPICS, evidence=evidence).eval()
        assert torch.equal(alone({"Topic": table[row]})["Topic"], out["Topic"][row])
    assert out["Topic"][1, 1].tolist() == [0, 1]
    out["Topic"][:, 0, 0].sum().backward()
    assert table.grad[2, 0].eq(0).all()
    samples = imle.layer("mln-map", program=TOPICS, output="samples", nb_samples=5)({"Topic": table}, evidence=rows)
    assert samples["Topic"].shape == (3, 5, 3, 2)


def test_tables_of_rows_with_other_domains_are_refused():
    program = (
        "topic = {Logic, Nets}\n*Cites(paper, paper)\nTopic(paper, topic!)\n1 Cites(p,q) ^ Topic(p,t) => Topic(q,t)"
    )
    layer = imle.layer("mln-map", program=program).eval()
    rows = [{"Cites": [("P1", "P2")]}, {"Cites": [("P1", "P2"), ("P2", "P3")]}]
    with pytest.raises(InstanceError, match=r"of the same sizes in every row, found .*\[2, 2\] and \[3, 2\]"):
        layer({"Topic": torch.zeros(2, 3, 2)}, evidence=rows)
    with pytest.raises(InstanceError, match="of the same sizes"):
        layer(torch.zeros(2, 6), evidence=rows)["Topic"]


def test_evidence_of_rows_is_grounded_once():
    layer = imle.layer("mln-map", program=SMOKERS).eval()

    def rows():
        return [
            {"Friends": np.eye(3, dtype=bool)},
            {"Friends": [("Ann", "Ben")]},
            imle_mln.parse_database("Friends(Ann,Cat)", imle_mln.parse_program(SMOKERS)),
        ]

    layer(torch.zeros(3, 6), evidence=rows())
    first = [group.prepared for group in layer._instances.groups({"evidence": rows()})]
    layer(torch.zeros(3, 6), evidence=rows())
    again = [group.prepared for group in layer._instances.groups({"evidence": rows()})]
    assert len(first) == 3
    assert all(a is b for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda layer: layer(torch.zeros(2, 9)),
            r"an objective is unary \[\*batch, 6\] \(Smokes 3, Cancer 3\), weights \[2\]",
        ),
        (
            lambda layer: layer(weights=torch.zeros(9)),
            r"weights: expected shape \[2\] .*objective is unary .*Smokes 3",
        ),
        (lambda layer: layer(ground=torch.zeros(9)), r"ground: expected shape \[5\] .*ground \[5\] or \[\*batch, 5\]"),
        (lambda layer: layer(torch.zeros(2, 6), torch.zeros(3, 2)), "of the same batch"),
    ],
)
def test_theta_of_the_wrong_length_names_the_blocks(call, message):
    with pytest.raises(ObjectiveError, match=message):
        call(ground_layer())


def test_events_tell_components_from_what_highs_did():
    layer = imle.layer("mln-map", program=SMOKERS, evidence=FRIENDS, engine="highs").eval()
    layer(torch.zeros(4, 6))
    events = layer.stats.events
    assert events["highs_components"] > 0
    assert events["highs_integral_relaxations"] > 0
    assert all(name.endswith("_components") or name.startswith("highs_") for name in events)
    found = imle_mln.map_inference(SMOKERS, FRIENDS, engine="highs")
    assert set(found.engines) <= {"closed", "highs"}
    assert found.events["integral_relaxations"] == 1


def test_threads_share_a_layer():
    layer = imle.layer("mln-map", program=SMOKERS, evidence=FRIENDS).eval()
    batches = [torch.randn(16, 6, generator=torch.Generator().manual_seed(seed)) for seed in range(8)]
    alone = [layer.prepared.solve(np.pad(batch.double().numpy(), ((0, 0), (2, 0)))).solutions for batch in batches]
    with ThreadPoolExecutor(2) as pool:
        both = pool.map(
            lambda batch: layer.prepared.solve(np.pad(batch.double().numpy(), ((0, 0), (2, 0)))).solutions, batches
        )
        for a, b in zip(alone, both, strict=True):
            np.testing.assert_array_equal(a, b)
