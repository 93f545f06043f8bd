"""Workers die, hang and raise: every other row is as if nothing had happened, and nothing stays behind."""

from __future__ import annotations

import os
import pickle
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
import torch

import imle
from imle.errors import ObjectiveError, OptionError, SolveError, SolverUnavailableError
from imle.execution import Parallel, Processes, RayExecutor, WorkerDiedError, WorkerTimeoutError, pools, watch
from imle.execution.processes import _Worker
from imle.solvers import SolveStatus
from support import hazards
from support.hazards import (
    FORK_AND_EXIT,
    FORK_AND_HANG,
    HANG,
    KILL,
    KILL_ONCE,
    RAISE,
    REFUSE,
    Hazard,
    Homebound,
    Slow,
)

LIMIT = 1.0
"""Seconds: much more than an innocent row takes, on a busy machine, too."""


@pytest.fixture
def processes():
    with Processes(2) as pool:
        yield pool


def batch(rows=9, **special):
    """`[rows, 4]` objectives; `special` rows ("n3=KILL") begin with a code."""
    objective = np.random.default_rng(0).normal(size=(rows, 4))
    for name, code in special.items():
        objective[int(name[1:]), 0] = code
    return objective


def alone(objective):
    solutions = np.zeros_like(objective)
    solutions[np.arange(len(objective)), objective.argmax(axis=1)] = 1
    return solutions


def check(result, objective, lost):
    """All rows are solved but those in `lost`, {row: status}."""
    status = np.zeros(len(objective), dtype=int) if result.status is None else result.status.astype(int)
    assert {n: int(code) for n, code in enumerate(status) if code} == lost
    solved = [n for n in range(len(objective)) if n not in lost]
    np.testing.assert_array_equal(result.solutions[solved], alone(objective)[solved])


def test_a_row_that_kills_its_worker(processes):
    objective = batch(n4=KILL)
    result = Parallel(Hazard(), processes).prepare().solve(objective)
    check(result, objective, {4: SolveStatus.ERROR})
    assert "signal 9" in result.messages[4]
    assert result.counters["worker_deaths"] >= 2
    objective = batch()
    check(Parallel(Hazard(), processes).prepare().solve(objective), objective, {})


def test_a_worker_that_dies_for_another_reason(processes, tmp_path):
    solver = Hazard(marker=str(tmp_path / "killed"))
    objective = batch(n4=KILL_ONCE)
    result = Parallel(solver, processes).prepare().solve(objective)
    check(result, objective, {})
    assert result.counters["worker_deaths"] == 1
    assert result.counters["repeated_rows"] >= 1


@pytest.mark.parametrize("rows", [32, 1000])
def test_every_row_kills_its_worker(processes, rows):
    objective = batch(rows)
    objective[:, 0] = KILL
    result = Parallel(Hazard(), processes).prepare().solve(objective)
    check(result, objective, dict.fromkeys(range(rows), SolveStatus.ERROR))
    assert processes.restarts <= 30  # of 2 per row
    assert any(re.fullmatch("not tried: [3-5] rows .*, and none was solved", told) for told in result.messages.values())
    layer = imle.layer(Hazard(), executor=processes, noise=None)
    before = processes.restarts
    with pytest.raises(SolveError, match=r"signal 9\); other rows were not waited for \(row \d+\)"):
        layer(torch.from_numpy(objective))
    assert processes.restarts - before <= 25
    objective = batch()
    assert torch.equal(layer(torch.from_numpy(objective)), torch.from_numpy(alone(objective)))


def test_most_rows_kill_their_workers(processes):
    """A few that are solved are no reason to try hundreds of others."""
    objective = batch(400)
    objective[50:, 0] = KILL  # the first chunk is well
    result = Parallel(Hazard(), processes).prepare().solve(objective)
    lost = np.flatnonzero(result.status == SolveStatus.ERROR)
    assert lost.tolist() == [*range(50, 400)]
    np.testing.assert_array_equal(result.solutions[:50], alone(objective[:50]))
    assert processes.restarts <= 60  # of 720


