"""Fresh interpreters that find the same modules as this one."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from typing import Any

from imle.testing.failure import CheckFailure

TIMEOUT = 300
"""Seconds after which an interpreter is given up."""

ENDING = 20
"""Seconds an interpreter may take to end once it has answered."""

_START = """\
import os, sys
channel = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
exec(compile(sys.argv.pop(), "<imle.testing>", "exec"))
"""
"""Answers have a descriptor of their own: libraries print to 1."""


def start_python(code: str, **options: Any) -> subprocess.Popen[bytes]:
    """Start code in a new process, which finds the same modules and has a group of its own.

    Args:
        code: it writes answers to `channel`, a binary file that arrives at stdout; what anything prints goes to stderr.
        options: of `subprocess.Popen`.
    """
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return subprocess.Popen(
        [sys.executable, "-c", _START, code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
        start_new_session=True,
        **options,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def run_python(code: str, *, given: bytes = b"", where: str, fix: str) -> bytes:
    """Run code in a new process and return what it writes to `channel`, which it closes.

    Raises:
        CheckFailure: it fails, or does not end.
    """
    with tempfile.TemporaryFile() as said:
        process = start_python(f"{code}\nchannel.close()", stderr=said)
        assert process.stdin
        assert process.stdout
        late = threading.Event()

        def give_up() -> None:
            late.set()
            end(process)

        timer = threading.Timer(TIMEOUT, give_up)
        timer.start()
        try:
            with contextlib.suppress(BrokenPipeError), process.stdin:  # it may have failed before it read
                process.stdin.write(given)
            with process.stdout:
                out = process.stdout.read()
            timer.cancel()
            code_of_exit = process.wait(ENDING)
        except subprocess.TimeoutExpired:
            raise CheckFailure(
                f"a process that has answered to end within {ENDING} s",
                "one that goes on: a thread that is no daemon, or a process of its own, still runs",
                where=where,
                fix="end in close(), and when the last reference goes, what prepare() or an import has started",
            ) from None
        finally:
            timer.cancel()
            end(process)
        if late.is_set():
            raise CheckFailure("an answer", f"none in {TIMEOUT} s", where=where, fix=fix)
        if code_of_exit:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            raise CheckFailure(
                "a new process to work as this one does",
                f"exit code {code_of_exit}: {lines[-1] if lines else 'no message'}",
                where=where,
                fix=fix,
            )
    return out
