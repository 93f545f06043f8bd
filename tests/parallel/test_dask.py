"""A real local Dask cluster: scheduler, two worker processes, training on it, and a worker killed in mid-batch."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
import torch

import imle
from support.hazards import Hazard, loaded

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


def test_a_worker_killed_in_mid_batch(client):
    losses, weights, _ = train(None)
    killed = []

    def kill(step):
        if step == 1:
            pid = next(iter(client.run(os.getpid).values()))
            killed.append(pid)
            threading.Timer(0.1, os.kill, (pid, signal.SIGKILL)).start()

    with client.get_executor() as executor:
        start = time.monotonic()
        found, learned, events = train(executor, milliseconds=15, on_step=kill)
    assert time.monotonic() - start > 0.1
    assert killed
    assert killed[0] not in client.run(os.getpid).values()
    assert found == losses
    assert torch.equal(learned, weights)
    assert events["parallel_rows"] > 0
