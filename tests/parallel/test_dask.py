"""A scheduler of Dask in a process of its own that answers no more, and clusters without workers."""

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
from support.hazards import Hazard

distributed = pytest.importorskip("distributed")


def scores():
    return torch.rand(32, 4, generator=torch.Generator().manual_seed(0))


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
