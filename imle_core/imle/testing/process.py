"""Fresh interpreters that find the same modules as this one."""

from __future__ import annotations

import os
import subprocess
import sys

from imle.testing.failure import CheckFailure

TIMEOUT = 300
"""Seconds after which an interpreter is given up."""


def run_python(code: str, *, given: bytes = b"", where: str, fix: str) -> bytes:
    """Run code in a new process and return what it writes to stdout.

    Raises:
        CheckFailure: it fails, or takes for ever.
    """
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=given,
            capture_output=True,
            check=False,
            timeout=TIMEOUT,
            env={**os.environ, "PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired:
        raise CheckFailure("an answer", f"none in {TIMEOUT} s", where=where, fix=fix) from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise CheckFailure(
            "a new process to work as this one does",
            f"exit code {done.returncode}: {lines[-1] if lines else 'no message'}",
            where=where,
            fix=fix,
        )
    return done.stdout
