"""The far end of `Processes`: a process that runs what it is sent. It imports nothing that its tasks do not need.

Tasks and answers have pipes of their own: what solvers and their libraries read from stdin or print, also while Python
starts, is no part of them.
"""

from __future__ import annotations

import os
import pickle
import struct
import sys
import threading
import time
import traceback
from io import FileIO
from typing import Any

LENGTH = struct.Struct("<Q")
BEGUN = b""
"""A message that comes before the answer: getting ready is over, and the time limit counts from now on."""

_answers: FileIO | None = None


def send(stream: FileIO, content: bytes) -> None:
    """Write a message: its length, then itself. Streams have no buffers, and so no locks that a fork might copy."""
    for part in (LENGTH.pack(len(content)), content):
        rest = memoryview(part)
        while rest:
            rest = rest[stream.write(rest) :]


def receive(stream: FileIO) -> bytes | bytearray:
    """Read a message.

    Raises:
        EOFError: the other end is gone.
    """
    (length,) = LENGTH.unpack(_read(stream, LENGTH.size))
    return _read(stream, length)


def _read(stream: FileIO, length: int) -> bytearray:
    content = bytearray(length)
    rest = memoryview(content)
    while rest:
        count = stream.readinto(rest)
        if not count:
            raise EOFError("the other end is gone")
        rest = rest[count:]
    return content


def main() -> None:
    """Run (function, args, kwargs) from one pipe and answer (value, error) on another until the first one ends."""
    global _answers
    tasks, _answers = (_stream(int(number), mode) for number, mode in zip(sys.argv[1:], "rw", strict=True))
    del sys.argv[1:]
    os.dup2(2, 1)  # what solvers print is for people to see
    threading.Thread(target=_leave_with_parent, args=(os.getppid(),), daemon=True).start()
    send(_answers, b"ready")
    while True:
        try:
            task = receive(tasks)
        except EOFError:
            return
        send(_answers, run_pickled(task))


def begun() -> None:
    """Tell the parent that the time limit of this task counts from now on; elsewhere than in a worker, nothing."""
    if _answers is not None:
        send(_answers, BEGUN)


def _stream(number: int, mode: str) -> FileIO:
    os.set_inheritable(number, False)  # programs that a solver starts have no use for it
    return FileIO(number, mode)


def run_pickled(task: bytes | bytearray) -> bytes:
    """Run a pickled (function, args, kwargs), and pickle (value, error) for `answered`."""
    try:
        function, args, kwargs = pickle.loads(task)
        return pickle.dumps((function(*args, **kwargs), None), protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        error.add_note("in a worker process:\n" + traceback.format_exc())
        return _failure(error)


def answered(content: bytes | bytearray) -> Any:
    """The value that `run_pickled` gave; or raise the error."""
    value, error = pickle.loads(content)
    if error is not None:
        raise error
    return value


def _failure(error: Exception) -> bytes:
    try:
        content = pickle.dumps((None, error), protocol=pickle.HIGHEST_PROTOCOL)
        pickle.loads(content)
    except Exception:  # the exception cannot travel: its text can
        said: Any = RuntimeError(f"{type(error).__name__}: {error}")
        said.__notes__ = getattr(error, "__notes__", [])
        content = pickle.dumps((None, said))
    return content


def _leave_with_parent(parent: int) -> None:
    """A process whose parent was killed in the middle of a solve would go on without a purpose."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
