"""What a layer says of itself, in `repr` and in notebooks; and that what it says of solves is so."""

from __future__ import annotations

import pytest
import torch

import imle
from imle.errors import ImleError
from support.html import parsed

PATH = {"edges": [("a", "b"), ("b", "c"), ("a", "c")], "source": "a", "target": "c"}


def test_a_layer_with_an_instance():
    layer = imle.layer("networkx-shortest-path", nb_samples=3, **PATH)
    for text in (repr(layer), " ".join(parsed(layer._repr_html_()).texts)):
        for part in (
            "networkx-shortest-path",
            "edges=[('a', 'b'), ('b', 'c'), ('a', 'c')], source='a', target='c'",
            "[*batch, 3]",
            "('a', 'b'), ('b', 'c'), ('a', 'c')",
            "IMLE(beta=2",
            "GumbelNoise",
            "3 solves forward and 3 backward in train(), 1 in eval()",
        ):
            assert part in text


def test_a_layer_whose_instances_come_with_rows():
    layer = imle.layer("min-cut", edges=PATH["edges"], source="a")
    assert layer.missing == ["target"]
    assert "source='a', target per row, objective [*batch, *event]" in repr(layer)
    assert "labels" not in repr(layer)


@pytest.mark.parametrize("estimator", ["identity", "imle", "perturbed"])
@pytest.mark.parametrize("output", ["mean", "samples"])
def test_a_layer_with_a_learned_parameter(estimator, output):
    noise = {} if estimator == "perturbed" else {"noise": None}
    layer = imle.layer(
        "knapsack",
        weights=[[1, 2]],
        learned={"capacity": 0.1},
        nb_samples=3,
        estimator=estimator,
        output=output,
        **noise,
    )
    assert layer.missing == ["capacity"]
    for text in (repr(layer), " ".join(parsed(layer._repr_html_()).texts)):
        assert "weights=[[1, 2]], capacity per row" in text
        assert "capacity by MultiplicativeNoiseDistribution() x 0.1" in text
    out = layer(torch.ones(4, 2, requires_grad=True), capacity=torch.full((4,), 2.5))
    assert layer.stats.solves == 4 * layer.solves_per_row[0] == 12
    out.square().sum().backward()
    assert layer.stats.solves == 12 + 4 * layer.solves_per_row[1]


@pytest.mark.parametrize(
    ("layer", "objective"),
    [
        (lambda: imle.layer("topk"), "objective [*batch, n]"),
        (lambda: imle.layer("grid-shortest-path"), "objective [*batch, n, n]"),
        (lambda: imle.layer(torch.relu), "objective [*batch, *event]"),
        (lambda: imle.layer("knapsack", weights=torch.ones(3, 4), capacity=[2, 2, 2]), "weights=Tensor[3, 4]"),
    ],
)
def test_shapes(layer, objective):
    assert objective in repr(layer())


def test_long_instances_are_cut_short():
    edges = [(node, node + 1) for node in range(999)]
    text = repr(imle.layer("networkx-shortest-path", edges=edges, source=0, target=999))
    assert "edges=[(0, 1), (1, 2), (2, 3), (3, 4), ...]" in text
    assert "labels (0, 1), (1, 2), (2, 3), ... (999 in all)" in text
    assert max(map(len, text.splitlines())) < 160


def test_html_of_users_texts_is_escaped():
    wild = "<script>alert(1)</script>"
    layer = imle.layer("networkx-shortest-path", edges=[("a", wild)], source="a", target=wild)
    assert "<script" not in layer._repr_html_()
    assert "&lt;script&gt;" in layer._repr_html_()


def test_repr_solves_and_prepares_nothing():
    layer = imle.layer("networkx-shortest-path", **PATH)
    layer.close()
    assert "labels" not in repr(layer)
    assert not layer.is_prepared
    assert layer.stats.solves == 0


@pytest.mark.parametrize("temperatures", [(1.0, 1.0), (0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("output", ["mean", "samples", "map"])
@pytest.mark.parametrize("estimator", [*imle.list_estimators().ids, imle.estimators.IMLE(symmetric=True)])
def test_solves_per_row_are_those_that_are_made(estimator, output, temperatures):
    stochastic = not isinstance(estimator, str) or imle.info(estimator).stochastic
    tau, target = temperatures
    try:
        layer = imle.layer(
            "topk",
            k=2,
            estimator=imle.estimators.IMLE(symmetric=True) if not isinstance(estimator, str) else estimator,
            nb_samples=3 if stochastic else 1,
            output=output,
            temperature=tau,
            target_temperature=target,
        )
    except ImleError:
        return  # the rule refuses this
    scores = torch.rand(2, 5, requires_grad=True)
    if estimator == "score-function":
        loss = layer.expected_loss(scores, lambda z: z.square().sum(-1))
    else:
        loss = layer(scores).square()
    forward = layer.stats.solves
    loss.sum().backward()
    assert layer.solves_per_row == (forward / 2, (layer.stats.solves - forward) / 2)


def test_a_rule_without_a_spec_does_not_say_how_often_it_solves():
    class Own(imle.estimators.StraightThrough):
        pass

    layer = imle.layer("topk", k=1, estimator=Own())
    assert layer.solves_per_row == (1, None)
    assert "per row 1 solve forward in train(), 1 in eval()" in repr(layer)


def test_a_layer_of_blocks():
    program = "person = {A, B}\nSmokes(person)\n1 Smokes(x)"
    text = repr(imle.layer("mln-map", program=program))
    assert "objective of blocks unary, weights" in text
    assert "labels weights: 'Smokes(x)'; unary: 'Smokes(A)', 'Smokes(B)'" in text
    assert max(map(len, text.splitlines())) < 160
