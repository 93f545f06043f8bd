"""Some of the problems, or other seeds; results are written as by `python -m benchmarks energy`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import torch
from rich.console import Console

from benchmarks import energy
from benchmarks.__main__ import write_pages
from benchmarks.running import Run


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.energy", description=__doc__)
    everything = energy.extent
    for part, names in (("problems", everything.problems), ("methods", everything.methods)):
        about = f"some of {', '.join(map(repr, names))}"
        parser.add_argument(f"--{part}", nargs="+", choices=names, metavar="NAME", default=names, help=about)
    parser.add_argument("--seeds", type=int, default=everything.seeds, help="how many (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=everything.processes, help="that problems are shared out to")
    options = parser.parse_args(argv)
    energy.extent = energy.Extent(tuple(options.problems), tuple(options.methods), options.seeds, options.processes)
    torch.set_num_threads(1)
    run = Run(Console(width=None if sys.stdout.isatty() else 140), ["energy"])
    for _ in run.sections():
        write_pages()
    return run.close()


if __name__ == "__main__":
    sys.exit(main())
