"""Startup: whole commands, from process start to exit, and the first layer of a process, against a fixed bound."""

from __future__ import annotations

import statistics
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


FIRST_LAYER = """
import time
import torch
start = time.perf_counter()
import imle
imle.layer("topk", k=3)
print(time.perf_counter() - start)
"""


def _first_layer() -> float:
    """Seconds of a new process from `import torch` to its first layer."""
    done = subprocess.run([sys.executable, "-c", FIRST_LAYER], check=True, capture_output=True, text=True)
    return float(done.stdout)


def claims() -> list[Claim]:
    medians = race({f"imle {arguments}": _process(arguments) for arguments in COMMANDS}, rounds=9, warmups=2)
    _first_layer()
    medians["import imle; imle.layer('topk', k=3), over import torch"] = statistics.median(
        _first_layer() for _ in range(5)
    )
    return [
        Claim(name, seconds, BOUND, target=1.0, at_most=True, note=f"bound {BOUND} s")
        for name, seconds in medians.items()
    ]
