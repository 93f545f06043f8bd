"""RayExecutor: tasks of a Ray cluster as `concurrent.futures` has them."""

from __future__ import annotations

import importlib
import pickle
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sized
from concurrent import futures
from concurrent.futures import Executor, Future
from contextlib import suppress
from functools import partial
from typing import Any

from imle._checks import positive_int
from imle.errors import OptionError, SolverUnavailableError
from imle.execution.processes import WorkerDiedError
from imle.execution.worker import answered, run_pickled

_AHEAD = 2
"""Tasks per worker that are handed over: while one is solved, the next one is on its way."""
_PATIENCE = 2.0
"""Seconds after which the worker of a task that was interrupted, and goes on, is ended."""


class RayExecutor(Executor):
    """Runs tasks on the Ray cluster that this process is connected to.

    Ray starts the tasks of a lost worker again by itself (`max_retries`). The executor uses the cluster and does not
    own it: `shutdown` ends no worker.

    Args:
        workers: how many tasks the cluster runs at the same time; by default as many as it has CPUs for now.
        options: of each task, as `ray.remote` takes them: `num_cpus` (1), `resources`, `max_retries`, ...

    Raises:
        SolverUnavailableError: Ray cannot be imported.
        OptionError: Ray is not connected, or `workers` is not a positive int.
    """

    def __init__(self, workers: int | None = None, **options: Any) -> None:
        try:
            self._ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise SolverUnavailableError(
                f"RayExecutor needs Ray, which cannot be imported: {error}", hint="pip install 'imle[ray]'"
            ) from error
        if not self._ray.is_initialized():
            raise OptionError(
                "RayExecutor: expected a Ray cluster, found that this process is not connected to any",
                hint='ray.init() starts one on this machine, ray.init("auto") connects to the one it is part of',
            )
        options = {"num_cpus": 1, **options}
        if workers is None:
            cpus = self._ray.cluster_resources().get("CPU", 1.0)
            workers = max(1, int(cpus / options["num_cpus"])) if options["num_cpus"] else 1
        positive_int("RayExecutor: workers", workers)
        self.workers = workers
        self._run = self._ray.remote(**options)(run_pickled)
        self._lock = threading.Lock()
        self._waiting: deque[_RayFuture] = deque()
        self._sent: set[_RayFuture] = set()
        self._closed = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `fn(*args, **kwargs)` on a worker of the cluster.

        Args:
            fn: what to run; it, its arguments and what it returns are pickled.
            args, kwargs: its arguments.

        Returns:
            a future, which raises what `fn` raises, or `WorkerDiedError` where all workers that tried died.

        Raises:
            RuntimeError: the executor or Ray was shut down.
        """
        future = _RayFuture(pickle.dumps((fn, args, kwargs), protocol=pickle.HIGHEST_PROTOCOL))
        with self._lock:
            if self._closed or not self._ray.is_initialized():
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._waiting.append(future)
        self._send()
        return future

    def abandon(self, tasks: Iterable[Future[Any]]) -> None:
        """Give up tasks: those that wait are cancelled, those that run are interrupted.

        Args:
            tasks: their futures, as `submit` returned them; those that are done stay as they are.
        """
        running = [future for future in tasks if not future.cancel()]  # first, or some would take the free places
        self._interrupt([future for future in running if isinstance(future, _RayFuture)])

    def _interrupt(self, tasks: list[_RayFuture], force: bool = False) -> None:
        """Interrupt tasks, and end the workers of those that go on: interrupts that come at a bad moment are lost."""
        with self._lock:
            left = [(future, future.ref) for future in tasks if not future.done()]
        for _, ref in left:
            if ref is not None:
                with suppress(Exception):  # a cluster that is gone has nothing to interrupt
                    self._ray.cancel(ref, force=force)
        if left and self._ray.is_initialized():
            again = threading.Timer(_PATIENCE, self._interrupt, ([future for future, _ in left], True))
            again.daemon = True
            again.start()

    def nodes(self) -> Sized:
        """The machines of the cluster that live and have CPUs."""
        return [node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks. The cluster goes on.

        Args:
            wait: for the tasks under way.
            cancel_futures: cancel those that wait.
        """
        with self._lock:
            self._closed = True
            left = [*self._waiting, *self._sent]
        if cancel_futures:
            for future in left:
                future.cancel()
        if wait:
            futures.wait(left)

    def _send(self) -> None:
        """Hand over as many tasks as keep the workers busy. The others wait here, where they can be cancelled."""
        started = []
        with self._lock:
            while self._waiting and len(self._sent) < _AHEAD * self.workers:
                future = self._waiting.popleft()
                if future.set_running_or_notify_cancel():
                    self._sent.add(future)
                    started.append((future, self._start(future)))
        for future, found in started:  # without the lock: what is done already arrives at once
            found.add_done_callback(partial(self._arrive, future))

    def _start(self, future: _RayFuture) -> Future[bytes]:
        found: Future[bytes] = Future()
        try:
            if not self._ray.is_initialized():  # Ray would start a cluster of its own
                raise RuntimeError("Ray was shut down")
            future.ref = self._run.remote(future.content)
            found = future.ref.future()
        except Exception as error:  # whatever Ray raises
            found.set_exception(error)
        future.content = b""
        return found

    def _arrive(self, future: _RayFuture, found: Future[bytes]) -> None:
        """A task has ended. Called by a thread of Ray."""
        with self._lock:
            self._sent.discard(future)
        self._send()
        try:
            value = answered(found.result())
        except BaseException as error:  # an interrupt among them: who waits for the task has to hear of it
            future.set_exception(self._told(error))
        else:
            future.set_result(value)
        future.ref = None  # or the cluster keeps the answer

    def _told(self, error: BaseException) -> BaseException:
        known = self._ray.exceptions
        if isinstance(error, (known.WorkerCrashedError, known.NodeDiedError, known.OutOfMemoryError)):
            return WorkerDiedError(f"every worker of the cluster that was given this task died: {error}")
        return error


class _RayFuture(Future[Any]):
    """What becomes of a task.

    Args:
        content: the task, until it is sent.

    Attributes:
        ref: what Ray knows it by, while it runs.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content
        self.ref: Any = None
