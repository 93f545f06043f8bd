"""Jobs that run on electricity: the benchmark's scheduling instances (Mandi et al., JAIR 2024)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from imle.datasets.energy import WHERE
from imle.errors import OptionError

DAY = 24 * 60
"""Minutes."""


class ScheduleData(NamedTuple):
    """Jobs to run on machines within a day, each once, without a break, on one machine.

    A job that starts in slot t occupies its machine's resources in slots t to t + duration - 1; it may start from
    `earliest` on, and has to end by `latest`: t + duration <= latest. It costs its power, times the hours of a slot,
    times the sum of the prices of its slots.

    Attributes:
        minutes: of a slot.
        capacities: `[machines, resources]` int64.
        durations: `[jobs]` int64, in slots.
        earliest: `[jobs]` int64, the first slot.
        latest: `[jobs]` int64, the slot after the last.
        power: `[jobs]` float64.
        uses: `[jobs, resources]` int64 what a job takes of its machine.
    """

    minutes: int
    capacities: Tensor
    durations: Tensor
    earliest: Tensor
    latest: Tensor
    power: Tensor
    uses: Tensor

    @property
    def slots(self) -> int:
        """Of a day."""
        return DAY // self.minutes


def load_schedule(folder: str | Path, number: int) -> ScheduleData:
    """Read one of the benchmark's instances of energy-cost aware scheduling, which this package does not contain.

    What machines cost while they idle and when they are switched, which the file has too, plays no part in the
    benchmark and is left out.

    Args:
        folder: with the file `load<number>.txt`.
        number: of the instance: 1, 2 or 3, of 10, 15 and 20 jobs.

    Raises:
        OptionError: a bad number; the file is missing, ends early or goes on after its last task, or has a line that is
            not what the format has there; names the line.

    Source: Mandi, Kotary, Berden, Mulamba, Bucarey, Guns & Fioretto 2024, section 5; the format is that of the ICON
    challenge (Simonis et al. 2014, CSPLib problem 059).
    """
    if isinstance(number, bool) or number not in (1, 2, 3):
        raise OptionError(f"datasets: number: expected 1, 2 or 3, found {number!r}")
    lines = _Lines(Path(folder) / f"load{number}.txt")
    (minutes,) = lines.numbers("the minutes of a slot", int)
    lines.require(minutes >= 1 and DAY % minutes == 0, "a number of minutes that divides a day")
    slots = DAY // minutes
    resources = lines.count("resources")
    capacities = []
    for machine in range(lines.count("machines")):
        name, *_ = lines.numbers("id, idle, up and down of a machine", int, float, float, float)
        lines.require(name == machine, f"machine {machine}")
        capacities.append(lines.amounts("capacities", resources))
    windows, powers, uses = [], [], []
    for job in range(lines.count("tasks")):
        name, *times, power = lines.numbers(
            "id, duration, earliest, latest and power of a task", int, int, int, int, float
        )
        duration, earliest, latest = times
        lines.require(name == job, f"task {job}")
        fits = duration >= 1 and 0 <= earliest <= latest - duration and latest <= slots
        lines.require(fits and power >= 0, f"a task of power >= 0 that fits into slots 0 to {slots}")
        windows.append(times)
        powers.append(power)
        uses.append(lines.amounts("resources that the task uses", resources))
        hosts = (all(use <= room for use, room in zip(uses[-1], own, strict=True)) for own in capacities)
        lines.require(any(hosts), "no more resources than some machine has")
    lines.end()
    durations, earliest_slots, latest_slots = map(torch.tensor, zip(*windows, strict=True))
    return ScheduleData(
        minutes,
        torch.tensor(capacities),
        durations,
        earliest_slots,
        latest_slots,
        torch.tensor(powers, dtype=torch.float64),
        torch.tensor(uses),
    )


class _Lines:
    """Lines of a file, one after the other; what is wrong is said with the number of the line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = 0
        if not path.is_file():
            raise OptionError(f"datasets: {path}: no such file", hint=WHERE)
        try:
            self.lines = path.read_text(encoding="ascii").rstrip().split("\n")
        except UnicodeDecodeError as error:
            raise OptionError(f"datasets: {path}: expected a text file of numbers, found {error}") from error

    def require(self, holds: bool, expected: str) -> None:
        """Refuse the line that was read last, unless something holds."""
        if not holds:
            found = repr(self.lines[self.at - 1]) if self.at <= len(self.lines) else "the end of the file"
            raise OptionError(f"datasets: {self.path}: line {self.at}: expected {expected}, found {found}")

    def numbers(self, what: str, *kinds: type[int] | type[float]) -> list[Any]:
        """The next line, whose numbers are of these kinds."""
        words = self.lines[self.at].split() if self.at < len(self.lines) else []
        self.at += 1
        try:
            found = [kind(word) for kind, word in zip(kinds, words, strict=True)]
        except ValueError:
            found = [np.nan]
        self.require(bool(np.isfinite(found).all()), what)
        return found

    def amounts(self, what: str, count: int) -> list[int]:
        """The next line: so many whole numbers, none negative."""
        found = self.numbers(f"{count} {what}", *[int] * count)
        self.require(min(found) >= 0, f"{what} >= 0")
        return found

    def count(self, what: str) -> int:
        """The next line: how many there are of something."""
        (found,) = self.numbers(f"the number of {what}", int)
        self.require(found >= 1, f"a number of {what} >= 1")
        return int(found)

    def end(self) -> None:
        """Nothing may follow."""
        self.at += 1
        self.require(self.at > len(self.lines), "the end of the file, after as many tasks as it announces")
