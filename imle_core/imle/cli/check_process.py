"""The near end of `imle check`: starts the process that makes the checks, and watches it.

What a solver may do to that process (end it, block it, copy it) is a failure of the check that was being made.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from imle.errors import PluginError
from imle.testing.catalogue import CHECKS
from imle.testing.failure import CheckFailure
from imle.testing.process import end, start_python
from imle.testing.report import Outcome, State

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


@dataclass(frozen=True)
class Told:
    """A subject as the process tells of it.

    Attributes:
        name, summary, origin, instances: as in `imle.testing.Subject`.
        checks: name, instance and the reason of an expected failure, in their order.
    """

    name: str
    summary: str
    origin: str
    instances: tuple[str, ...]
    checks: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Made:
    """One outcome: of which subject, and which of its checks."""

    subject: int
    place: int
    outcome: Outcome


class Checking:
    """The checks that a request asks for.

    Args:
        request: solver, instances, only, expected, debug: see `imle check`.
        limit: seconds for each check, and for reading solver and instances.

    Attributes:
        code: the exit code if the process has told of an error; None while it has not.
    """

    def __init__(self, request: dict[str, Any], limit: float) -> None:
        self.code: int | None = None
        self._request = request
        self._limit = limit
        self._subjects: list[Told] = []
        self._done: dict[tuple[int, int], Outcome] = {}

    def run(self) -> Generator[list[Told] | Made]:
        """What is checked, then outcomes as they come; one that comes twice is worse the second time.

        Raises:
            PluginError: solver or instances end or block the process while they are read.
        """
        for _ in range(LOST):
            running = None
            request = {**self._request, "done": [[*at, outcome.as_json()] for at, outcome in self._done.items()]}
            for message in _messages(request, self._limit):
                if "subjects" in message and not self._subjects:
                    self._subjects = [_told(subject) for subject in message["subjects"]]
                    yield self._subjects
                elif "running" in message:
                    running = tuple(message["running"])
                elif "outcome" in message and tuple(message["at"]) not in self._done:  # else a copy came first
                    yield self._note(tuple(message["at"]), _outcome(message["outcome"]))
                elif "copy" in message:
                    yield self._copied(message["copy"])
                elif "end" in message:
                    self.code = message["end"] or None
                    return
                elif "lost" in message:
                    yield self._lost(running, message["lost"], message["why"])
        for at in self._left():
            name, instance, _ = self._subjects[at[0]].checks[at[1]]
            reason = f"not made: the process was lost {LOST} times"
            yield self._note(at, Outcome(_check(name), instance, State.INCONCLUSIVE, reason))

    def _note(self, at: tuple[int, int], outcome: Outcome) -> Made:
        self._done[at] = outcome
        return Made(*at, outcome)

    def _left(self) -> list[tuple[int, int]]:
        """Checks that have no outcome."""
        every = [(s, p) for s, told in enumerate(self._subjects) for p in range(len(told.checks))]
        return [at for at in every if at not in self._done]

    def _lost(self, running: tuple[int, int] | None, found: str, why: str) -> Made:
        if running is None:
            raise self._unreadable(found, why)
        left = self._left()
        at = left[0] if left and running in self._done else running  # between two checks the next one is to blame
        return self._failed(at, "an answer", found, why)

    def _copied(self, at: list[int] | None) -> Made:
        if at is None:
            raise self._unreadable("a copy of the process goes on", "copy")
        return self._failed((at[0], at[1]), "one process to go on", "a copy of it that does so, too", "copy")

    def _unreadable(self, found: str, why: str) -> PluginError:
        return PluginError(f"{self._request['solver']}: {found}, while solver and instances were read", hint=_FIX[why])

    def _failed(self, at: tuple[int, int], expected: str, found: str, why: str) -> Made:
        name, instance, reason = self._subjects[at[0]].checks[at[1]]
        failure = CheckFailure(expected, found, where=f"the process that makes the check {name!r}", fix=_FIX[why])
        state = State.EXPECTED if reason else State.FAILED
        return self._note(at, Outcome(_check(name), instance, state, reason, failure))


def _messages(request: dict[str, Any], limit: float) -> Iterator[dict[str, Any]]:
    """Start the process and pass its messages on; the last one is `end`, or `lost` with what was found and why."""
    process = start_python(_CODE, stderr=subprocess.PIPE)
    lines: queue.Queue[bytes] = queue.Queue()
    readers = [threading.Thread(target=work, daemon=True) for work in (_reader(process, lines), _relay(process))]
    try:
        for reader in readers:
            reader.start()
        assert process.stdin
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(json.dumps(request).encode())
        yield from _watched(process, lines, limit)
    finally:
        end(process)
        for reader in readers:
            reader.join(ENDING)


def _watched(process: subprocess.Popen[bytes], lines: queue.Queue[bytes], limit: float) -> Iterator[dict[str, Any]]:
    since = time.monotonic()
    while True:
        over = process.poll() is not None  # looked at before the queue: what it has sent is there by now
        try:
            line = lines.get(timeout=_TURN)
        except queue.Empty:
            if over:
                yield {"lost": f"the process has ended: {_exit(process.returncode)}", "why": "ended"}
                return
            if time.monotonic() - since > limit:
                yield {"lost": f"no end within {limit:g} s", "why": "late"}
                return
            continue
        since = time.monotonic()
        if not line:  # all that could write have ended
            continue
        message = json.loads(line)
        if "end" in message:
            yield from _last_words(lines)
            yield message
            return
        yield message


def _last_words(lines: queue.Queue[bytes]) -> Iterator[dict[str, Any]]:
    """What copies of the process still say; the check "spawn" tells what keeps it from ending."""
    until = time.monotonic() + ENDING
    with contextlib.suppress(queue.Empty):
        while line := lines.get(timeout=max(0.0, until - time.monotonic())):
            yield json.loads(line)


def _reader(process: subprocess.Popen[bytes], lines: queue.Queue[bytes]) -> Any:
    def read() -> None:
        assert process.stdout
        with process.stdout:
            for line in process.stdout:
                lines.put(line)
        lines.put(b"")

    return read


def _relay(process: subprocess.Popen[bytes]) -> Any:
    """What solvers print goes to stderr, as it comes."""

    def read() -> None:
        assert process.stderr
        with process.stderr:
            while part := os.read(process.stderr.fileno(), 2**16):
                sys.stderr.write(part.decode(errors="replace"))
                sys.stderr.flush()

    return read


def _exit(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def _told(subject: dict[str, Any]) -> Told:
    checks = tuple((name, instance, reason) for name, instance, reason in subject["checks"])
    return Told(subject["name"], subject["summary"], subject["origin"], tuple(subject["instances"]), checks)


def _check(name: str) -> Any:
    return next(check for check in CHECKS if check.name == name)


def _outcome(told: dict[str, Any]) -> Outcome:
    failure = told["failure"]
    return Outcome(
        _check(told["check"]),
        told["instance"] or "",
        State(told["state"]),
        told["reason"] or "",
        None if failure is None else CheckFailure(**failure),
        told["seconds"],
    )
