"""A forked child has none of its parent's threads: layers that were used before work in it as new ones do."""

from __future__ import annotations

import os
import select
import signal
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import imle
from imle.execution import Parallel, Processes, pools
from imle.execution.work import PreparedPool
from imle.solvers import Cached, Timed
from imle.solvers.interruptible import interruptible
from imle.solvers.progress import ProgressRequest, monitored, report
from imle_highs.ilp import HighsILPSolver
from support.hazards import Hazard

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded"),  # Python 3.12 and later, at each fork
]

PATIENCE = 120.0
"""Seconds for a child that is not blocked, on the slowest machine."""


def in_child(check):
    """Call `check` in a forked child; fails with what went wrong there, or because it never ended."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:  # no pytest here: whatever happens, this process ends at once
        said = "the child was killed"
        try:
            check()
            said = ""
        except BaseException:
            said = traceback.format_exc()
        finally:
            os.write(write, said.encode()[-60_000:] or b"ok")
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answers:
        ended = bool(select.select([answers], [], [], PATIENCE)[0])
        if not ended:
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert ended, "the child waits for ever"
        assert answers.read().decode() == "ok"


def knapsack(solver, **options):
    rng = np.random.default_rng(0)
    weights = rng.integers(1, 50, (3, 12))
    return imle.layer(solver, A_ub=weights, b_ub=weights.sum(1) // 3, bounds=(0, 1), noise=None, **options)


LAYERS = {
    "worker processes": lambda: (imle.layer(Hazard(), executor=2, noise=None), (4,)),
    "threads of HiGHS": lambda: (knapsack("highs-ilp", executor=2), (12,)),
    "HiGHS alone": lambda: (knapsack("highs-ilp", threads=2), (12,)),
    "CP-SAT": lambda: (knapsack("ortools-ilp", executor=2), (12,)),
    "threads that share": lambda: (imle.layer("grid-shortest-path", executor=2, noise=None), (5, 5)),
    "cache": lambda: (imle.layer(Hazard(), cache=100, executor=2, noise=None), (4,)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_that_were_used_before(name):
    layer, event = LAYERS[name]()
    objective = torch.rand(8, *event, generator=torch.Generator().manual_seed(0))
    objective = -objective if len(event) == 1 else objective  # a path takes no negative costs
    expected = layer(objective)

    def check():
        assert torch.equal(layer(objective), expected)
        assert torch.equal(layer(objective.flip(0)), expected.flip(0))

    in_child(check)
    in_child(lambda: in_child(check))  # and so on
    assert torch.equal(layer(objective), expected)


@pytest.mark.parametrize("kind", [lambda: ThreadPoolExecutor(2), lambda: Processes(2)])
def test_executors_of_the_user(kind):
    with kind() as executor:
        layer = imle.layer(Hazard(), executor=executor, noise=None)
        objective = torch.rand(8, 4)
        expected = layer(objective)

        def check():
            assert torch.equal(layer(objective), expected)
            assert "lost_executors" not in layer.stats.events  # no more than a layer that is built in the child

        in_child(check)
        assert torch.equal(layer(objective), expected)


def test_instances_of_a_call():
    layer = imle.layer("grid-shortest-path", executor=2, noise=None)
    costs = torch.rand(4, 5, 5)
    ends = [(4, 4), (4, 3)] * 2
    expected = layer(costs, target=ends)

    def check():
        assert torch.equal(layer(costs, target=ends), expected)

    in_child(check)


def test_data_loaders_that_fork():
    layer = imle.layer(Hazard(), executor=2, noise=None)
    scores = torch.rand(6, 4)
    expected = layer(scores)

    class Solved(torch.utils.data.Dataset):
        def __len__(self):
            return len(scores)

        def __getitem__(self, n):
            return layer(scores[n : n + 1].expand(2, -1))[0]

    loader = torch.utils.data.DataLoader(
        Solved(), batch_size=3, num_workers=2, multiprocessing_context="fork", timeout=PATIENCE
    )
    assert torch.equal(torch.cat(list(loader)), expected)


def test_locks_that_other_threads_hold():
    """Whatever another thread is at when the process forks."""
    parallel = Parallel(Hazard(), 2, threads=True)
    timed, cached = Timed(parallel), Cached(Hazard()).prepare()
    prepared, stock, processes = timed.prepare(), PreparedPool(1), Processes(1)
    program = HighsILPSolver(sense="max").prepare(A_ub=np.ones((1, 4)), b_ub=[1], bounds=(0, 1))
    objective = np.eye(4)
    prepared.solve(objective)
    cached.solve(objective)
    program.solve(objective)
    stock_built = []

    def use():
        assert (prepared.solve(objective).solutions == objective).all()
        assert (cached.solve(objective).solutions == objective).all()
        assert (program.solve(objective).solutions == objective).all()
        with stock.acquire("", lambda: stock_built.append(1) or Hazard().prepare()):
            pass
        assert processes.submit(divmod, 7, 2).result() == (3, 1)
        pools.threads(2), pools.dispatchers(2), pools.processes(2)
        report(1)
        assert interruptible(lambda: 3, lambda: None) == 3

    with monitored(ProgressRequest(lambda _: None, 1000.0), "solver", 4):
        from imle.solvers.progress import _current

        locks = [
            parallel.throughput._lock,
            timed.clock._lock,
            cached._lock,
            prepared.inner._lock,
            stock._lock,
            processes._lock,
            pools._pools.lock,
            _current.get()._lock,
        ]
        for lock in locks:
            lock.acquire()
        try:
            in_child(use)
        finally:
            for lock in locks:
                lock.release()
        use()
    processes.shutdown()


def test_a_cache_at_which_another_thread_was_writing():
    cached = Cached(Hazard()).prepare()
    cached.solve(np.eye(4))

    def check(hits):
        assert cached.solve(np.eye(4)).counters == {"cache_hits": hits, "cache_misses": 4 - hits} | (
            {} if hits else {"rows_seen": 4}
        )

    in_child(lambda: check(4))
    with cached._lock:
        in_child(lambda: check(0))
    check(4)


def test_children_leave_the_workers_of_their_parent_alone():
    with Processes(2) as processes:
        processes.start()
        pids = processes.pids
        assert processes.submit(divmod, 7, 2).result() == (3, 1)

        def check():
            assert processes.pids == []
            assert processes.submit(os.getppid).result() == os.getpid()
            assert not set(processes.pids) & set(pids)
            processes.shutdown()

        in_child(check)
        assert processes.pids == pids
        assert processes.submit(divmod, 7, 2).result() == (3, 1)


def test_children_do_not_keep_the_workers_of_their_parent_alive():
    """An end of a pipe that is open in a child would hide that the parent has closed its own."""
    processes = Processes(1)
    assert processes.submit(divmod, 7, 2).result() == (3, 1)
    (worker,) = processes._all
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(read, 1)  # until the parent is through
        os._exit(0)
    try:
        worker._tasks.close()
        assert worker._process.wait(PATIENCE) == 0
    finally:
        os.write(write, b"x")
        os.waitpid(pid, 0)
        os.close(read), os.close(write)
    processes.shutdown()
