"""`make bench`: run every benchmark module and print one table of claims."""

from __future__ import annotations

import argparse
import importlib
import platform
import sys
from collections.abc import Iterable

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.harness import Claim

MODULES = (
    "noise",
    "shortest_path",
    "step",
    "overhead",
    "layer_overhead",
    "linear",
    "combinatorial",
    "threads",
    "parallel",
    "mln_grounding",
    "mln_resolves",
    "mln_engines",
    "mln_training",
    "toy",
    "cosine",
    "calibration",
    "startup",
    "memory",
)


def quantity(value: float, unit: str) -> str:
    if not unit:
        return f"{value:.3g}"
    if unit == "B":
        return f"{value / 1e6:.3g} MB"
    for name, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {name}"
    return f"{value / 1e-6:.3g} µs"


def show(console: Console, claims: Iterable[Claim]) -> bool:
    table = Table("claim", "ours", "reference", "ratio", "target", "met")
    good = True
    for claim in claims:
        bound = "at most" if claim.at_most else "at least"
        table.add_row(
            f"{claim.name}{' · ' + claim.note if claim.note else ''}",
            quantity(claim.ours, claim.unit),
            quantity(claim.reference, claim.unit),
            f"{claim.ratio:.0f}x" if claim.ratio >= 100 else f"{claim.ratio:.3g}x",
            f"{bound} {claim.target:g}x",
            "yes" if claim.met else "[bold red]NO[/]",
        )
        good &= claim.met
    if table.rows:
        console.print(table)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="*", choices=[*MODULES, []], help="benchmark modules to run (default: all)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(f"{platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}, one thread")
    good = True
    for name in arguments.only or MODULES:
        module = importlib.import_module(f"benchmarks.{name}")
        console.print(f"\n[bold]{module.__doc__.splitlines()[0]}[/]")
        for table in module.tables() if hasattr(module, "tables") else ():
            console.print(table)
        good &= show(console, module.claims())
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
