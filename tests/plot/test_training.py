"""Curves, diagnoses, and what happens without matplotlib."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

import imle
from imle.errors import ObjectiveError, OptionError, SolverUnavailableError
from imle.plot import History


def test_record_keeps_loss_and_sparsity():
    history = History()
    history.record(torch.tensor(2.0), torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    history.record(1.5, torch.ones(3))
    assert history == History([2.0, 1.5], [0.75, 0.0])
    with pytest.raises(ObjectiveError, match="at least one entry"):
        history.record(1.0, torch.zeros(0))


def test_lines_are_the_histories():
    named = {"imle": History([3.0, 2.0, 1.0], [0.5, 0.75, 1.0]), "identity": History([3.0, 1.0, 0.5])}
    figure = imle.plot.training(named, title="a race")
    loss, sparsity = figure.axes
    assert [line.get_ydata().tolist() for line in map(_array, loss.lines)] == [[3.0, 2.0, 1.0], [3.0, 1.0, 0.5]]
    assert [line.get_xdata().tolist() for line in map(_array, loss.lines)] == [[0, 1, 2]] * 2
    assert [line.get_ydata().tolist() for line in map(_array, sparsity.lines)] == [[0.5, 0.75, 1.0]]
    assert sparsity.lines[0].get_color() == loss.lines[0].get_color() != loss.lines[1].get_color()
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["imle", "identity"]
    assert figure.get_suptitle() == "a race"


def _array(line):
    line.set_data(np.asarray(line.get_xdata()), np.asarray(line.get_ydata()))
    return line


def test_one_history_without_gradients_is_one_chart():
    figure = imle.plot.training(History([10.0, 1.0]), log=True)
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    assert axes.get_legend() is None


def test_training_a_layer():
    torch.manual_seed(0)
    layer, history = imle.layer("topk", k=2, nb_samples=10), History()
    scores = torch.nn.Parameter(torch.zeros(4, 6))
    wanted = torch.eye(6)[:2].sum(0)
    optimizer = torch.optim.SGD([scores], lr=0.5)
    for _ in range(30):
        optimizer.zero_grad()
        loss = (layer(scores) - wanted).square().mean()
        loss.backward()
        history.record(loss, scores.grad)
        optimizer.step()
    assert history.loss[-1] < history.loss[0]
    _, sparsity = imle.plot.training(history).axes
    assert list(sparsity.lines[0].get_ydata()) == history.sparsity
    assert 0 <= min(history.sparsity) <= max(history.sparsity) <= 1


@pytest.mark.parametrize(
    ("histories", "says"),
    [
        ({}, "at least one History"),
        ({"a": [1.0]}, "a: expected a History, found list"),
        (History(), "at least one step"),
        (History([1.0, 2.0], [0.5]), "in every step or in none, found 1 in 2 steps"),
    ],
)
def test_bad_histories(histories, says):
    with pytest.raises(OptionError, match=says):
        imle.plot.training(histories)


@pytest.fixture(scope="module")
def report():
    layer = imle.layer("topk", k=2, nb_samples=4)
    return imle.diagnose(layer, torch.linspace(-1, 1, 12).reshape(2, 6), lambda z: z[..., 0].sum(), draws=2)


def test_a_diagnosis_shows_its_grid(report):
    figure = imle.plot.diagnosis(report)
    images = [axes.images[0] for part in figure.subfigs for axes in part.axes if axes.images]
    fields = ("zero", "saturated", "cosine")
    assert len(images) == len(fields)
    for image, field in zip(images, fields, strict=True):
        expected = [[getattr(report.at(step, tau), field) for tau in report.temperatures] for step in report.steps]
        assert np.array_equal(np.asarray(image.get_array()), np.array(expected, float), equal_nan=True)
    bars = figure.subfigs[1].axes[2].patches
    total = sum(report.seconds.values())
    assert [bar.get_width() for bar in bars] == pytest.approx(
        [max(report.seconds[name], 0.0) / total for name in reversed(report.seconds)]
    )


@pytest.mark.slow
def test_a_diagnosis_writes_the_same_picture(report, tmp_path):
    report.plot(tmp_path / "a.png")
    imle.plot.diagnosis(report).savefig(tmp_path / "b.png", dpi=130)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    "draw",
    [
        lambda: imle.plot.marginals([0.5]),
        lambda: imle.plot.samples([[0.5]]),
        lambda: imle.plot.training(History([1.0])),
    ],
)
def test_without_matplotlib(draw, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SolverUnavailableError, match="a plot needs matplotlib") as caught:
        draw()
    assert caught.value.hint == "pip install 'imle[plot]'"


def test_importing_it_imports_neither_matplotlib_nor_torch(run_python):
    assert run_python("import imle.plot, sys; print({'matplotlib', 'torch', 'networkx'} & set(sys.modules))") == "set()"
