"""Processes: an executor whose workers die one by one, not all at once."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from io import FileIO
from typing import Any

from imle._checks import positive_int
from imle.errors import ImleError
from imle.execution.worker import BEGUN, answered, receive, send
from imle.solvers.forks import renew_in_children

_PROGRAM = "from imle.execution.worker import main; main()"
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
    however it ends. Inside workers, numerical libraries use one thread. A forked child has workers of its own.

    Args:
        workers: how many; they start with the first tasks.

    Raises:
        OptionError: not a positive int.
    """

    def __init__(self, workers: int) -> None:
        self.workers = positive_int("Processes: workers", workers)
        self.restarts = 0
        self._all: set[_Worker] = set()
        self._finalizer = weakref.finalize(self, _close, self._all)
        self.renew()
        renew_in_children(self)

    def renew(self) -> None:
        while self._all:  # those of the process that this one was forked from
            self._all.pop().forget()
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="imle-process")
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._busy: dict[Future[Any], _Worker] = {}

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

        Args:
            fn: what to run; it, its arguments and what it returns are pickled.
            args, kwargs: its arguments.

        Returns:
            a future, which raises what `fn` raises, or `WorkerDiedError` if the worker dies.
        """
        return self.submit_within(None, fn, *args, **kwargs)

    def submit_within(
        self,
        seconds: float | None,
        fn: Callable[..., Any],
        /,
        *args: Any,
        getting_ready: float = 0.0,
        **kwargs: Any,
    ) -> Future[Any]:
        """Run `fn(*args, **kwargs)` in a worker, which is killed after `seconds` (`WorkerTimeoutError`).

        Args:
            seconds: the limit; None for no limit.
            fn: what to run.
            args, kwargs: its arguments.
            getting_ready: seconds more, until `fn` calls `worker.begun`; the limit counts from then on.
        """
        own: Future[Future[Any]] = Future()
        future = self._threads.submit(self._run, own, (seconds, getting_ready), (fn, args, kwargs))
        own.set_result(future)
        return future

    def abandon(self, futures: Iterable[Future[Any]]) -> None:
        """Give up tasks: those that wait are cancelled, the workers of those that run are killed.

        Args:
            futures: of the tasks, as `submit` returned them; those that are done stay as they are.
        """
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

    def _run(self, own: Future[Future[Any]], limits: tuple[float | None, float], task: Any) -> Any:
        content = pickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL)
        future = own.result()
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = _Worker()
        with self._lock:
            self._all.add(worker)
            self._busy[future] = worker
        answer = None
        try:
            answer = worker.ask(content, *limits)
        finally:
            with self._lock:
                del self._busy[future]
                lost = answer is None or worker.killed  # it may have been killed at the very end
                if lost:
                    self._all.discard(worker)
                    self.restarts += 1
                else:
                    self._idle.append(worker)
            if lost:
                worker.end()
        return answered(answer)


class _Worker:
    """One worker process, as its parent sees it. Used by one thread at a time, but for `kill`."""

    def __init__(self) -> None:
        tasks, mine = os.pipe()
        answers, theirs = os.pipe()
        self._tasks, self._answers = FileIO(mine, "w"), FileIO(answers)
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(tasks), str(theirs)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(tasks, theirs),
                env={**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C is the parent's business
            )
        except BaseException:
            self._close_pipes()
            raise
        finally:
            os.close(tasks)
            os.close(theirs)
        self.pid = self._process.pid
        self.ready = self.killed = False
        self._expired = False
        self._started = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def ask(self, content: bytes, seconds: float | None, getting_ready: float) -> bytes | bytearray:
        """Send a task and wait for its answer.

        Raises:
            WorkerDiedError: there is none.
        """
        self._started.wait()
        timer = self._timer(seconds, getting_ready)
        try:
            send(self._tasks, content)
            while (message := receive(self._answers)) == BEGUN:
                timer.cancel()
                timer, getting_ready = self._timer(seconds), 0.0
            return message
        except (EOFError, OSError):
            code = self._end()
            if self._expired and getting_ready:
                raise WorkerDiedError(f"a worker process was not ready to solve in {getting_ready:g} s") from None
            if self._expired:
                raise WorkerTimeoutError(f"no answer in {seconds:g} s") from None
            if not self.ready:
                raise WorkerDiedError(
                    f"a worker process could not start (exit code {code})", hint="its message is on stderr"
                ) from None
            raise WorkerDiedError(f"the worker process died ({_told(code)})") from None
        finally:
            timer.cancel()

    def kill(self) -> None:
        """End the process and those it has started at once; the thread that waits for it finds out."""
        self.killed = True
        if self._process.returncode is None:
            _kill_group(self.pid)

    def end(self) -> None:
        """Kill the process, if it still runs, and close its pipes."""
        self.kill()
        self._end()

    def close(self) -> None:
        """Let an idle process end by itself, kill another."""
        self._tasks.close()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
        self._end()

    def forget(self) -> None:
        """In a forked child: leave the process to its parent. Open pipes here would keep it alive there."""
        self._process.returncode = 0  # or Popen warns that it still runs
        self._close_pipes()

    def _watch(self) -> None:
        """Hear that the process is ready, and when it ends, end what it has started: that may hold the pipes open."""
        try:
            receive(self._answers)
            self.ready = True
        except (EOFError, OSError):
            pass  # `ask` finds out
        self._started.set()
        self._process.wait()
        _kill_group(self.pid)

    def _timer(self, seconds: float | None, more: float = 0.0) -> threading.Timer:
        timer = threading.Timer((seconds or 0.0) + more, self._expire)
        timer.daemon = True
        if seconds is not None:
            timer.start()
        return timer

    def _expire(self) -> None:
        self._expired = True
        self.kill()

    def _end(self) -> int:
        code = self._process.wait()
        self._close_pipes()
        return code

    def _close_pipes(self) -> None:
        self._tasks.close()
        self._answers.close()


def _kill_group(leader: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nothing is left of it
        os.killpg(leader, signal.SIGKILL)


def _told(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _close(workers: set[_Worker]) -> None:
    while workers:
        workers.pop().close()
