"""What the examples share."""

from __future__ import annotations

import pytest
import torch
from matplotlib.figure import Figure


@pytest.fixture
def common(example):
    return example("common")


def test_mean_and_spread(common):
    assert common.mean_and_spread([1.0, 2.0, 3.0]) == "2.0 ± 1.0"
    assert common.mean_and_spread([1.0, 2.0], digits=2) == "1.50 ± 0.71"
    assert common.mean_and_spread([4.25], digits=2) == "4.25"


def test_a_table_has_gaps_where_a_column_has_no_such_line(common, capsys):
    common.show("regret", {"one": {"base": [1.0], "imle": [2.0]}, "two": {"imle": [3.0, 5.0]}}, ends="base")
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[0] == ["regret"]
    assert lines[1] == ["one", "two"]
    assert ["base", "1.0"] in lines
    assert ["imle", "2.0", "4.0", "±", "1.4"] in lines


def test_bars_end_at_the_means(common):
    axes = Figure().subplots()
    common.bars(axes, {"first": [1.0, 3.0], "second": [5.0]}, "title", baselines=["second"])
    assert [bar.get_width() for bar in axes.patches] == [5.0, 2.0]  # drawn from below
    assert [label.get_text() for label in axes.texts] == ["5.0", "2.0"]
    assert axes.patches[0].get_facecolor() != axes.patches[1].get_facecolor()
    assert axes.get_xlim()[0] == 0
    assert axes.get_xlim()[1] > 5


def test_bars_may_be_zero(common):
    axes = Figure().subplots()
    common.bars(axes, {"only": [0.0]}, "title")
    assert axes.get_xlim() == (0, 1)


def test_options(common):
    methods, few = {"imle": 1, "simple": 2, "aimle": 3}, ("simple",)
    parser = common.arguments("About.\n\nMore.", methods, plot="p.png", quick="less", seed=7, seeds=2)
    assert parser.description == "About."
    for words, chosen, seeds in (
        ([], list(methods), [7, 8]),
        (["--quick"], ["simple"], [7]),
        (["--quick", "--methods", "aimle"], ["aimle"], [7]),
        (["--seed", "3", "--seeds", "1", "--methods", "imle", "aimle"], ["imle", "aimle"], [3]),
    ):
        options = parser.parse_args(words)
        assert common.methods_of(options, methods, few) == chosen
        assert list(common.seeds_of(options)) == seeds
    assert parser.parse_args([]).plot.name == "p.png"
    for words in (["--methods", "none"], ["--seeds", "0"]):
        with pytest.raises(SystemExit):
            parser.parse_args(words)


def test_layers_share_nothing_that_they_learn(common):
    make = common.layers("topk", "aimle", nb_samples=2)
    first, second = make(k=2), make(k=2)
    scores = torch.randn(4, 5, requires_grad=True)
    first(scores)[:, 0].sum().backward()
    states = [layer.state_dict() for layer in (first, second)]
    assert any(not torch.equal(states[0][name], states[1][name]) for name in states[0])
