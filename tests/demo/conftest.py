"""One quick run of the command, for all tests that look at its files."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from imle.cli.demo import command

Invoke = Callable[..., Result]


@dataclass(frozen=True)
class Run:
    """What the command left behind, and what it did to torch's global state."""

    folder: Path
    result: Result
    torch_before: tuple[Any, ...]
    torch_after: tuple[Any, ...]

    @property
    def results(self) -> dict[str, Any]:
        return json.loads((self.folder / "results.json").read_text())

    @property
    def html(self) -> str:
        return (self.folder / "index.html").read_text("utf-8")

    @property
    def page_data(self) -> dict[str, Any]:
        found = re.search(r'<script type="application/json" id="data">(.*?)</script>', self.html, re.DOTALL)
        assert found
        return json.loads(found[1])


def _invoke(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


def _torch_state() -> tuple[Any, ...]:
    return torch.get_num_threads(), torch.get_rng_state().tolist(), torch.get_default_dtype()


@pytest.fixture
def demo() -> Invoke:
    """Run the command; errors are raised, not printed."""
    return _invoke


@pytest.fixture(scope="session")
def quick(tmp_path_factory) -> Run:
    """`imle demo --quick` into a folder that does not exist yet."""
    folder = tmp_path_factory.mktemp("demo") / "new" / "folder"
    before = _torch_state()
    result = _invoke("--quick", "--out", folder)
    return Run(folder, result, before, _torch_state())


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
