"""A training step beside PyEPO's, NetworkX', PuLP's and the original's

Same data, model, seeds, batch, samples S, estimator (I-MLE), step lambda, noise and number of solves; one thread. That
all find solutions of the same value is checked before any time is counted; README.md has the rules. PyEPO's problems:
5x5 shortest path (data of 1000 rows), and a knapsack of 32 items and two resources. The 8-neighbour grid is 12x12.

The reference of a claim is the peer's whole step: model, loss, gradient and Adam. Regret is what remains on unseen rows
after the same short training of each, normalised, one seed; PyEPO adds the noise to costs, where I-MLE subtracts it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path

from rich.table import Table

from benchmarks.harness import Claim
from benchmarks.peers import pictures
from benchmarks.peers.contest import PATIENCE, Outcome, hold, regret
from benchmarks.peers.ours import Ours
from benchmarks.peers.roster import ORIGINAL, OURS, PYEPO_ORTOOLS, contestants, excuses
from benchmarks.peers.scaling import Curve, curves
from benchmarks.peers.workloads import Workload, knapsack, paths, seeded, tiles
from benchmarks.render import quantity, times
from benchmarks.results import Figure

TARGETS = {PYEPO_ORTOOLS.name: 110, ORIGINAL.name: 120}
"""How many times as fast we promise to be, by contestant."""


@cache
def works() -> list[Workload]:
    return [paths(), knapsack(), tiles()]


@cache
def outcomes() -> Mapping[str, Mapping[str, Outcome]]:
    """By workload and contestant."""
    return {work.name: hold(work, partial(contestants, work)) for work in works()}


@cache
def growth() -> list[Curve]:
    return curves()


def tables() -> Iterator[Table]:
    for work in works():
        yield contest_table(work, outcomes()[work.name])
    for curve in growth():
        yield curve_table(curve)


def contest_table(work: Workload, found: Mapping[str, Outcome]) -> Table:
    """Where a step's time goes, and what a short training comes to."""
    untrained = regret(work, seeded(work), Ours(work))
    title = (
        f"{work.name}: B = {work.batch}, S = {work.samples}, {work.solves} solves a step; "
        f"regret after {work.steps} steps (untrained {untrained:.1%})"
    )
    table = Table("", "step", "noise", "solve", "overhead", "solver per row", "imle is faster", "regret", title=title)
    ours = found[OURS.name].step
    for name, outcome in found.items():
        step = outcome.step
        parts = step.total, step.spent.noise, step.spent.solve, step.overhead, step.spent.solve / work.solves
        late = f"not trained: over {PATIENCE:g} s"
        table.add_row(
            name,
            *(quantity(seconds, "s") for seconds in parts),
            "" if step is ours else times(step.total / ours.total),
            late if outcome.regret is None else f"{outcome.regret:.2%}",
        )
    return table


def curve_table(curve: Curve) -> Table:
    """The figures of a plot."""
    xs = [x for x, _ in next(iter(curve.points.values()))]
    table = Table(curve.quantity, *(str(x) for x in xs), title=f"Seconds per step over {curve.quantity}: {curve.title}")
    for name, points in curve.points.items():
        table.add_row(name, *(quantity(seconds, "s") for _, seconds in points))
    return table


def claims() -> list[Claim]:
    """The whole step against PyEPO with OR-Tools on its own problems, and the original's style on grids."""
    lines = []
    for name, found in outcomes().items():
        ours = found[OURS.name].step.total
        lines += [
            Claim(f"{name}: step, over {peer}", ours, outcome.step.total, TARGETS[peer])
            for peer, outcome in found.items()
            if peer in TARGETS
        ]
    return lines


def figures(folder: Path) -> list[Figure]:
    return pictures.draw(folder, outcomes(), growth())


def notes() -> list[str]:
    """Who could not take part."""
    return excuses(works())