def test_rows_that_kill_their_workers_come_together():
    """What is found out about the first rows, and the last one, is not believed of those in between."""
    objective = batch(16)
    lost = [0, 1, 2, 3, 4, 5, 6, 7, 15]
    objective[lost, 0] = KILL
    with Processes(4) as processes:
        result = Parallel(Hazard(), processes).prepare().solve(objective)
    check(result, objective, dict.fromkeys(lost, SolveStatus.ERROR))


@pytest.mark.parametrize("policy", ["raise", "zero-grad"])
def test_workers_that_die_when_they_rebuild_the_solver(processes, policy, tmp_path):
    marker = tmp_path / "tried"
    layer = imle.layer(
        Homebound(marker=str(marker), home=os.getpid(), ends=True), executor=processes, on_failure=policy, noise=None
    )
    scores = torch.from_numpy(batch(400))
    if policy == "raise":
        with pytest.raises(SolveError, match="exit code 3"):
            layer(scores)
    else:
        assert not layer(scores).any()
        assert len(layer.failures) == 400
    assert len(marker.read_text().splitlines()) <= 30


def test_workers_that_cannot_rebuild_the_solver(processes, tmp_path):
    marker = tmp_path / "tried"
    prepared = Parallel(Homebound(marker=str(marker), home=os.getpid()), processes).prepare()
    with pytest.raises(SolverUnavailableError, match="a worker cannot rebuild the solver: ImportError"):
        prepared.solve(batch(400))
    assert len(marker.read_text().splitlines()) <= 4  # two workers; the first to say so ends the batch


def test_a_worker_that_is_killed_as_it_answers_leaves_no_pipes_open(processes, monkeypatch):
    """What is given up may just have ended: its answer counts, and its worker is gone with all that it held."""
    ask, asked = _Worker.ask, []

    def killed_at_the_very_end(self, *args):
        answer = ask(self, *args)
        self.kill()
        asked.append(self)
        return answer

    monkeypatch.setattr(_Worker, "ask", killed_at_the_very_end)
    assert processes.submit(os.getpid).result() == asked[0].pid
    assert asked[0]._tasks.closed
    assert asked[0]._answers.closed
    assert processes.pids == []


def test_a_row_that_hangs(processes):
    prepared = Parallel(Hazard(), processes, timeout=LIMIT).prepare()
    for rows in (4, 24, 500):  # from the second batch on, chunks have several rows
        objective = batch(rows, n2=HANG)
        result = prepared.solve(objective)
        check(result, objective, {2: SolveStatus.TIMEOUT})
        assert result.messages == {2: "no answer in 1 s"}
        assert result.counters["worker_deaths"] <= 2  # each costs a second: one chunk, and the row alone


def test_rows_that_hang_one_after_the_other(processes):
    objective = batch(30)
    lost = range(5, 9)
    objective[lost, 0] = HANG
    result = Parallel(Hazard(), processes, timeout=LIMIT).prepare().solve(objective)
    check(result, objective, dict.fromkeys(lost, SolveStatus.TIMEOUT))
    assert result.counters["worker_deaths"] == 4


def test_limits_are_those_of_rows_not_of_chunks(processes):
    """Chunks take longer than the limit here, rows do not."""
    prepared = Parallel(Hazard(milliseconds=300), processes, timeout=LIMIT).prepare()
    for _ in range(2):
        objective = batch(32)
        result = prepared.solve(objective)
        check(result, objective, {})
    assert "worker_deaths" not in result.counters  # now that it is known how long rows take


def test_workers_that_take_long_to_get_ready(processes):
    """What a worker does before it solves does not count."""
    prepared = Parallel(Slow(prepare_seconds=1.5), processes, timeout=LIMIT).prepare()
    objective = batch(4, n2=HANG)
    check(prepared.solve(objective), objective, {2: SolveStatus.TIMEOUT})


