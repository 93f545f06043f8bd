"""How the time of a training step grows with the batch, the samples, the size of the problem, and with workers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from benchmarks.peers.by_pyepo import PyEPO
from benchmarks.peers.contest import check_same_answers, probes, race_steps
from benchmarks.peers.ours import Ours
from benchmarks.peers.roster import OURS, PULP, PYEPO_HIGHS, PYEPO_ORTOOLS, Entry, entries
from benchmarks.peers.workloads import Workload, knapsack, paths, tiles

BATCHES = 4, 16, 64, 256
SAMPLES = 1, 4, 16, 64
SIDES = 4, 8, 16, 24
MAPS = 6, 12, 24
LEFT_OUT = PYEPO_HIGHS, PULP
"""They take seconds where the others take milliseconds."""


@dataclass(frozen=True)
class Curve:
    """Seconds per step over something that grows, per contestant.

    Attributes:
        title: what is measured.
        quantity: what grows.
        points: by contestant, the quantity and the seconds.
    """

    title: str
    quantity: str
    points: Mapping[str, Sequence[tuple[int, float]]]


def curves() -> list[Curve]:
    """Batch, samples, size of both kinds of grid, and workers on both of PyEPO's problems."""
    work = paths()
    small = {"batch": 8, "samples": 4}
    grids = {side: paths(side, rows=100, **small) for side in SIDES}
    maps = {side: tiles(side, maps=25, **small) for side in MAPS}
    return [
        over("batch B", {batch: replace(work, batch=batch) for batch in BATCHES}, f"{work.name}, S = {work.samples}"),
        over("samples S", {n: replace(work, samples=n) for n in SAMPLES}, f"{work.name}, B = {work.batch}"),
        over("side of the grid", grids, "shortest path, B = 8, S = 4"),
        over("side of the map", maps, "8-neighbour grid, B = 8, S = 4"),
        over_workers(work),
        over_workers(knapsack()),
    ]


def over(quantity: str, works: Mapping[int, Workload], title: str) -> Curve:
    """One contest of speed for each workload."""
    points: dict[str, list[tuple[int, float]]] = {}
    for x, work in works.items():
        for name, seconds in _seconds(work, [entry for entry in entries(work) if entry not in LEFT_OUT]).items():
            points.setdefault(name, []).append((x, seconds))
    return Curve(title, quantity, points)


def over_workers(work: Workload) -> Curve:
    """One worker, two, four, ... up to the number of cores: imle's `executor=`, PyEPO's `processes=`."""
    counts = [1]
    while counts[-1] * 2 <= (os.cpu_count() or 1):
        counts.append(counts[-1] * 2)
    points: dict[str, list[tuple[int, float]]] = {}
    for count in counts:
        pair = (
            replace(OURS, make=partial(Ours, workers=count)),
            replace(PYEPO_ORTOOLS, make=partial(PyEPO, backend="ortools", processes=count)),
        )
        for name, seconds in _seconds(work, pair).items():
            points.setdefault(name, []).append((count, seconds))
    return Curve(f"{work.name}, B = {work.batch}, S = {work.samples}", "workers", points)


def _seconds(work: Workload, chosen: Sequence[Entry]) -> dict[str, float]:
    peers = {entry.name: entry.make(work) for entry in chosen if not entry.missing}
    check_same_answers(work, peers, probes(work))
    return {name: step.total for name, step in race_steps(work, peers).items()}
