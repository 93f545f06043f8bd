"""The field's benchmark, on real electricity prices

Mandi et al., JAIR 80, 2024: a linear model predicts, a solver decides, and what counts is the relative regret of its
decisions on the test rows, the mean over rows. Knapsacks and schedules are of half-hourly prices of the Irish market:
789 days, shuffled by seed, 550 to learn from, 100 to choose by, 139 to test on. The 5x5 paths are made by the generator
of `imle.datasets`; they are not those of the file that the benchmark offers for download. The epoch with the least
validation regret is tested; beside it stands the regret after the last epoch, which is what the benchmark's code tests.
That code can also lower the learning rate where validation stalls; here it stays.

"published" is a method with the learning rate and parameters that the benchmark's authors chose for the problem. "ours"
has the library's defaults, and of three learning rates the one with the least validation regret over the first two
seeds. Three are left out: the pairwise loss of differences, which the library does not have; `simple`, which is for
k-subsets; and `score-function`, whose gradient of a linear loss is that of `perturbed`. Schedules leave out rules of 10
samples, to save time. Prices are values divided by weights, because the file has values only, with the noise that went
into them: schedules are close to the benchmark's, not the same.

Trainings are kept in `results/energy`, a file per problem, and what is on file is not trained again; tables show all of
it. Its own command runs parts: `python -m benchmarks.energy --help`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from multiprocessing import get_context
from statistics import mean, stdev

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.energy import contest
from benchmarks.energy.contest import METHODS, Standing
from benchmarks.energy.methods import DEFAULT, TWO_STAGE
from benchmarks.energy.problems import PROBLEMS, unavailable
from benchmarks.harness import Claim
from benchmarks.render import quantity


@dataclass(frozen=True)
class Extent:
    """How much is run.

    Attributes:
        problems: names of `PROBLEMS`.
        methods: names of those that take part, in our settings and in published ones.
        seeds: how many, of data, models and noise.
        processes: that problems are shared out to; they take time from each other where cores are fewer.
    """

    problems: tuple[str, ...] = tuple(PROBLEMS)
    methods: tuple[str, ...] = tuple(METHODS)
    seeds: int = 10
    processes: int = 1


extent = Extent()
"""What `tables` and `claims` are about; `python -m benchmarks.energy` sets another."""


@cache
def standings() -> Mapping[str, list[Standing]]:
    """By problem, the best method first: what was asked for is trained, all that is on file is shown."""
    names = [name for name in extent.problems if unavailable(name) is None]
    with ProcessPoolExecutor(
        extent.processes, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        held = pool.map(contest.hold_by_name, names, repeat(extent.methods), repeat(extent.seeds))
        for _ in track(held, "problems", len(names), console=Console(stderr=True), transient=True):
            pass
    found = {name: contest.standings(contest.entries(name), contest.book(name)) for name in PROBLEMS}
    return {name: lines for name, lines in found.items() if lines}


def tables() -> Iterator[Table]:
    for name, found in standings().items():
        yield table(name, found)


def table(name: str, found: list[Standing]) -> Table:
    """Regret on test rows and the cost of an epoch, method by method."""
    columns = "method", "settings", "rate", "regret, %", "after the last epoch", "seeds", "epoch"
    shown = Table(*columns, title=f"{name}: mean and spread over seeds")
    for line in found:
        cells = line.method, line.settings, f"{line.rate:g}", percent(line.test), percent(line.last)
        shown.add_row(*cells, str(len(line.test)), quantity(line.seconds, "s"))
    return shown


def percent(values: list[float]) -> str:
    """Mean and, of several, their standard deviation."""
    spread = f" ± {100 * stdev(values):.2f}" if len(values) > 1 else ""
    return f"{100 * mean(values):.2f}{spread}"


def claims() -> Iterator[Claim]:
    """The layer without any options, against least squares."""
    for name, found in standings().items():
        regret = {line.method: line.regret for line in found if line.settings == "ours"}
        if {DEFAULT, TWO_STAGE} <= set(regret):
            ours, reference = regret[DEFAULT], regret[TWO_STAGE]
            note = "relative regret on test rows"
            yield Claim(f"{name}: {DEFAULT} vs {TWO_STAGE}", ours, reference, 1.0, at_most=True, note=note, unit="")


def notes() -> list[str]:
    """What could not be run, and what was not asked for."""
    found = [reason for reason in map(unavailable, extent.problems) if reason is not None]
    shown = standings()
    if left := [name for name in PROBLEMS if name not in shown]:
        found.append(f"not measured: {'; '.join(left)}")
    for name, lines in shown.items():
        there = {(line.method, line.settings) for line in lines}
        if absent := [entry.name for entry in contest.entries(name) if (entry.method, entry.settings) not in there]:
            found.append(f"{name}: not measured: {'; '.join(absent)}")
    return found