def test_children_of_a_worker_end_with_it(processes, tmp_path):
    """They hold its pipes, and would block its parent."""
    marker = tmp_path / "child"
    objective = batch(4, n2=FORK_AND_HANG)
    result = Parallel(Hazard(marker=str(marker)), processes, timeout=LIMIT).prepare().solve(objective)
    check(result, objective, {2: SolveStatus.TIMEOUT})
    objective = batch(4, n2=FORK_AND_EXIT)
    result = Parallel(Hazard(marker=str(marker)), processes).prepare().solve(objective)
    check(result, objective, {2: SolveStatus.ERROR})
    assert gone([int(line) for line in marker.read_text().split()])


@pytest.mark.parametrize("policy", ["raise", "zero-grad"])
def test_time_limits_of_layers(policy):
    layer = imle.layer(Hazard(), executor=2, timeout=LIMIT, on_failure=policy, noise=None)
    scores = torch.from_numpy(batch(24, n5=HANG))
    if policy == "raise":
        with pytest.raises(SolveError, match=r"no answer in 1 s; other rows were not waited for \(row 5\)"):
            layer(scores)
        return
    solved = layer(scores)
    assert [(failure.row, failure.status) for failure in layer.failures] == [(5, SolveStatus.TIMEOUT)]
    assert torch.equal(solved.sum(1), torch.ones(24).index_fill(0, torch.tensor([5]), 0.0).to(solved))


def test_time_limits_mean_processes():
    scores = torch.rand(3, 4, 4)
    layer = imle.layer("grid-shortest-path", executor=2, timeout=60.0, noise=None)
    assert torch.equal(layer(scores), imle.layer("grid-shortest-path", noise=None)(scores))
    assert not layer.solver.threads
    assert imle.layer(Hazard(), executor="auto", timeout=60.0).solver.executor == pools.cores()


def test_time_limits_without_processes():
    with pytest.raises(OptionError, match="where rows can be ended, found no executor") as caught:
        imle.layer("highs-ilp", A_ub=[[1]], b_ub=[1], timeout=1.0)
    assert "executor=2" in str(caught.value)
    assert "time_limit" in str(caught.value)
    with ThreadPoolExecutor(1) as pool, pytest.raises(OptionError, match="found ThreadPoolExecutor"):
        imle.layer(Hazard(), executor=pool, timeout=1.0)
    with pytest.raises(OptionError, match="takes torch tensors, which stay in this process"):
        imle.layer(lambda theta: theta, executor=2, timeout=1.0)
    for wrong in (0, -1.0, True, "1", float("nan"), float("inf")):
        with pytest.raises(OptionError, match="timeout: expected seconds > 0"):
            imle.layer(Hazard(), executor=2, timeout=wrong)


@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_a_row_that_raises(processes, kind):
    objective = batch(n3=RAISE)
    with ThreadPoolExecutor(2) as threads:
        result = Parallel(Hazard(), threads if kind == "threads" else processes).prepare().solve(objective)
    check(result, objective, {3: SolveStatus.ERROR})
    assert result.messages == {3: "ZeroDivisionError: this row divides by zero"}


def test_an_error_of_imle_names_its_row(processes):
    with pytest.raises(ObjectiveError, match="this row is refused") as caught:
        Parallel(Hazard(), processes).prepare().solve(batch(n6=REFUSE, n7=REFUSE))
    assert caught.value.row == 6


@pytest.mark.parametrize("policy", ["raise", "zero-grad", "last"])
def test_policies_of_the_layer(processes, policy):
    layer = imle.layer(Hazard(), executor=processes, on_failure=policy, noise=None)
    theta = torch.from_numpy(batch(n4=KILL))
    if policy == "raise":
        with pytest.raises(SolveError, match="row 4"):
            layer(theta)
        return
    out = layer(theta)
    good = [n for n in range(9) if n != 4]
    assert torch.equal(out[good], torch.from_numpy(alone(theta.numpy()))[good])
    assert [failure.row for failure in layer.failures] == [4]
    assert bool(out[4].any()) == (policy == "last")
    assert layer.stats.status["error"] == 1


