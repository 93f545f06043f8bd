"""The near end of `imle check`: starts the process that makes the checks, and watches it.

What a solver may do to that process (end it, block it, copy it) is a failure of the check that was being made.
"""

from __future__ import annotations

import contextlib
import pickle
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

from imle.cli.check_worker import Planned
from imle.errors import PluginError
from imle.testing.catalogue import CHECKS
from imle.testing.failure import CheckFailure
from imle.testing.process import end, start_python
from imle.testing.report import CheckOutcome, State

LOST = 3
"""Processes that are lost before the rest of the checks is given up."""

ENDING = 5.0
"""Seconds the process may take to end after its last check."""

_TURN = 0.1
_CODE = "from imle.cli.check_worker import main\nmain(channel)"
_FIX = {
    "ended": "raise an error instead: neither a solver nor its libraries may end the process",
    "late": "mend what blocks, or give --limit more seconds if it is only slow",
    "copy": "a process that the solver forks must not return: end it with os._exit",
}


class Made(NamedTuple):
    """One outcome: of which subject, and which of its checks."""

    subject: int
    place: int
    outcome: CheckOutcome


class Checking:
    """The checks that a request asks for.

    Args:
        request: solver, instances, only, expected, debug: see `imle check`.
        limit: seconds for each check, and for reading solver and instances.

    Attributes:
        code: the exit code if the process has reported an error; else None.
    """

    def __init__(self, request: dict[str, Any], limit: float) -> None:
        self.code: int | None = None
        self._request = request
        self._limit = limit
        self._planned: list[Planned] = []
        self._done: dict[tuple[int, int], CheckOutcome] = {}

    def run(self) -> Generator[list[Planned] | Made]:
        """What is checked, then outcomes as they come; one that comes twice is worse the second time.

        Raises:
            PluginError: solver or instances end or block the process while they are read.
        """
        for _ in range(LOST):
            running: tuple[int, int] | None = None
            for message in _messages({**self._request, "done": self._done}, self._limit):
                match message:
                    case "planned", planned if not self._planned:
                        self._planned = planned
                        yield planned
                    case "running", running:
                        pass
                    case "made", at, outcome if at not in self._done:  # a copy of the process may have sent it before
                        yield self._note(at, outcome)
                    case "copy", at:
                        at = self._known(at, "a copy of the process goes on", "copy")
                        yield self._failed(at, "one process to go on", "a copy of it that does so, too", "copy")
                    case "end", code:
                        self.code = code or None
                        return
                    case "lost", found, why:
                        at, left = self._known(running, found, why), self._left()
                        if at in self._done and left:  # between two checks the next one is to blame
                            at = left[0]
                        yield self._failed(at, "an answer", found, why)
        for at in self._left():
            reason = f"not made: the process was lost {LOST} times"
            yield self._note(at, self._outcome(at, State.INCONCLUSIVE, reason))

    def _left(self) -> list[tuple[int, int]]:
        """Checks that have no outcome."""
        every = [(s, p) for s, planned in enumerate(self._planned) for p in range(len(planned.checks))]
        return [at for at in every if at not in self._done]

    def _known(self, at: tuple[int, int] | None, found: str, why: str) -> tuple[int, int]:
        if at is None:
            solver = self._request["solver"]
            raise PluginError(f"{solver}: {found}, while solver and instances were read", hint=_FIX[why])
        return at

    def _failed(self, at: tuple[int, int], expected: str, found: str, why: str) -> Made:
        name, _, reason = self._planned[at[0]].checks[at[1]]
        failure = CheckFailure(expected, found, where=f"the process that makes the check {name!r}", fix=_FIX[why])
        return self._note(at, self._outcome(at, State.EXPECTED if reason else State.FAILED, reason, failure))

    def _outcome(
        self, at: tuple[int, int], state: State, reason: str, failure: CheckFailure | None = None
    ) -> CheckOutcome:
        name, instance, _ = self._planned[at[0]].checks[at[1]]
        return CheckOutcome(next(check for check in CHECKS if check.name == name), instance, state, reason, failure)

    def _note(self, at: tuple[int, int], outcome: CheckOutcome) -> Made:
        self._done[at] = outcome
        return Made(*at, outcome)


def _messages(request: dict[str, Any], limit: float) -> Iterator[tuple[Any, ...]]:
    """Start the process and pass its messages on; the last one is `end`, or `lost` with what was found and why.

    What solvers print goes to this process's own stderr.
    """
    process = start_python(_CODE)
    inbox: queue.Queue[tuple[Any, ...] | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process.stdout, inbox), daemon=True)
    try:
        reader.start()
        assert process.stdin
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(pickle.dumps(request))
        yield from _watched(process, inbox, limit)
    finally:
        end(process)
        reader.join(ENDING)


def _watched(
    process: subprocess.Popen[bytes], inbox: queue.Queue[tuple[Any, ...] | None], limit: float
) -> Iterator[tuple[Any, ...]]:
    since = time.monotonic()
    while True:
        over = process.poll() is not None  # asked first: all that an ended process has sent is in the queue
        try:
            message = inbox.get(timeout=_TURN)
        except queue.Empty:
            if over:
                yield "lost", f"the process has ended: {_exit(process.returncode)}", "ended"
                return
            if time.monotonic() - since > limit:
                yield "lost", f"no end within {limit:g} s", "late"
                return
            continue
        since = time.monotonic()
        if message and message[0] == "end":
            until = since + ENDING  # copies of the process may still have something to say
            with contextlib.suppress(queue.Empty):
                while late := inbox.get(timeout=max(0.0, until - time.monotonic())):
                    yield late
            yield message
            return
        if message:
            yield message


def _read(stdout: Any, inbox: queue.Queue[tuple[Any, ...] | None]) -> None:
    """Pass messages on; None once all that could write have ended."""
    with stdout, contextlib.suppress(EOFError, pickle.UnpicklingError):  # the end may come within a message
        while True:
            inbox.put(pickle.load(stdout))
    inbox.put(None)


def _exit(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
