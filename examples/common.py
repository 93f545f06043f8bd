"""What the examples share: a command line, a progress bar, means with spreads, bars, and a home for plots."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from matplotlib.figure import Figure
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import track
from rich.table import Table

import imle

T = TypeVar("T")


def arguments(
    about: str | None, methods: Iterable[str] = (), *, plot: str, quick: str, seed: int = 0, seeds: int = 3
) -> argparse.ArgumentParser:
    """The options that these examples have: `--quick`, `--seed`, `--seeds`, `--plot`, `--methods`; add your own.

    Args:
        about: the example's docstring, whose first line `--help` shows.
        methods: that can be asked for, if any.
        plot: name of the plot's file.
        quick: what `--quick` does.
        seed: the first one.
        seeds: how many.
    """
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--seed", type=int, default=seed, help=f"the first seed, of data and networks; {seed}")
    parser.add_argument("--seeds", type=_count, default=seeds, help=f"how many; {seeds}")
    parser.add_argument("--plot", type=Path, default=Path("build/examples") / plot, help="where the plot goes")
    if methods:
        parser.add_argument("--methods", nargs="+", choices=methods, metavar="M", help=f"some of: {'; '.join(methods)}")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text!r}")
    return int(text)


def seeds_of(options: argparse.Namespace) -> range:
    """The seeds that `--seed`, `--seeds` and `--quick` (one) ask for."""
    return range(options.seed, options.seed + (1 if options.quick else options.seeds))


def methods_of(options: argparse.Namespace, methods: Iterable[str], in_quick: Iterable[str]) -> list[str]:
    """What `--methods` asks for, or all, or with `--quick` a few."""
    return list(options.methods or (in_quick if options.quick else methods))


def with_progress(jobs: Sequence[T], text: str) -> Iterable[T]:
    """The same jobs, one after the other, with a bar on the terminal."""
    return track(jobs, text, console=Console(stderr=True), transient=True)


def layers(solver: str, rule: str | imle.estimators.Estimator, **options: Any) -> Callable[..., imle.SolverLayer]:
    """A maker of layers that share nothing, given the solver's instance: estimators such as AIMLE learn."""
    return lambda **instance: imle.layer(solver, estimator=copy.deepcopy(rule), **options, **instance)


def mean_and_spread(values: Sequence[float], digits: int = 1) -> str:
    """Mean and standard deviation over seeds; a single value stands alone."""
    found = torch.tensor(values, dtype=torch.float64)
    spread = f" ± {found.std():.{digits}f}" if len(found) > 1 else ""
    return f"{found.mean():.{digits}f}{spread}"


Columns = Mapping[str, Mapping[str, Sequence[float]]]
"""Values by column, then by line, one per seed. A column need not have every line."""


def show(title: str, columns: Columns, *, digits: int = 1, ends: str = "") -> None:
    """Print a line per method: mean and spread over seeds, column by column.

    Args:
        title: what the numbers are.
        columns: the numbers.
        digits: decimals.
        ends: the line with which the baselines end; a rule follows it.
    """
    lines = list(dict.fromkeys(line for column in columns.values() for line in column))
    table = Table("", box=SIMPLE)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        cells = (mean_and_spread(c[line], digits) if line in c else "" for c in columns.values())
        table.add_row(line, *cells, end_section=line == ends)
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # a file has room
    console.print(title)
    console.print(table)


def bars(axes: Any, values: Mapping[str, Sequence[float]], title: str, *, baselines: Sequence[str] = ()) -> None:
    """A bar per method, the first on top, with its mean at the end and a whisker for the spread over seeds.

    Args:
        axes: matplotlib's, to draw on.
        values: by method, one per seed.
        title: what the numbers are.
        baselines: drawn in grey.
    """
    names = list(values)[::-1]
    found = [torch.tensor(values[name], dtype=torch.float64) for name in names]
    means = [float(v.mean()) for v in found]
    spreads = [float(v.std()) if len(v) > 1 else 0.0 for v in found]
    colours = ["#bab0ac" if name in baselines else "#4c78a8" for name in names]
    axes.barh(names, means, xerr=spreads, color=colours, ecolor="#222222", height=0.7)
    most = max(mean + spread for mean, spread in zip(means, spreads, strict=True))
    axes.set_xlim(0, 1.15 * most or 1)  # all may be zero
    for place, (mean, spread) in enumerate(zip(means, spreads, strict=True)):
        axes.annotate(f"{mean:.1f}", (mean + spread, place), xytext=(4, 0), textcoords="offset points", va="center")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, fontsize=11)


def save(figure: Figure, path: Path) -> None:
    """Write a plot, and say where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    Console().print(f"plot: {path}")