def test_a_pool_that_was_shut_down():
    pool = ThreadPoolExecutor(1)
    prepared = Parallel(Hazard(), pool).prepare()
    objective = batch()
    check(prepared.solve(objective), objective, {})
    pool.shutdown()
    result = prepared.solve(objective)
    check(result, objective, {})
    assert result.counters["lost_executors"] == 1
    assert "lost_executors" not in prepared.solve(objective).counters


def test_a_standard_pool_that_breaks(tmp_path):
    """One death breaks the whole standard pool, for good: imle's own workers take over."""
    objective = batch(n4=KILL)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        result = Parallel(Hazard(), pool).prepare().solve(objective)
    check(result, objective, {4: SolveStatus.ERROR})
    assert result.counters["lost_executors"] == 1


class Gone(RayExecutor):
    """A cluster whose connection breaks: the first task fails, and of the others nothing is heard any more."""

    workers = 2

    def __init__(self):
        self.tasks = []

    def submit(self, fn, /, *args, **kwargs):
        self.tasks.append(Future())
        if len(self.tasks) == 1:
            self.tasks[0].set_exception(ConnectionError("no route"))
        return self.tasks[-1]

    def nodes(self):
        raise ConnectionError("no route")


def test_a_cluster_that_fails_in_parts(monkeypatch):
    """What it has not answered is not waited for, although imle's own workers have taken its place."""
    monkeypatch.setattr(watch, "_PAUSE", 0.05)
    monkeypatch.setattr(watch, "_SILENCE", 0.2)
    objective, gone = batch(32), Gone()
    result = Parallel(Hazard(), gone).prepare().solve(objective)
    check(result, objective, {})
    assert len(gone.tasks) > 1
    assert result.counters["lost_executors"] == 1


def test_a_worker_that_is_killed_from_outside(processes):
    prepared = Parallel(Hazard(milliseconds=30), processes).prepare()
    objective = batch(32)
    check(prepared.solve(objective), objective, {})
    pids = processes.pids
    killer = ThreadPoolExecutor(1)
    killer.submit(lambda: (time.sleep(0.2), os.kill(pids[0], signal.SIGKILL)))
    result = prepared.solve(objective)
    killer.shutdown()
    check(result, objective, {})
    assert result.counters["worker_deaths"] == 1
    assert len(processes.pids) == 2
    assert pids[0] not in processes.pids


def test_workers_do_not_import_torch(processes):
    Parallel(Hazard(), processes).prepare().solve(batch())
    assert processes.submit(hazards.loaded, "imle.solvers.result").result()
    assert not processes.submit(hazards.loaded, "torch").result()


def test_what_libraries_print_and_read(tmp_path, monkeypatch, capfd):
    """Nothing of it gets among tasks and answers: not while Python starts, not by file descriptor, not by children."""
    lines = "import os\nos.write(1, b'xxxx')\nprint('hello', flush=True)\nos.read(0, 8)\nos.system('echo hello; cat')\n"
    (tmp_path / "sitecustomize.py").write_text(lines)
    monkeypatch.syspath_prepend(tmp_path)
    with Processes(1) as pool:
        for _ in range(2):
            assert pool.submit(exec, lines).result() is None
            assert pool.submit(divmod, 7, 2).result() == (3, 1)
    out, errors = capfd.readouterr()
    assert out == ""  # it may be a program's --json
    assert "hello" in errors


