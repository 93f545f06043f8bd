"""Real local clusters of Dask and Ray, two workers each: training on them, and rows and workers that die."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from concurrent.futures import wait
from contextlib import contextmanager

import numpy as np
import pytest
import torch

import imle
from imle.errors import OptionError
from imle.execution import RayExecutor
from imle.execution.recipe import recipe
from imle.execution.work import Task, run_task_apart
from imle.solvers import SolveStatus
from support.hazards import HANG, KILL, Hazard, deaf_once, loaded, pid, slow_pid


class DaskCluster:
    """Dask's scheduler and workers on this machine."""

    def __init__(self):
        distributed = pytest.importorskip("distributed")
        self._cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=50
        )
        self._client = distributed.Client(self._cluster)
        self.executor = self._client.get_executor

    def on_all(self, function, *arguments):
        """What a function returns on each worker."""
        return list(self._client.run(function, *arguments).values())

    def pids(self):
        return set(self.on_all(pid))

    def close(self):
        self._client.close()
        self._cluster.close()


class RayCluster:
    """Ray on this machine."""

    def __init__(self):
        self._ray = pytest.importorskip("ray")
        with pytest.MonkeyPatch.context() as environment:  # which workers inherit
            environment.setenv("PYTHONPATH", os.pathsep.join(entry for entry in sys.path if entry))
            environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
            self._ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=50)

    @contextmanager
    def executor(self):
        with RayExecutor() as executor:
            yield executor

    def on_all(self, function, *arguments):
        with RayExecutor() as executor:
            return [future.result() for future in [executor.submit(function, *arguments) for _ in range(4)]]

    def pids(self):
        with RayExecutor() as executor:  # both are busy for a moment, so that both are asked
            return {future.result() for future in [executor.submit(slow_pid, 0.3) for _ in range(2)]}

    def close(self):
        self._ray.shutdown()


@pytest.fixture(scope="module", params=[DaskCluster, RayCluster], ids=["dask", "ray"])
def cluster(request):
    one = request.param()
    yield one
    one.close()


on_ray = pytest.mark.parametrize("cluster", [RayCluster], ids=["ray"], indirect=True)


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


def scores(**special):
    """`[32, 4]` objectives; `special` rows ("n3=KILL") begin with a code."""
    objective = torch.rand(32, 4, generator=torch.Generator().manual_seed(0))
    for name, code in special.items():
        objective[int(name[1:]), 0] = code
    return objective


def test_training_is_the_same(cluster):
    losses, weights, _ = train(None)
    with cluster.executor() as executor:
        found, learned, events = train(executor)
    assert found == losses
    assert torch.equal(learned, weights)
    assert events["parallel_rows"] > 0
    assert "lost_executors" not in events
    assert not any(cluster.on_all(loaded, "torch"))


@pytest.mark.parametrize(("code", "status"), [(KILL, SolveStatus.ERROR), (HANG, SolveStatus.TIMEOUT)])
def test_rows_that_end_their_process(cluster, code, status):
    """They end a child of a worker: the cluster goes on, and so does the layer on it."""
    pids = cluster.pids()
    with cluster.executor() as executor:
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
    assert cluster.pids() == pids


def test_a_worker_killed_in_mid_batch(cluster):
    losses, weights, _ = train(None)
    killed, timers = [], []

    def kill(step):
        if step == 1:
            killed.append(min(cluster.pids()))
            timers.append(threading.Timer(0.1, os.kill, (killed[0], signal.SIGKILL)))
            timers[-1].start()

    with cluster.executor() as executor:
        found, learned, events = train(executor, milliseconds=15, on_step=kill)
    assert killed
    timers[0].join()
    assert killed[0] not in cluster.pids()
    assert found == losses
    assert torch.equal(learned, weights)
    assert events["parallel_rows"] > 0
    assert "lost_executors" not in events


@on_ray
@pytest.mark.usefixtures("cluster")
def test_tasks_that_are_given_up():
    """Those that wait are cancelled, those that run interrupted, with the processes that have their rows."""
    with RayExecutor() as executor:
        assert executor.workers == 2
        made = recipe(Hazard(), {})
        rows = np.array([[HANG, 0.0, 0.0, 0.0]])
        tasks = [executor.submit(run_task_apart, Task(made.digest, made.content, rows, {}), None) for _ in range(6)]
        while sum(future.running() for future in tasks) < 4:
            time.sleep(0.01)
        assert tasks[-1].cancel()
        executor.abandon(tasks)
        done, left = wait(tasks, timeout=60)
        assert not left
        assert all(future.cancelled() or future.exception() is not None for future in done)
        assert executor.submit(len, "abc").result(timeout=60) == 3


@on_ray
@pytest.mark.usefixtures("cluster")
def test_a_task_that_does_not_hear_its_interrupt_ends(tmp_path):
    with RayExecutor() as executor:
        task = executor.submit(deaf_once, started := tmp_path / "started")
        while not started.exists():
            time.sleep(0.01)
        executor.abandon([task])
        assert task.exception(timeout=60) is not None


@on_ray
@pytest.mark.usefixtures("cluster")
def test_errors_of_tasks_are_raised():
    with RayExecutor() as executor, pytest.raises(ValueError, match="invalid literal"):
        executor.submit(int, "one").result()


@on_ray
@pytest.mark.usefixtures("cluster")
def test_a_ray_executor_that_is_closed_takes_no_tasks():
    executor = RayExecutor(workers=1, num_cpus=0.5)
    future = executor.submit(len, "abc")
    executor.shutdown()
    assert future.done()
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(len, "abc")
    layer = imle.layer(Hazard(), executor=executor, noise=None)
    assert torch.equal(layer(scores()), imle.layer(Hazard(), noise=None)(scores()))
    assert layer.stats.events["lost_executors"] == 1


def test_without_a_cluster_there_is_no_executor(monkeypatch):
    monkeypatch.setattr(pytest.importorskip("ray"), "is_initialized", lambda: False)
    with pytest.raises(OptionError, match="RayExecutor: expected a Ray cluster, found that this process is not conn"):
        RayExecutor()
