"""Exact schedules of many days: jobs start where they are cheapest, and a search mends what does not fit.

A solver for one problem, as a user of `imle.layer` would write it. In nearly all rows the cheapest starts of all jobs
fit on the machines together, or nearly so. So a search over starts and machines, in the order of what they cost more
than the cheapest, ends after some dozens of nodes, where integer programs take tenths of a second.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from imle.datasets import ScheduleData
from imle.solvers import ArrayKind, BasePrepared, Sense, SolveResult

Floats = NDArray[np.float64]


class ScheduleSolver:
    """The cheapest schedules. Exact up to the rounding of float64; of several, always the same one."""

    sense: ClassVar[Sense] = "min"
    array: ClassVar[ArrayKind] = "numpy"

    def prepare(self, data: ScheduleData) -> PreparedSchedule:
        """Bind to jobs and machines."""
        return PreparedSchedule(data)


class PreparedSchedule(BasePrepared):
    """From prices to what all jobs draw: a schedule costs the inner product of the two.

    Args:
        data: jobs and machines.
    """

    def __init__(self, data: ScheduleData) -> None:
        room = data.uses.numpy().max(axis=1) * data.durations.numpy()
        order = np.argsort(-room, kind="stable")  # what is hard to place comes first
        self.objective_shape = (data.slots,)
        self.capacities = data.capacities.numpy()
        self.durations = data.durations.numpy()[order]
        self.uses = data.uses.numpy()[order]
        self.energy = data.power.numpy()[order] * data.minutes / 60
        windows = zip(data.earliest.numpy()[order], data.latest.numpy()[order] - self.durations, strict=True)
        self.starts = [np.arange(first, last + 1) for first, last in windows]
        self.counts = np.array([len(starts) for starts in self.starts])

    def solve(self, objective: Floats) -> SolveResult:
        """Schedule every row.

        Args:
            objective: `[N, slots]` prices, of any sign.

        Returns:
            `[N, slots]` power times hours that all jobs draw together.

        Raises:
            ValueError: the jobs do not fit on the machines at any price.
        """
        begin = np.zeros((len(objective), len(self.starts), self.counts.max()), dtype=np.int64)
        extra = np.zeros(begin.shape)
        sums = np.concatenate([np.zeros((len(objective), 1)), objective.cumsum(axis=1)], axis=1)
        for job, starts in enumerate(self.starts):
            costs = self.energy[job] * (sums[:, starts + self.durations[job]] - sums[:, starts])
            order = costs.argsort(axis=1, kind="stable")
            begin[:, job, : len(starts)] = starts[order]
            ascending = np.take_along_axis(costs, order, axis=1)
            extra[:, job, : len(starts)] = ascending - ascending[:, :1]
        drawn = np.zeros(objective.shape)
        if not _schedule(extra, begin, self.counts, self.durations, self.uses, self.capacities, self.energy, drawn):
            raise ValueError("the jobs do not fit on the machines")
        return SolveResult(drawn)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _schedule(
    extra: Any, begin: Any, counts: Any, durations: Any, uses: Any, capacities: Any, energy: Any, drawn: Any
) -> bool:
    """Depth first, row by row: jobs in order, starts by what they cost more than the cheapest, machines in order.

    Args:
        extra: `[N, jobs, starts]`, ascending.
        begin: `[N, jobs, starts]` the slots.
        counts: `[jobs]` how many starts there are.
        durations, energy: `[jobs]`.
        uses: `[jobs, resources]`.
        capacities: `[machines, resources]`.
        drawn: `[N, slots]` zeros, to be filled.

    Returns:
        whether every row has a schedule.
    """
    jobs, machines, resources, slots = len(durations), len(capacities), capacities.shape[1], drawn.shape[1]
    best = np.zeros(jobs, np.int64)
    start, machine, total = np.zeros(jobs, np.int64), np.zeros(jobs, np.int64), np.zeros(jobs + 1)
    load = np.zeros((machines, slots, resources), np.int64)
    for row in range(len(drawn)):
        least = np.inf
        job, start[0], machine[0] = 0, 0, -1
        while job >= 0:
            if machine[job] >= 0:  # take back
                first = begin[row, job, start[job]]
                for slot in range(first, first + durations[job]):
                    for resource in range(resources):
                        load[machine[job], slot, resource] -= uses[job, resource]
            machine[job] += 1
            if machine[job] == machines:
                machine[job] = 0
                start[job] += 1
            if start[job] == counts[job] or total[job] + extra[row, job, start[job]] >= least:
                job -= 1  # later starts cost more still
                continue
            first, fits = begin[row, job, start[job]], True
            for slot in range(first, first + durations[job]):
                for resource in range(resources):
                    load[machine[job], slot, resource] += uses[job, resource]
                    fits &= load[machine[job], slot, resource] <= capacities[machine[job], resource]
            if not fits:
                continue
            total[job + 1] = total[job] + extra[row, job, start[job]]
            if job < jobs - 1:
                job += 1
                start[job], machine[job] = 0, -1
                continue
            least = total[jobs]
            for other in range(jobs):
                best[other] = begin[row, other, start[other]]
        if least == np.inf:
            return False
        for other in range(jobs):
            drawn[row, best[other] : best[other] + durations[other]] += energy[other]
    return True