def test_results_and_errors_of_tasks(processes):
    assert processes.submit(divmod, 7, 2).result() == (3, 1)
    with pytest.raises(ZeroDivisionError):
        processes.submit(divmod, 1, 0).result()
    with pytest.raises(RuntimeError, match="OddError"):
        processes.submit(hazards.raise_odd).result()
    with pytest.raises(WorkerTimeoutError, match=r"0\.2 s"):
        processes.submit_within(0.2, time.sleep, 100).result()
    with pytest.raises(WorkerDiedError, match="exit code 3"):
        processes.submit(os._exit, 3).result()
    assert processes.submit(hazards.pid).result() in processes.pids


def test_shutdown_ends_the_processes():
    pool = Processes(2)
    pool.start()
    pids = pool.pids
    assert len(pids) == 2
    pool.shutdown()
    assert not any(alive(pid) for pid in pids)
    with pytest.raises(RuntimeError):
        pool.submit(divmod, 7, 2)


def test_what_cannot_be_pickled():
    @dataclass(frozen=True)
    class Local(Hazard):
        marker: Any = None

    solver = Local(marker=(n for n in ()))
    with pytest.raises(OptionError, match="cannot be pickled") as caught:
        imle.layer(solver, executor=2)
    assert "ThreadPoolExecutor" in str(caught.value)
    imle.layer(solver, executor="auto", noise=None)(torch.eye(4))  # stays here


def test_wrong_executors():
    for wrong in (0, -1, True, 1.5, "many"):
        with pytest.raises(OptionError, match="expected an int >= 1, 'auto' or a"):
            imle.layer(Hazard(), executor=wrong)
    with pytest.raises(OptionError, match="takes torch tensors"):
        imle.layer(lambda theta: theta, executor=2)


def test_copies_and_pickles():
    import copy

    with ThreadPoolExecutor(1) as pool:
        layer = imle.layer(Hazard(), executor=pool, noise=None)
        assert torch.equal(copy.deepcopy(layer)(torch.eye(4)), torch.eye(4))
        with pytest.raises(OptionError, match="cannot be pickled"):
            pickle.dumps(layer)
    layer = pickle.loads(pickle.dumps(imle.layer(Hazard(), executor=2, noise=None)))
    assert torch.equal(layer(torch.eye(4)), torch.eye(4))


SCRIPT = """
import signal, sys, torch, imle
from imle.execution import pools
from support.hazards import Hazard
signal.signal(signal.SIGINT, signal.default_int_handler)
layer = imle.layer(Hazard(milliseconds=20), executor=2, noise=None)
layer(torch.eye(4))
try:
    print(*pools.processes(2).pids, flush=True)
    layer(torch.randn(20000, 4))  # more than three minutes of work
except KeyboardInterrupt:
    out = layer(torch.eye(4))
    print("interrupted", bool((out == torch.eye(4)).all()), flush=True)
    print(*pools.processes(2).pids, flush=True)
"""


def script(text):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    return subprocess.Popen(
        [sys.executable, "-c", text],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone(pids):
    deadline = time.monotonic() + 60
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(alive(pid) for pid in pids)


def test_ctrl_c_in_the_middle():
    process = script(SCRIPT)
    pids = [int(pid) for pid in process.stdout.readline().split()]
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to all processes of the group
    out, errors = process.communicate(timeout=60)
    said, after = out.splitlines()
    assert said == "interrupted True"
    assert process.returncode == 0
    assert errors == ""
    assert gone([*pids, *map(int, after.split())])


def test_workers_leave_with_a_parent_that_is_killed():
    process = script(SCRIPT)
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert all(alive(pid) for pid in pids)
    process.kill()
    process.communicate()
    assert gone(pids)


MAIN = """
import numpy as np, torch, imle
def largest(scores):
    return (scores == scores.max(axis=1, keepdims=True)).astype(float)
layer = imle.layer(largest, array="numpy", executor=2, noise=None)
print(layer(torch.eye(3)).tolist())
"""


def test_functions_of_the_main_script():
    process = script(MAIN)
    out, errors = process.communicate(timeout=60)
    assert errors == ""
    assert out.strip() == "[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]"
