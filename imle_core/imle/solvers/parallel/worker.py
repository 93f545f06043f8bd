"""The far end of `Processes`: a process that runs what it is sent. It imports nothing that its tasks do not need."""

from __future__ import annotations

import os
import pickle
import struct
import sys
import threading
import time
import traceback
from typing import Any, BinaryIO

LENGTH = struct.Struct("<Q")


def send(stream: BinaryIO, content: bytes) -> None:
    """Write a message: its length, then itself."""
    stream.write(LENGTH.pack(len(content)))
    stream.write(content)
    stream.flush()


def receive(stream: BinaryIO) -> bytes:
    """Read a message.

    Raises:
        EOFError: the other end is gone.
    """
    header = stream.read(LENGTH.size)
    if len(header) == LENGTH.size:
        (length,) = LENGTH.unpack(header)
        content = stream.read(length)
        if len(content) == length:
            return content
    raise EOFError("the other end is gone")


def main() -> None:
    """Run (function, args, kwargs) from stdin and answer (value, error) on stdout until stdin ends."""
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what solvers print is not an answer
    threading.Thread(target=_leave_with_parent, args=(os.getppid(),), daemon=True).start()
    send(answers, b"ready")
    while True:
        try:
            task = receive(tasks)
        except EOFError:
            return
        send(answers, _run(task))


def _run(task: bytes) -> bytes:
    try:
        function, args, kwargs = pickle.loads(task)
        return pickle.dumps((function(*args, **kwargs), None), protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        error.add_note("in a worker process:\n" + traceback.format_exc())
        return _failure(error)


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
    """A process whose parent was killed in the middle of a solve would work on for nobody."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
