"""Trainings on file: one file per task, so that what was measured is not measured again."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """What one training gave.

    Attributes:
        rate: of learning.
        seed: of data, model and batches.
        validation: less is better; infinite where predictions were.
        test: in the task's measure.
        seconds: whatever is measured of time.
        last: as `test`, after the last step, where the model that is tested is that of an earlier one.
    """

    rate: float
    seed: int
    validation: float
    test: float
    seconds: float
    last: float | None = None


@dataclass(frozen=True)
class Page:
    """All trainings of one recipe on a task, and which of them count.

    Attributes:
        recipe: all that decides the results, in words.
        runs: of any rate and seed.
    """

    recipe: str
    runs: tuple[Run, ...] = ()

    def found(self, rate: float, seed: int) -> Run | None:
        return next((run for run in self.runs if (run.rate, run.seed) == (rate, seed)), None)

    def rate(self, rates: Iterable[float], seeds: Sequence[int]) -> float | None:
        """The rate with the best mean on validation data over some seeds; None if one was not measured."""
        means = {}
        for rate in rates:
            found = [self.found(rate, seed) for seed in seeds]
            if any(run is None for run in found):
                return None
            means[rate] = statistics.fmean(run.validation for run in found if run)
        return min(means, key=lambda rate: means[rate])

    def chosen(self, rate: float) -> list[Run]:
        """Those of a rate, by seed."""
        return sorted((run for run in self.runs if run.rate == rate), key=lambda run: run.seed)

    def missing(self, rates: Sequence[float], tuning: Sequence[int], seeds: int) -> Iterator[tuple[float, int]]:
        """The rates and seeds that are to be run next: all rates on the seeds that choose one, then that one.

        Args:
            rates: of learning.
            tuning: seeds on whose validation data a rate is chosen.
            seeds: how many there are in all.
        """
        rate = self.rate(rates, tuning)
        pairs = ((r, seed) for r in rates for seed in tuning)
        if rate is not None:
            pairs = ((rate, seed) for seed in range(seeds))
        yield from (pair for pair in pairs if self.found(*pair) is None)

    def and_run(self, run: Run) -> Page:
        return replace(self, runs=(*self.runs, run))


class Book:
    """The pages of one task on file, by the names of those who trained.

    Args:
        file: JSON.
        budget: of the task, in words: runs on another budget are forgotten, and so are those of another recipe.
    """

    def __init__(self, file: Path, budget: str) -> None:
        self.file, self.budget = file, budget
        found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

        def runs(rows: list[list[float]]) -> Iterator[Run]:
            return (Run(**dict(zip(found["columns"], row, strict=True))) for row in rows)

        pages = found["pages"] if found.get("budget") == budget else {}
        self.pages = {name: Page(page["recipe"], tuple(runs(page["runs"]))) for name, page in pages.items()}

    def page(self, name: str, recipe: str) -> Page:
        page = self.pages.get(name, Page(recipe))
        return page if page.recipe == recipe else Page(recipe)

    def save(self, name: str, page: Page) -> None:
        """Write a page, whole or not at all."""
        self.pages[name] = page
        self.file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.file.with_suffix(".new")
        draft.write_text(self._text() + "\n", encoding="utf-8")
        draft.replace(self.file)

    def _text(self) -> str:
        """A line per training, so that a change of the file shows which of them are new."""
        pages = []
        for name, page in self.pages.items():
            runs = ",\n".join(f"   {json.dumps(astuple(run))}" for run in page.runs)
            pages.append(f'  {json.dumps(name)}: {{"recipe": {json.dumps(page.recipe)}, "runs": [\n{runs}\n  ]}}')
        budget, columns = json.dumps(self.budget), json.dumps([field.name for field in fields(Run)])
        body = ",\n".join(pages)
        return f'{{\n "budget": {budget},\n "columns": {columns},\n "pages": {{\n{body}\n }}\n}}'
