"""Processes: an executor whose workers die one by one, not all at once."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from imle._checks import positive_int
from imle.errors import ImleError
from imle.solvers.parallel.worker import receive, send

_PROGRAM = "from imle.solvers.parallel.worker import main; main()"
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_PATIENCE = 2.0


class WorkerDiedError(ImleError, RuntimeError):
    """The worker process that ran a task ended before it answered. Other tasks are not touched."""


class WorkerTimeoutError(WorkerDiedError):
    """The worker process was killed because its task took too long."""


class Processes(Executor):
    """Worker processes for pure-Python solvers, and for solvers that may crash or hang.

    Unlike the standard library's pool, a worker that dies fails its own task only and is replaced; a task may have a
    time limit; the main script is not imported again and neither is torch; workers end when their parent does,
    however it ends. Inside workers, numerical libraries use one thread.

    Args:
        workers: how many; they start with the first tasks.

    Raises:
        OptionError: not a positive int.
    """

    def __init__(self, workers: int) -> None:
        positive_int("Processes: workers", workers)
        self.workers = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="imle-process")
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._busy: dict[Future[Any], _Worker] = {}
        self._all: set[_Worker] = set()
        self.restarts = 0
        self._finalizer = weakref.finalize(self, _close, self._all, os.getpid())

    @property
    def ready(self) -> bool:
        """Whether every worker has started."""
        with self._lock:
            return len(self._all) >= self.workers and all(worker.ready for worker in self._all)

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers that live."""
        with self._lock:
            return sorted(worker.pid for worker in self._all)

    def start(self) -> None:
        """Start all workers now, without waiting for them."""
        with self._lock:
            missing = self.workers - len(self._all)
            fresh = [_Worker() for _ in range(missing)]
            self._all.update(fresh)
            self._idle += fresh

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `fn(*args, **kwargs)` in a worker.

        The future raises `WorkerDiedError` if the worker dies.
        """
        return self.submit_within(None, fn, *args, **kwargs)

    def submit_within(self, seconds: float | None, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `fn(*args, **kwargs)` in a worker, which is killed after `seconds` (`WorkerTimeoutError`)."""
        own: Future[Future[Any]] = Future()
        future = self._threads.submit(self._run, own, seconds, (fn, args, kwargs))
        own.set_result(future)
        return future

    def abandon(self, futures: Iterable[Future[Any]]) -> None:
        """Give up tasks: those that wait are cancelled, the workers of those that run are killed."""
        for future in futures:
            if not future.cancel():
                with self._lock:
                    worker = self._busy.get(future)
                if worker is not None:
                    worker.kill()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks, and end the workers."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        if wait:
            self._finalizer()

    def _run(self, own: Future[Future[Any]], seconds: float | None, task: Any) -> Any:
        content = pickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL)
        future = own.result()
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = _Worker()
        with self._lock:
            self._all.add(worker)
            self._busy[future] = worker
        try:
            answer = worker.ask(content, seconds)
        except WorkerDiedError:
            with self._lock:
                self._all.discard(worker)
                self.restarts += 1
            raise
        else:
            with self._lock:
                self._idle.append(worker)
        finally:
            with self._lock:
                del self._busy[future]
        value, error = pickle.loads(answer)
        if error is not None:
            raise error
        return value


class _Worker:
    """One worker process, as its parent sees it. Used by one thread at a time, but for `kill`."""

    def __init__(self) -> None:
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is the parent's business
        )
        self.pid = self._process.pid
        self.ready = False
        self._expired = False
        self._started = threading.Event()
        threading.Thread(target=self._await_ready, daemon=True).start()

    def ask(self, content: bytes, seconds: float | None) -> bytes:
        """Send a task and wait for its answer.

        Raises:
            WorkerDiedError: there is none.
        """
        self._started.wait()
        timer = None
        if seconds is not None:
            timer = threading.Timer(seconds, self._expire)
            timer.daemon = True
            timer.start()
        try:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            send(self._process.stdin, content)  # type: ignore[arg-type]  # a buffered binary stream
            return receive(self._process.stdout)  # type: ignore[arg-type]
        except (EOFError, OSError, ValueError):
            code = self._end()
            if self._expired:
                raise WorkerTimeoutError(f"no answer in {seconds:g} s") from None
            if not self.ready:
                raise WorkerDiedError(
                    f"a worker process could not start (exit code {code})", hint="its message is on stderr"
                ) from None
            raise WorkerDiedError(f"the worker process died ({_told(code)})") from None
        finally:
            if timer is not None:
                timer.cancel()

    def kill(self) -> None:
        """End the process at once; the thread that waits for it finds out."""
        self._process.kill()

    def close(self) -> None:
        """Let an idle process end by itself, kill another."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is dead already
            self._process.stdin.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._end()

    def _await_ready(self) -> None:
        assert self._process.stdout is not None
        try:
            receive(self._process.stdout)  # type: ignore[arg-type]
            self.ready = True
        except (EOFError, OSError, ValueError):
            pass  # `ask` finds out
        finally:
            self._started.set()

    def _expire(self) -> None:
        self._expired = True
        self._process.kill()

    def _end(self) -> int:
        code = self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(OSError):  # what was not written yet is lost with the process
                stream.close()
        return code


def _told(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _close(workers: set[_Worker], owner: int) -> None:
    if os.getpid() == owner:  # a forked child has copies of the handles, not the processes
        while workers:
            workers.pop().close()
