"""Progress of long solves: who is told what, and that it changes nothing."""

from __future__ import annotations

import logging
import re
import threading
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

import imle
from imle.errors import OptionError
from imle.solvers import Progress, SolveResult, progress


@dataclass(frozen=True)
class Telling:
    """Solves rows one by one, waits for whoever listens to hear of each, and says how far it is."""

    sense: ClassVar[str] = "max"
    array: ClassVar[str] = "numpy"
    heard: threading.Event

    def prepare(self, size=None):
        return PreparedTelling(self.heard)


@dataclass(frozen=True)
class PreparedTelling:
    objective_shape: ClassVar[tuple[None]] = (None,)
    heard: threading.Event

    def solve(self, objective, *, hint=None, **rows):
        for row in range(len(objective)):
            progress.report(gap=0.25 / (row + 1))
            if progress.is_requested():
                self.heard.clear()
                assert self.heard.wait(60)
            progress.report(1)
        return SolveResult((objective > 0).astype(np.float64))

    def close(self):
        pass


class Listener:
    def __init__(self):
        self.told: list[Progress] = []
        self.heard = threading.Event()

    def __call__(self, now):
        self.told.append(now)
        self.heard.set()


@pytest.fixture(autouse=True)
def hundred_times_a_second(monkeypatch):
    monkeypatch.setattr(progress, "_PAUSE", 0.01)


def test_a_function_hears_of_rows_and_gaps():
    listener = Listener()
    layer = imle.layer(Telling(listener.heard), noise=None, progress=listener)
    objective = torch.tensor([[1.0, -1.0], [-1.0, 1.0], [2.0, 2.0]])
    assert layer(objective).tolist() == [[1, 0], [0, 1], [1, 1]]
    first, last = listener.told[0], listener.told[-1]
    assert (first.solver, first.rows, first.done, first.gap) == ("telling", 3, None, 0.25)
    assert (last.done, last.gap) == (2, pytest.approx(0.25 / 3))
    assert [now.seconds for now in listener.told] == sorted(now.seconds for now in listener.told)
    told = len(listener.told)
    time.sleep(0.05)
    assert len(listener.told) == told  # the batch is over
    assert not progress.is_requested()


def test_a_function_that_raises_loses_no_batch(caplog):
    def broken(now):
        raise ValueError("broken")

    layer = imle.layer(slow, array="numpy", noise=None, progress=broken)
    with caplog.at_level(logging.ERROR, "imle.progress"):
        assert layer(torch.ones(2, 3)).tolist() == [[1, 1, 1]] * 2
    assert [record.exc_info[0] for record in caplog.records] == [ValueError]


def slow(objective):
    time.sleep(0.1)
    return np.ones_like(objective)


def test_seconds_give_lines_on_stderr(capfd):
    layer = imle.layer(slow, array="numpy", noise=None, progress=0.03)
    layer(torch.ones(2, 3))
    lines = capfd.readouterr().err.splitlines()
    assert lines
    assert all(re.fullmatch(r"function-solver: 2 rows in \d+ s", line) for line in lines)
    assert str(Progress("x", 5, 2, 61.4, 0.0123)) == "x: 2 of 5 rows in 61 s, gap of this row 1.23%"


def test_rows_of_workers_are_counted():
    listener = Listener()
    layer = imle.layer(a_row_at_a_time, array="numpy", noise=None, progress=listener, executor=2)
    for _ in range(2):  # the first batch tells how long rows take, and so how many go together
        listener.told.clear()
        layer(torch.ones(40, 3))
    counts = [now.done for now in listener.told if now.done is not None]
    assert counts == sorted(counts)
    assert 0 < counts[0] <= counts[-1] <= 40


def a_row_at_a_time(objective):
    time.sleep(0.02 * len(objective))
    return np.ones_like(objective)


@pytest.mark.parametrize("options", [{"id": "highs-ilp"}, {"id": "ortools-ilp", "backend": "cp-sat"}])
def test_solvers_tell_their_gap(options):
    sizes = np.random.default_rng(0).integers(300, 800, size=(5, 100)) / 100
    values = torch.from_numpy(np.random.default_rng(1).uniform(0.5, 1.5, size=(1, 100)))
    solver = options.pop("id")
    gaps: list[float] = []
    for limit in (0.5, 2.0, 8.0):  # a loaded machine has no bound yet after the first
        listener = Listener()
        layer = imle.layer(
            solver,
            **options,
            A_ub=sizes,
            b_ub=sizes.sum(axis=1) / 4,
            bounds=(0, 1),
            sense="max",
            time_limit=limit,
            noise=None,
            on_failure="zero-grad",
            progress=listener,
        )
        layer(values)
        gaps = [now.gap for now in listener.told if now.gap is not None]
        if gaps:
            break
    assert gaps
    assert 0 < gaps[-1] <= gaps[0] < 1


@pytest.mark.parametrize("given", [0, -1.0, True, "often", float("inf"), float("nan")])
def test_what_is_not_a_pace_is_refused(given):
    with pytest.raises(OptionError, match=r"progress: expected seconds > 0, a function of a Progress, 'bar' or None"):
        imle.layer("topk", k=1, progress=given)
