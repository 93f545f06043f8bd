"""toulbar2 on components as cost function networks: strong on pairwise models, on blocks and on small frustrated ones.

Its searches run in processes of their own, as many as solve at the same time, which are kept for the next solves: see
`toulbar2_process`. Each component is built and solved anew for each solve: toulbar2 can change a network it has solved,
but has been seen to return a wrong optimum then.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, cast

import numpy as np

from imle.errors import SolveError, SolverUnavailableError
from imle.solvers import SolveStatus
from imle.solvers.cancellation import stoppable
from imle_linear.engines import Clock
from imle_mln.engines.cost_network import CostNetwork
from imle_mln.engines.toulbar2_process import STOPPED, Answer
from imle_mln.inference.components import Components, EngineResult, Options
from imle_mln.inference.encoding import Encoding
from imle_mln.inference.energy import Coefficients

_PROGRAM = Path(__file__).with_name("toulbar2_process.py")
_PATIENCE, _LEAST = 0.2, 0.1
"""How much of its time an interrupted search may take to end by itself, and the least of it in seconds; then its
process is killed, and with it what it has found."""
_DYING = 10.0
"""Seconds a process may take to end whose connection has ended."""
_AGAIN = 0.02
"""Seconds between interruptions."""
_PER_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Toulbar2:
    """Solves components one by one."""

    def __init__(self, components: Components, options: Options) -> None:
        self.atoms = components.atoms
        self._components, self._seed = components, options.seed
        self._networks = [CostNetwork(one) for one in components.each()]

    def solve(self, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """Maximise. Optimal up to half a unit per coefficient, which are rounded: see `fixed_point`.

        After the time limit a component has the best state toulbar2 found, or all its atoms are false if that breaks
        nothing.

        Raises:
            SolveError: toulbar2 fails, or a state is not worth what toulbar2 says.
        """
        states = np.zeros(len(self._components.inside), np.bool_)
        status, slack = SolveStatus.OPTIMAL, 0.0
        for network in self._networks:
            found = self._one(network, coefficients, clock)
            if found.status == SolveStatus.INFEASIBLE:
                return found
            status, slack = max(status, found.status), slack + found.slack
            if found.states is not None:
                states[network.atoms] = found.states
        own = states[self.atoms]
        if status == SolveStatus.TIMEOUT:
            encoding = Encoding(self._components)
            if len(encoding.rows.broken(encoding.complete(own))):
                return EngineResult(status)
            status = SolveStatus.FEASIBLE
        return EngineResult(status, own, slack)

    def _one(self, network: CostNetwork, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """One component; TIMEOUT has the slack of all its atoms being false."""
        whole = network.whole(coefficients)
        problem, best = network.problem(whole, self._seed)
        with borrowed() as worker, stoppable(worker.kill):
            values, cost, bound = worker.solve(problem, clock()) or (None, problem["top"], STOPPED)
        done = bound >= cost
        if values is None and done:
            return EngineResult(SolveStatus.INFEASIBLE)
        if not done and not worker.interrupted:
            raise SolveError(f"mln: toulbar2 ended at cost {cost} with a bound of {bound}, without being interrupted")
        states = np.zeros(len(network.atoms), np.bool_) if values is None else network.states(values)
        value = network.energy_of(whole, states)
        if values is not None and value != best - cost:
            raise SolveError(f"mln: toulbar2 says that a state is worth {best - cost}, it is {value}")
        slack = whole.rounding + float(np.ldexp(best - max(bound, 0) - value, -whole.shift))
        if values is None:
            return EngineResult(SolveStatus.TIMEOUT, None, slack)
        return EngineResult(SolveStatus.OPTIMAL if done else SolveStatus.FEASIBLE, states, slack)


class Worker:
    """One process. Used by one thread at a time.

    Attributes:
        owner: the process that has started it.
        interrupted: whether its last search was: then it is not used again, because toulbar2 keeps some of the options
            that it changes to end a search.
    """

    def __init__(self) -> None:
        self._connection, theirs = Pipe()
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_PROGRAM), str(theirs.fileno())],
                stdin=subprocess.PIPE,  # closed when this process ends
                stdout=subprocess.DEVNULL,  # toulbar2 prints
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **dict.fromkeys(_PER_THREAD, "1"), "PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C is the parent's business
            )
        self.owner = os.getpid()
        self.interrupted = self._ready = False

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def solve(self, problem: dict[str, Any], seconds: float | None) -> Answer | None:
        """Solve a problem of `toulbar2_process.solve`; None if it does not end in time.

        Args:
            problem: what to solve.
            seconds: after these the search is interrupted. That the process has to start is not counted.

        Raises:
            SolveError: toulbar2 fails, or the process dies.
            SolverUnavailableError: pytoulbar2 cannot be imported.
        """
        if not self._ready:
            self._start()
        try:
            self._connection.send(problem)
        except OSError:
            raise self._died() from None
        self.interrupted = seconds is not None and not self._connection.poll(max(seconds, 0.0))
        if self.interrupted and not self._interrupt(max(_LEAST, _PATIENCE * (seconds or 0.0))):
            return None
        answer, error = self._receive()
        if error:
            raise SolveError(f"mln: toulbar2: {error}")
        return cast(Answer, answer)

    def _start(self) -> None:
        wrong = self._receive()
        if wrong:
            self.close()
            raise SolverUnavailableError(
                f"mln: engine='toulbar2': pytoulbar2 cannot be imported: {wrong}",
                hint="pip install --force-reinstall pytoulbar2",
            )
        self._ready = True

    def _interrupt(self, patience: float) -> bool:
        """End the search; whether there is an answer then. Signals that come before the search are lost."""
        for _ in range(int(patience / _AGAIN)):
            self._process.send_signal(signal.SIGINT)
            if self._connection.poll(_AGAIN):
                return True
        return False

    def _receive(self) -> Any:
        try:
            return self._connection.recv()
        except (EOFError, OSError):
            raise self._died() from None

    def _died(self) -> SolveError:
        with contextlib.suppress(subprocess.TimeoutExpired):  # or its exit code would be that of `close`
            self._process.wait(_DYING)
        self.close()
        return SolveError(f"mln: toulbar2's process died (exit code {self._process.returncode})")

    @property
    def alive(self) -> bool:
        """Whether it can be asked again; not so in a forked child of the process that has started it."""
        return self.owner == os.getpid() and self._process.poll() is None

    def kill(self) -> None:
        """End the process at once; the thread that waits for it finds out."""
        self._process.kill()

    def close(self) -> None:
        """End the process, or forget it where a parent of this one has started it."""
        if self.owner == os.getpid():
            self._process.kill()
            self._process.wait()
        self._connection.close()
        assert self._process.stdin is not None
        self._process.stdin.close()


_IDLE: list[Worker] = []


@contextmanager
def borrowed() -> Iterator[Worker]:
    """A worker that no other thread uses. After an exception or interruption it is ended."""
    worker = _idle() or Worker()
    try:
        yield worker
    except BaseException:
        worker.close()
        raise
    if worker.interrupted:
        worker.close()
    else:
        _IDLE.append(worker)


def _idle() -> Worker | None:
    while _IDLE:
        with contextlib.suppress(IndexError):  # another thread was faster
            worker = _IDLE.pop()  # atomic, so threads never share one
            if worker.alive:
                return worker
            worker.close()
    return None


@atexit.register
def _end_all() -> None:
    while _IDLE:
        _IDLE.pop().close()
