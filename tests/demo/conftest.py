"""One quick run of the command, for all tests that look at its files."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from imle.cli.demo import command
from support.drawings import Invoke, Run, invoking, run_into


@pytest.fixture
def demo() -> Invoke:
    """Run the command; errors are raised, not printed."""
    return invoking(command)


@pytest.fixture(scope="session")
def quick(tmp_path_factory) -> Run:
    """`imle demo --quick` into a folder that does not exist yet."""
    return run_into(tmp_path_factory.mktemp("demo") / "new" / "folder", command, "--quick")


class PageFrames:
    """Decodes the frames of the page: 16 x 16 cells each."""

    @staticmethod
    def bits(text: str) -> np.ndarray:
        return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8)).reshape(-1, 16, 16)

    @staticmethod
    def bytes(text: str) -> np.ndarray:
        return np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, 16, 16)


@pytest.fixture
def page_frames() -> type[PageFrames]:
    return PageFrames
