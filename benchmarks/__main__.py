"""`make bench`: run benchmark modules, print what they find, and write it to `benchmarks/RESULTS.md`.

Every module's findings are kept in a file of their own as soon as it ends: a failure or Ctrl-C loses nothing of the
others, and a run of some modules keeps the sections of the rest. Exit codes: 0 all claims are met, 1 one is not or a
module failed, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import torch
from rich.console import Console

from benchmarks import headlines, render, results
from benchmarks.running import Run

with suppress(ImportError):
    import osqp  # noqa: F401 - after PuLP has imported Gurobi and HiGHS, its first solve ends the process

MODULES = (
    "noise",
    "shortest_path",
    "step",
    "peers",
    "overhead",
    "layer_overhead",
    "linear",
    "quadratic",
    "instances",
    "combinatorial",
    "orders",
    "cvxpy_models",
    "pyomo_gurobi",
    "tours",
    "losses",
    "graphs",
    "sequences",
    "threads",
    "parallel",
    "scale",
    "mln_grounding",
    "mln_resolves",
    "mln_engines",
    "mln_limits",
    "mln_training",
    "mln_learning",
    "toy",
    "cosine",
    "calibration",
    "energy",
    "defaults",
    "startup",
    "memory",
)


def results_page(sections: Sequence[results.Section]) -> str:
    """`RESULTS.md`."""
    return render.page(sections, headlines.front(sections))


def write_pages() -> None:
    """`RESULTS.md`, and what READMEs show of it, from the results on file."""
    sections = results.load(MODULES, results.RESULTS)
    results.PAGE.write_text(results_page(sections), encoding="utf-8")
    for page, text in headlines.pages(sections).items():
        page.write_text(text, encoding="utf-8")


def options_of(only: Sequence[str]) -> Callable[[Sequence[str]], None] | None:
    """What reads the options of a module that is run alone; None where there is nothing to read."""
    return getattr(importlib.import_module(f"benchmarks.{only[0]}"), "configure", None) if len(only) == 1 else None


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("only", nargs="*", choices=[*MODULES, []], help="benchmark modules to run (default: all)")
    parser.add_argument("--render", action="store_true", help="only write the pages again from the results on file")
    arguments, others = parser.parse_known_args()
    if others:
        configure = options_of(arguments.only)
        if configure is None:
            parser.error(f"unrecognized arguments: {' '.join(others)}")
        configure(others)
    if arguments.render:
        write_pages()
        return 0
    torch.set_num_threads(1)
    run = Run(Console(width=None if sys.stdout.isatty() else 140), arguments.only or MODULES)
    for _ in run.sections():
        write_pages()
    return run.close()


if __name__ == "__main__":
    sys.exit(main())
