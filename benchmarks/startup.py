"""Startup: whole commands, from process start to exit, against a fixed bound."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness import Claim, race

BOUND = 0.3
COMMANDS = ("list-solvers", "list-solvers --json", "info topk")


def _process(arguments: str) -> Callable[[], object]:
    command = [str(Path(sys.executable).with_name("imle")), *arguments.split()]
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def claims() -> list[Claim]:
    medians = race({arguments: _process(arguments) for arguments in COMMANDS}, rounds=9, warmups=2)
    return [
        Claim(f"imle {arguments}", seconds, BOUND, target=1.0, at_most=True, note=f"bound {BOUND} s")
        for arguments, seconds in medians.items()
    ]
