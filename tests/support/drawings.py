"""One run of a command that draws, for all tests that look at its files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from click import Command
from click.testing import CliRunner, Result

from support.html import page_data

Invoke = Callable[..., Result]

READY = "document.documentElement.matches('.ready')"
"""JavaScript: whether a page has unpacked its frames and can be used."""

COUNTERS = """[...document.querySelectorAll("output")]
  .map((output) => output.textContent.match(/^(?:sample|step) (\\d+) of \\d+$/))
  .filter((found) => found).map((found) => Number(found[1]))"""
"""JavaScript: where the players of a page are."""


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
        return page_data(self.html)


def invoking(command: Command) -> Invoke:
    """Runs the command; errors are raised, not printed."""

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)

    return invoke


def run_into(folder: Path, command: Command, *arguments: object) -> Run:
    """Run the command for a folder."""
    before = _torch_state()
    result = invoking(command)(*arguments, "--out", folder)
    return Run(folder, result, before, _torch_state())


def _torch_state() -> tuple[Any, ...]:
    return torch.get_num_threads(), torch.get_rng_state().tolist(), torch.get_default_dtype()
