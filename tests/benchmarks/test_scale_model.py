"""The model of scale: its closed form and its simulation agree, and both know the easy cases."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest
from benchmarks.scale_model import Costs, Load, predict, simulate, tasks

KINDS = {
    "processes": Costs(task=3e-4, byte=1e-9, worker_task=3e-4, worker_byte=1e-9, least=2e-3),
    "cluster": Costs(task=2e-3, byte=5e-9, worker_task=5e-3, worker_byte=5e-9, least=2e-2),
}
FREE = Costs(task=0.0, byte=0.0, worker_task=0.0, worker_byte=0.0, least=1e-9)


def test_closed_form_and_simulation_agree():
    cases = itertools.product(
        KINDS.values(), (1, 2, 10, 100, 1000), (1e-4, 1e-3, 1e-2, 1e-1), (math.inf, 1e8, 1e6), (3_200, 10_000)
    )
    errors = [
        math.log(predict(costs, load, workers, link).seconds / simulate(costs, load, workers, link))
        for costs, workers, seconds, link, rows in cases
        for load in [Load(rows, seconds, 1600)]
    ]
    assert len(errors) == 240
    assert max(map(abs, errors)) < 0.25
    assert statistics.fmean(map(abs, errors)) < 0.03


@pytest.mark.parametrize("model", [lambda *given: predict(*given).seconds, simulate], ids=["closed form", "simulation"])
def test_what_can_be_told_without_a_model(model):
    load = Load(1000, 1e-3, 0)
    assert model(FREE, load, 1) == pytest.approx(1.0)
    assert model(FREE, load, 10) == pytest.approx(0.1)
    assert model(FREE, Load(5, 1e-3, 0), 10) == pytest.approx(1e-3), "a row is not divided"
    waits = Costs(task=1.0, byte=0.0, worker_task=0.0, worker_byte=0.0, least=1e-9)
    assert model(waits, Load(400, 1e-3, 0), 100) == pytest.approx(400.0, rel=0.01), "a second of the parent per task"
    slow = Load(400, 1e-3, 2e6)
    assert model(FREE, slow, 100, 1e6) == pytest.approx(400.0, rel=0.01), "a second of the link per row, each way"


@pytest.mark.parametrize(
    ("load", "workers", "link", "limit"),
    [
        (Load(10_000, 1e-1, 1600), 10, math.inf, "workers"),
        (Load(50, 1e-1, 1600), 1000, math.inf, "tasks"),
        (Load(10_000, 1e-2, 1600), 1000, math.inf, "parent"),
        (Load(10_000, 1e-2, 1e6), 1000, math.inf, "bytes"),
        (Load(10_000, 1e-2, 1e6), 1000, 1e6, "link"),
    ],
)
def test_the_limit_is_named(load, workers, link, limit):
    assert predict(KINDS["cluster"], load, workers, link).limit == limit


def test_rows_are_split_as_layers_split_them():
    cluster = KINDS["cluster"]
    assert len(tasks(cluster, Load(10_000, 1e-2, 1600), 10)) == 40, "four for each worker"
    assert len(tasks(cluster, Load(10_000, 1e-2, 1600), 1000)) == 282, "as many as the parent can send in the time"
    assert len(tasks(cluster, Load(1_000, 1e-4, 1600), 100)) == 5, "of 20 ms"
    assert sum(tasks(cluster, Load(10_000, 1e-4, 1600), 7)) == 10_000
