"""Fixtures for all tests."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.fixture
def run_python():
    """Run a line of Python in a fresh interpreter and return what it prints."""

    def run(code: str) -> str:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run
