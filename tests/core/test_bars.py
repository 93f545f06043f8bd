"""Bars on terminals and in notebooks, drawn by tqdm or by rich; nothing elsewhere."""

from __future__ import annotations

import copy
import pickle
import sys
import time
from io import StringIO
from types import SimpleNamespace

import pytest
import torch

import imle
from imle.progress import Bar, bar, open_bar


class Terminal(StringIO):
    def isatty(self):
        return True


@pytest.fixture(params=["rich", "tqdm"])
def drawn_by(request, monkeypatch):
    """Which library draws bars."""
    monkeypatch.setenv("COLUMNS", "120")
    if request.param == "tqdm":
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    return request.param


def test_a_bar_counts_and_says_what_is_done(drawn_by):
    out = Terminal()
    with bar("solving", 3, patience=0.0, file=out) as shown:
        assert type(shown).__name__ == {"rich": "_RichBar", "tqdm": "_TqdmBar"}[drawn_by]
        for row in range(3):
            time.sleep(0.12)  # bars are drawn ten times a second
            shown.advance(f"[row {row}]")
    text = out.getvalue()
    assert "solving" in text
    assert "3/3" in text
    assert "[row 2]" in text


@pytest.mark.usefixtures("drawn_by")
def test_a_total_that_is_known_later():
    out = Terminal()
    with bar("grounding", patience=0.0, file=out) as shown:
        shown.set(2)
        time.sleep(0.12)
        shown.set(7, 9, "a formula")
        time.sleep(0.12)
        shown.set(9)
    assert "9/9" in out.getvalue()


@pytest.mark.usefixtures("drawn_by")
def test_what_is_soon_done_needs_no_bar():
    out = Terminal()
    with bar("solving", 3, patience=60.0, file=out) as shown:
        for _ in range(3):
            shown.advance()
    assert "solving" not in out.getvalue()


@pytest.mark.usefixtures("drawn_by")
def test_nothing_is_written_to_files():
    out = StringIO()
    with bar("solving", 3, patience=0.0, file=out) as shown:
        shown.advance()
    assert (out.getvalue(), type(shown)) == ("", Bar)
    with bar("solving", 3, shown=False, file=Terminal()) as shown:
        assert type(shown) is Bar


def test_notebooks_show_bars_though_they_are_no_terminal(monkeypatch):
    cells = SimpleNamespace(get_ipython=lambda: SimpleNamespace(config={"IPKernelApp": {}}))
    monkeypatch.setitem(sys.modules, "IPython", cells)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    shown = open_bar("solving", 3, file=StringIO())
    assert type(shown) is not Bar
    shown.close()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(config={})))
    assert type(open_bar("solving", 3, file=StringIO())) is Bar  # IPython in a pipe


def test_a_layer_shows_its_rows(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(sys, "stderr", out := Terminal())
    monkeypatch.setenv("COLUMNS", "120")

    monkeypatch.setattr("imle.progress.PATIENCE", 0.0)

    def slow(rows):
        deadline = time.perf_counter() + 60
        while "/5" not in out.getvalue() and time.perf_counter() < deadline:
            time.sleep(0.05)
        return torch.ones_like(rows)

    layer = imle.layer(slow, noise=None, progress="bar")
    assert layer(torch.ones(5, 2)).shape == (5, 2)
    assert "function-solver" in out.getvalue()
    assert "/5" in out.getvalue()
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(imle.layer("topk", k=1, progress="bar")))):
        assert other.progress is not layer.progress


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda layer, x: imle.diagnose(layer, x, lambda z: z[..., 0].sum(), draws=2, progress=True), "diagnose topk"),
        (lambda layer, x: imle.calibrate(layer, x, entropy=0.5, nb_samples=8, progress=True), "calibrate topk"),
    ],
)
def test_long_calls_show_how_far_they_are(call, words, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr("imle.progress.PATIENCE", 0.0)
    monkeypatch.setattr(sys, "stderr", out := Terminal())
    monkeypatch.setenv("COLUMNS", "120")
    layer = imle.layer("topk", k=1)
    scores = torch.tensor([[2.0, 0.0, 1.0]])
    call(layer, scores)
    assert words in out.getvalue()
    before = len(out.getvalue())
    imle.diagnose(layer, scores, lambda z: z[..., 0].sum(), draws=2)
    assert len(out.getvalue()) == before
