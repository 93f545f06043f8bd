"""A model of batches on many workers: in closed form, and as a simulation of every task.

One parent process sends tasks and takes answers, one after the other; a link carries both; any free worker takes the
next task that arrives.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass
from typing import Literal, NamedTuple

from imle.execution.throughput import Throughput

Limit = Literal["workers", "tasks", "parent", "bytes", "link"]
"""What a batch waits for: workers that are all busy; fewer tasks than workers; the parent, for each task or for each
byte; the network."""


@dataclass(frozen=True)
class Costs:
    """Of a kind of executor.

    Attributes:
        task: seconds of the parent per task, half of them to send it and half to take its answer.
        byte: likewise per byte of objectives and solutions.
        worker_task: seconds of a worker per task, besides solving, its way there and back included.
        worker_byte: likewise per byte.
        least: seconds of solving that a task is to take at least.
    """

    task: float
    byte: float
    worker_task: float
    worker_byte: float
    least: float


@dataclass(frozen=True)
class Load:
    """A batch.

    Attributes:
        rows: how many.
        seconds: that a row takes to solve.
        size: bytes of a row, half of them objective and half of them solution.
    """

    rows: int
    seconds: float
    size: float


class Prediction(NamedTuple):
    """How long a batch takes, and what it waits for."""

    seconds: float
    limit: Limit


def tasks(costs: Costs, load: Load, workers: int) -> list[int]:
    """The rows of each task, as a layer splits a batch whose rows it has measured."""
    throughput = Throughput()
    throughput.solved(1, load.seconds)
    return [stop - start for start, stop in throughput.chunks(load.rows, workers, costs.least)]


def predict(costs: Costs, load: Load, workers: int, link: float = math.inf) -> Prediction:
    """The closed form.

    Args:
        costs: of the executor.
        load: the batch.
        workers: how many.
        link: bytes per second that the parent can send, and take at the same time.
    """
    count = len(tasks(costs, load, workers))
    rounds, largest = math.ceil(count / workers), math.ceil(load.rows / count)
    row = load.seconds + load.size * costs.worker_byte
    one = largest * row + costs.worker_task
    busy = max(rounds * load.rows / count, largest) * row + rounds * costs.worker_task
    own, carried = count * costs.task, load.rows * load.size * costs.byte
    parent = own + carried
    each = parent / count
    way = load.size * load.rows / count / 2 / link  # of one task, there or back
    candidates: dict[Limit, float] = {
        # the last worker waits for its first task until the others have theirs
        "workers" if count >= workers else "tasks": min(workers, count) * max(each / 2, way) + busy + way + each / 2,
        "parent" if own >= carried else "bytes": max(
            parent + min(one / 2, parent / 4),  # it waits for the last answers, half a task on average
            parent / 2 + one + each / 2 + 2 * way,  # or all tasks are sent before the first answer comes
        ),
        "link": count * way + each + one + way,
    }
    limit = max(candidates, key=lambda name: candidates[name])
    return Prediction(candidates[limit], limit)


def simulate(costs: Costs, load: Load, workers: int, link: float = math.inf) -> float:
    """The seconds of a batch, task by task; see `predict` for the arguments."""
    todo = deque(tasks(costs, load, workers))
    left, free, clock = len(todo), workers, 0.0
    events: list[tuple[float, int, str, int]] = []  # (when, number, what has happened, rows)
    arrived: deque[int] = deque()  # tasks without a worker
    answers: deque[int] = deque()  # that the parent has not taken
    busy, number = False, 0
    down = up = 0.0  # when the link is free again

    def after(moment: float, what: str, rows: int) -> None:
        nonlocal number
        number += 1
        heapq.heappush(events, (moment, number, what, rows))

    def parent(rows: int) -> float:
        """Half of what the parent does for a task."""
        return (costs.task + rows * load.size * costs.byte) / 2

    while left:
        if not busy and (answers or todo):
            what, rows = ("taken", answers.popleft()) if answers else ("sent", todo.popleft())
            busy = True
            after(clock + parent(rows), what, rows)
        while free and arrived:
            rows = arrived.popleft()
            free -= 1
            seconds = rows * (load.seconds + load.size * costs.worker_byte) + costs.worker_task
            after(clock + seconds, "solved", rows)
        clock, _, what, rows = heapq.heappop(events)
        way = rows * load.size / 2 / link
        if what == "sent":
            busy, down = False, max(clock, down) + way
            after(down, "arrived", rows)
        elif what == "arrived":
            arrived.append(rows)
        elif what == "solved":
            free, up = free + 1, max(clock, up) + way
            after(up, "answered", rows)
        elif what == "answered":
            answers.append(rows)
        else:
            busy, left = False, left - 1
    return clock
