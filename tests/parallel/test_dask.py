"""A real local Dask cluster: scheduler, two worker processes, training on it, and a worker killed in mid-batch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
import torch

import imle
from imle.execution import watch
from imle.solvers import SolveStatus
from support.hazards import HANG, KILL, Hazard, loaded

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def client():
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


def train(executor, steps=4, milliseconds=0.0, on_step=lambda step: None):
    """Losses and weights of a linear model that learns from a solver of pure Python."""
    torch.manual_seed(0)
    model = torch.nn.Linear(6, 4)
    layer = imle.layer(Hazard(milliseconds), executor=executor, nb_samples=4)
    features, wanted = torch.randn(12, 6), torch.eye(4)[torch.randint(4, (12,))]
    optimiser = torch.optim.SGD(model.parameters(), lr=0.5)
    losses = []
    for step in range(steps):
        on_step(step)
        loss = (layer(model(features)) - wanted).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses, model.weight.detach(), layer.stats.events


def test_training_is_the_same(client):
    losses, weights, _ = train(None)
    with client.get_executor() as executor:
        found, learned, events = train(executor)
    assert found == losses
    assert torch.equal(learned, weights)
    assert events["parallel_rows"] > 0
    assert "lost_executors" not in events
    assert client.run(loaded, "torch") == dict.fromkeys(client.run(loaded, "torch"), False)


def scores(**special):
    """`[32, 4]` objectives; `special` rows ("n3=KILL") begin with a code."""
    objective = torch.rand(32, 4, generator=torch.Generator().manual_seed(0))
    for name, code in special.items():
        objective[int(name[1:]), 0] = code
    return objective


@pytest.mark.parametrize(("code", "status"), [(KILL, SolveStatus.ERROR), (HANG, SolveStatus.TIMEOUT)])
def test_rows_that_end_their_process(client, code, status):
    """They end a child of a worker: the cluster goes on, and so does the layer on it."""
    pids = client.run(os.getpid)
    with client.get_executor() as executor:
        layer = imle.layer(Hazard(), executor=executor, timeout=1.0, on_failure="zero-grad", noise=None)
        alone = imle.layer(Hazard(), noise=None)
        for special in ({}, {"n5": code}, {}, {"n30": code}):
            objective = scores(**special)
            expected = alone(scores())
            lost = [int(name[1:]) for name in special]
            expected[lost] = 0.0
            assert torch.equal(layer(objective), expected)
            assert [(failure.row, failure.status) for failure in layer.failures] == [(row, status) for row in lost]
        assert "lost_executors" not in layer.stats.events
        assert layer.stats.events["parallel_rows"] == 4 * 32
    assert client.run(os.getpid) == pids


@contextmanager
def scheduler_elsewhere(folder):
    """A scheduler in a process of its own, and a client of it; there is one worker."""
    file = str(folder / "scheduler.json")
    options = {
        "dask_scheduler": ["--port", "0", "--dashboard-address", ":0"],
        "dask_worker": ["--no-nanny", "--nthreads", "1", "--dashboard-address", ":0"],
    }
    programs = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{name}", "--scheduler-file", file, *more],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
        )
        for name, more in options.items()
    ]
    client = distributed.Client(scheduler_file=file, timeout=120)
    try:
        client.wait_for_workers(1, timeout=120)
        yield programs[0], client
    finally:
        for program in programs:
            program.kill()
            program.wait()
        client.close(timeout=1)


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
def test_a_scheduler_that_answers_no_more(tmp_path, monkeypatch, how):
    monkeypatch.setattr(watch, "_PAUSE", 0.2)
    monkeypatch.setattr(watch, "_SILENCE", 3.0)
    objective = scores()
    expected = imle.layer(Hazard(), noise=None)(objective)
    with scheduler_elsewhere(tmp_path) as (scheduler, client):
        layer = imle.layer(Hazard(milliseconds=50), executor=client.get_executor(), noise=None)
        assert torch.equal(layer(objective), expected)
        assert "lost_executors" not in layer.stats.events
        threading.Timer(0.3, scheduler.send_signal, [how]).start()
        assert torch.equal(layer(objective), expected)  # 1.6 s of work for the one worker
        assert torch.equal(layer(objective), expected)
        assert layer.stats.events["lost_executors"] == 1


def test_a_cluster_without_workers(monkeypatch):
    """One that had some is lost after a while; one that never had any may have to wait for its turn in a queue."""
    monkeypatch.setattr(watch, "_PAUSE", 0.0)
    monkeypatch.setattr(watch, "_EMPTY", 0.2)
    there = [1]

    def waits(one):
        """What it says in the end."""
        for _ in range(100):
            if said := one.lost():
                return said
            time.sleep(0.01)
        return ""

    one = watch.Watch(lambda: there)
    assert waits(one) == ""
    there.clear()
    assert waits(one) == "it has had no worker for 0.2 s"
    assert waits(watch.Watch(lambda: there)) == ""


def test_a_worker_killed_in_mid_batch(client):
    losses, weights, _ = train(None)
    killed, timers = [], []

    def kill(step):
        if step == 1:
            pid = next(iter(client.run(os.getpid).values()))
            killed.append(pid)
            timers.append(threading.Timer(0.1, os.kill, (pid, signal.SIGKILL)))
            timers[-1].start()

    with client.get_executor() as executor:
        found, learned, events = train(executor, milliseconds=15, on_step=kill)
    assert killed
    timers[0].join()
    assert killed[0] not in client.run(os.getpid).values()
    assert found == losses
    assert torch.equal(learned, weights)
    assert events["parallel_rows"] > 0
