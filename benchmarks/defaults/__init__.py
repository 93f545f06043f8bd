"""The default against every rule and every loss, on the same tasks with the same budget

Every contestant trains the same models on the same data and batches by the same number of steps of Adam (rates fall
like a cosine), with 4 samples where it draws noise. Its learning rate is the one of three with the best mean on
validation data of two seeds; the table shows test data of all seeds. "Gap" is the difference to the best mean, as a
share of it. A contestant is close to the best where its gap is at most 10 %, or at most one standard deviation, over
seeds, of the difference between the two: they share data, so that differences vary less than scores do.

Losses take part where what they learn from is known: Fenchel-Young, implicit MLE, NCE and MAP-contrastive are told the
best solutions, SPO+ and the rankings the true costs besides. Rules see the loss of a task alone: the number of entries
that differ from the best solution (paths, matching, terrain, Sudoku), the regret (knapsack, tours, electricity), or
what a second network makes of what was chosen. All have their own defaults; tau is in units of the first batch, and
tau = 3, beta = 2 are those of "imle".

`python -m benchmarks defaults` measures what is not on file yet (`results/defaults/`, a file per task); `--tasks`,
`--contestants` and `--seeds` take some, `--fresh` measures them again. Results of another budget or recipe do not
count.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rich.table import Table

from benchmarks.defaults.contest import Contest
from benchmarks.defaults.contestants import CONTESTANTS, DEFAULT
from benchmarks.defaults.ranking import Place, mean_ranks, places
from benchmarks.defaults.tasks import TASKS
from benchmarks.harness import Claim
from benchmarks.results import RESULTS

WIDTH = 5
"""Tasks side by side in a table."""

_contest = Contest(RESULTS / "defaults")


def configure(arguments: Sequence[str]) -> None:
    """Read the options that follow `python -m benchmarks defaults`."""
    global _contest
    parser = argparse.ArgumentParser("python -m benchmarks defaults")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, metavar="T", default=list(TASKS))
    parser.add_argument("--contestants", nargs="+", choices=CONTESTANTS, metavar="C", default=list(CONTESTANTS))
    parser.add_argument("--seeds", type=int, choices=range(1, 21), metavar="N", default=_contest.seeds)
    parser.add_argument("--workers", type=int, choices=range(1, 65), metavar="N", default=_contest.workers)
    parser.add_argument("--fresh", action="store_true", help="measure again what is on file")
    _contest = replace(_contest, **vars(parser.parse_args(arguments)))


def tables() -> Iterator[Table]:
    """Measure, then show all that is on file."""
    _contest.measure()
    yield from shown(_contest)


def found(contest: Contest) -> dict[str, dict[str, Place]]:
    """Places by task and contestant, of those that have all seeds."""
    by_task = {}
    for task, about in contest.program.items():
        book, scores, rates = contest.book(task), {}, {}
        for name, contestant in contest.entries.items():
            page = book.page(name, contestant.recipe)
            rate = page.rate(about.rates, contest.tuning)
            if rate is None or next(contest.wanted(task, page), None) is not None:
                continue
            scores[name], rates[name] = [run.test for run in page.chosen(rate)[: contest.seeds]], rate
        if scores:
            by_task[task] = places(about, scores, rates)
    return by_task


def ranked(by_task: Mapping[str, Mapping[str, Place]]) -> dict[str, float]:
    """Mean ranks, the best first, of those that took part in every task, among themselves."""
    first, *others = by_task.values()
    return mean_ranks(by_task, [name for name in first if all(name in by_name for by_name in others)])


def shown(contest: Contest) -> Iterator[Table]:
    """Mean ranks of rules that fit everywhere, then scores and gaps task by task."""
    by_task = found(contest)
    if not by_task:
        return
    columns = ("rule", "mean rank", "close to the best", "mean gap", "largest gap")
    table = Table(*columns, title="rules that fit every task")
    for name, rank in ranked(by_task).items():
        own = {task: by_name[name] for task, by_name in by_task.items()}
        worst = max(own, key=lambda task: own[task].gap)
        close = sum(place.close for place in own.values())
        mean = statistics.fmean(place.gap for place in own.values())
        table.add_row(name, f"{rank:.1f}", f"{close} of {len(own)}", f"{mean:.1%}", f"{own[worst].gap:.1%} ({worst})")
    yield table
    names = list(by_task)
    for start in range(0, len(names), WIDTH):
        some = names[start : start + WIDTH]
        columns = [f"{task}: {contest.program[task].measure}" for task in some]
        table = Table("", *columns, title=f"mean ± spread over {contest.seeds} seeds, gap; rank")
        for name in contest.entries:
            cells = [by_task[task].get(name) for task in some]
            if any(cells):
                table.add_row(name, *map(_cell, cells))
        yield table


def claims() -> Iterator[Claim]:
    """The default is close to the best on every task, and first by mean rank."""
    yield from claimed(_contest)


def claimed(contest: Contest) -> Iterator[Claim]:
    """Of the tasks in which the default took part; of its rank, if that is all that were measured."""
    by_task = found(contest)
    for task, by_name in by_task.items():
        if (place := by_name.get(DEFAULT)) is not None:
            note = f"mean, as a share of the best's, {place.best}"
            yield Claim(f"{task}: {DEFAULT}", 1 + place.gap, 1.0, 1 + place.allowed, at_most=True, note=note, unit="")
    if by_task and DEFAULT in (ranks := ranked(by_task)):
        best = next(iter(ranks))
        note = f"of those that fit every task; first: {best}"
        yield Claim(f"mean rank: {DEFAULT}", ranks[DEFAULT], ranks[best], 1.0, at_most=True, note=note, unit="")


def notes() -> list[str]:
    """What is not on file, and how long the rest took."""
    return noted(_contest)


def noted(contest: Contest) -> list[str]:
    """What is missing, and the seconds of all runs."""
    lines, seconds, runs = [], 0.0, 0
    by_task = found(contest)
    for task in contest.program:
        fit = [name for name, entry in contest.entries.items() if entry.fits(contest.problem(task, 0))]
        missing = [name for name in fit if name not in by_task.get(task, {})]
        if missing:
            lines.append(f"not measured: {task}: {', '.join(missing) if len(missing) < len(fit) else 'all'}")
        pages = contest.book(task).pages.values()
        seconds += sum(run.seconds for page in pages for run in page.runs)
        runs += sum(len(page.runs) for page in pages)
    return [*lines, f"{runs} trainings, {seconds / 60:.0f} minutes of one core"]


def _cell(place: Place | None) -> str:
    if place is None:
        return ""
    if math.isinf(place.gap):
        return f"failed; {place.rank:g}"
    return f"{place.mean:.3g} ± {place.spread:.2g}, {place.gap:+.0%}; {place.rank:g}"
