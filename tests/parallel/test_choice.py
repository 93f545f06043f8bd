"""How rows are cut into tasks, and when "auto" leaves them where they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import imle
from imle.execution import Parallel, pools
from imle.execution.parallel import workers_of
from imle.execution.throughput import Throughput
from imle.solvers import Cached, Pooled, SolutionPool
from support.hazards import Hazard


@given(st.integers(1, 500), st.integers(1, 9), st.none() | st.floats(1e-7, 1.0), st.floats(1e-4, 1.0))
def test_chunks_cover_the_batch(rows, workers, seconds, least):
    throughput = Throughput()
    if seconds is not None:
        throughput.solved(rows, seconds * rows)
    chunks = throughput.chunks(rows, workers, least)
    assert [n for start, stop in chunks for n in range(start, stop)] == list(range(rows))
    assert all(start < stop for start, stop in chunks)
    sizes = [stop - start for start, stop in chunks]
    assert max(sizes) - min(sizes) <= 1
    if seconds is not None and len(chunks) > 1:
        assert rows * seconds / len(chunks) >= least * 0.99


def test_the_faster_way_is_taken_and_the_other_tried_again():
    throughput = Throughput()
    assert throughput.better() == "serial"
    throughput.waited("serial", 10, 1.0)
    assert throughput.better() == "parallel"
    throughput.waited("parallel", 10, 1.5)
    taken = []
    for _ in range(130):
        taken.append(throughput.better())
        throughput.waited(taken[-1], 10, 1.0 if taken[-1] == "serial" else 1.5)
    assert taken.count("parallel") == 2


def test_auto_starts_no_process_for_cheap_solvers(monkeypatch):
    monkeypatch.setattr(pools, "processes", lambda workers: pytest.fail("started"))
    layer = imle.layer(Hazard(), executor="auto", noise=None)
    for _ in range(20):
        assert torch.equal(layer(torch.eye(4)), torch.eye(4))
    assert "parallel_rows" not in layer.stats.events


def test_auto_uses_processes_once_they_pay():
    prepared = Parallel(Hazard(milliseconds=5)).prepare()
    objective = np.random.default_rng(0).normal(size=(60, 4))
    expected = Hazard().prepare().solve(objective).solutions
    went = 0
    for _ in range(60):
        result = prepared.solve(objective)
        np.testing.assert_array_equal(result.solutions, expected)
        went = result.counters.get("parallel_rows", 0)
        if went:
            break
    assert went == 60 or pools.cores() == 1


def test_how_many_instances_are_solved_at_the_same_time(monkeypatch):
    monkeypatch.setattr(pools, "cores", lambda: 5)
    assert workers_of(Hazard()) == workers_of(Cached(Hazard())) == 1
    assert workers_of(Parallel(Hazard(), 3)) == workers_of(Cached(Parallel(Hazard(), 3))) == 3
    assert workers_of(Parallel(Hazard(), "auto", threads=True)) == 5
    assert workers_of(Parallel(Hazard(), "auto")) == 1, "whether processes pay is measured, one batch after the other"
    assert workers_of(Pooled(Parallel(Hazard(), 3), SolutionPool())) == 1, "they share the pool"


def test_an_instance_is_a_snapshot_for_workers_too():
    import networkx as nx

    from support.hazards import pid

    graph = nx.DiGraph([(0, 1), (1, 3), (0, 2), (2, 3)])
    layer = imle.layer("networkx-shortest-path", graph=graph, source=0, target=3, executor=2, noise=None)
    costs = torch.rand(6, 4)
    graph.remove_edge(2, 3)
    assert layer(costs).shape == (6, 4)
    assert pools.threads(2).submit(pid).result() > 0
