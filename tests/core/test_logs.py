"""What the logger "imle" and those below it tell, and at which level; see docs/look-inside.md."""

from __future__ import annotations

import logging

import torch

import imle
from imle.plugins import registry


def told(caplog, name):
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.name == name]


def test_one_logger_hears_of_every_batch(caplog):
    layer = imle.layer("topk", k=1, noise=None)
    scores = torch.rand(3, 4, requires_grad=True)
    with caplog.at_level(logging.INFO, "imle"):
        layer(scores)
    assert told(caplog, "imle.layers") == []
    with caplog.at_level(logging.DEBUG, "imle"):
        layer(scores).square().sum().backward()
    assert told(caplog, "imle.layers") == [("DEBUG", "topk: 3 rows: optimal 3")] * 2


def test_rows_that_fail_are_counted(caplog):
    layer = imle.layer("networkx-shortest-path", edges=[(0, 1)], source=1, target=0, on_failure="zero-grad")
    with caplog.at_level(logging.DEBUG, "imle"):
        layer.eval()(torch.ones(2, 1))
    assert told(caplog, "imle.layers") == [("DEBUG", "networkx-shortest-path: 2 rows: infeasible 2")]


def test_plugins_that_are_read(caplog, monkeypatch):
    monkeypatch.setenv("IMLE_PLUGINS", "topk")
    try:
        with caplog.at_level(logging.DEBUG, "imle"):
            registry.refresh()
    finally:
        monkeypatch.undo()
        registry.refresh()
    lines = told(caplog, "imle.plugins")
    assert lines[0][0] == "DEBUG"
    assert lines[0][1].startswith("solver imle-topk/topk: ok in ")
