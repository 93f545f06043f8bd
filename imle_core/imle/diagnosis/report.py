"""What `imle.diagnose` returns: fields, a text and a picture."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from torch import Tensor

from imle._displayed import Displayed
from imle._text import percent, two_digits
from imle.plot.backend import new_figure
from imle.plot.report import heat, histogram, nothing, shares

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

SPARSE = 0.5
"""More rows than this with a zero gradient are too many."""
SATURATED = 0.9
"""More rows than this whose target ignores the objective are too many."""
NOISY = 0.25
"""Two draws that agree less than this are too noisy: each agrees with the expected gradient by less than 0.5."""


@dataclass(frozen=True)
class Cell:
    """One setting of the grid. Shares are of rows whose loss has a gradient.

    Attributes:
        step: lambda or beta; None for rules without one.
        temperature: tau.
        zero: share of rows with a zero gradient.
        unchanged: share of rows whose target solve changed nothing; None for rules without one.
        saturated: share of rows whose target is that of an infinite step: theta no longer matters in it.
        cosine: mean cosine between two draws of the batch's gradient; nan without noise.
        nonzeros: non-zero entries of a row's gradient, mean over rows and draws.
        failed: share of solves that failed.
        clipped: share of solves whose objective the solver clipped.
    """

    step: float | None
    temperature: float
    zero: float
    unchanged: float | None
    saturated: float | None
    cosine: float
    nonzeros: float
    failed: float
    clipped: float


Value = float | str | bool


@dataclass(frozen=True)
class Advice:
    """Something to change.

    Attributes:
        name: of what was found: "failed-rows", "clipped", "blind-loss", "starved", "loud-noise", "quiet-noise",
            "no-noise", "constant-objective", "offset", "wrong-sense", "short-step", "long-step", "sparse", "variance".
        text: what was found, and what to do.
        change: all that is to be set to follow the advice; empty where no number can say what to do. Where it is of the
            "options", keywords of `imle.layer` and of its estimator, such as {"beta": 30.0}; a temperature is absolute,
            as it is there. Of the "objective", "factor" and "shift": give the layer factor * objective + shift.
        where: what has to change.
        rows: to which it applies; empty if to all.
    """

    name: str
    text: str
    change: Mapping[str, Value] = field(default_factory=dict)
    where: Literal["options", "objective", "loss", "instance"] = "options"
    rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.text


class _Column(NamedTuple):
    """A number of a cell, as the text and the picture show it."""

    head: str
    title: str
    colours: str
    missing: str
    write: Callable[[float | None], str]
    bad: Callable[[float], bool]


_COLUMNS = {
    "zero": _Column("zero", "rows with a zero gradient", "Reds", "no gradient", percent, SPARSE.__lt__),
    "saturated": _Column(
        "ignore", "target ignores the objective", "Purples", "no target solve", percent, SATURATED.__lt__
    ),
    "cosine": _Column("cosine", "cosine between two draws", "Greens", "no noise", two_digits, NOISY.__gt__),
}
_PARTS = {"noise": "#4c78a8", "solve": "#f58518", "transfer": "#72b7b2", "other": "#bab0ac"}


@dataclass(frozen=True, repr=False)
class Diagnosis(Displayed):
    """How a layer's gradients do on a batch. `print` it, or `plot` it.

    Attributes:
        solver: the solver's id.
        estimator: the name of the gradient rule.
        rows: B.
        entries: the size of one objective.
        samples: S, noise draws per row and pass.
        draws: R, passes that were compared.
        step_name: `"beta"`, `"lambda_"`, or None for rules without a step.
        current: the layer's own setting.
        pulled: share of rows whose loss has a gradient for their solution.
        nonzeros: `[B]` non-zero entries of each row's gradient, mean over draws.
        row_cosines: `[B]` mean cosine between two draws of a row's gradient; nan where fewer than two draws have one.
        grid: other steps and temperatures, the current ones among them, steps varying fastest.
        failed: solves that failed, by status ("timeout": 3), in the draws at the current setting.
        events: what the solver reported there, such as "clipped_rows".
        seconds: wall time of one pass there by part: "noise", "solve", "transfer", "other".
        advice: what to change; empty if nothing stands out.
    """

    solver: str
    estimator: str
    rows: int
    entries: int
    samples: int
    draws: int
    step_name: str | None
    current: Cell
    pulled: float
    nonzeros: Tensor
    row_cosines: Tensor
    grid: tuple[Cell, ...]
    failed: Mapping[str, int]
    events: Mapping[str, int]
    seconds: Mapping[str, float]
    advice: tuple[Advice, ...]

    @property
    def steps(self) -> tuple[float | None, ...]:
        """The steps of the grid, rising."""
        return tuple(dict.fromkeys(cell.step for cell in self.grid))

    @property
    def temperatures(self) -> tuple[float, ...]:
        """The temperatures of the grid, rising."""
        return tuple(dict.fromkeys(cell.temperature for cell in self.grid))

    def at(self, step: float | None, temperature: float) -> Cell:
        """A cell of the grid.

        Args:
            step: one of `steps`.
            temperature: one of `temperatures`.
        """
        return next(cell for cell in self.grid if (cell.step, cell.temperature) == (step, temperature))

    def plot(self, path: str | PathLike[str]) -> None:
        """Write the picture.

        Args:
            path: of the file; its format follows the name (".png", ".pdf", ".svg").

        Raises:
            SolverUnavailableError: matplotlib is not installed.
        """
        self.figure().savefig(path, dpi=130)

    def figure(self) -> Any:
        """The picture, a matplotlib Figure.

        Raises:
            SolverUnavailableError: matplotlib is not installed.
        """
        figure = new_figure(12.5, 6.6)
        top, bottom = figure.subfigures(2, 1, height_ratios=[1.15, 1.0])
        ticks = [f"{tau:.3g}" for tau in self.temperatures], [_number(step) for step in self.steps]
        here = self.temperatures.index(self.current.temperature), self.steps.index(self.current.step)
        for axes, (name, column) in zip(top.subplots(1, 3), _COLUMNS.items(), strict=True):
            axes.set_title(column.title, fontsize=10)
            cells = [[getattr(self.at(step, tau), name) for tau in self.temperatures] for step in self.steps]
            values = np.array(cells, np.float64)  # None becomes nan
            if np.isnan(values).all():
                nothing(axes, column.missing)
            else:
                heat(axes, values, ticks, ("temperature", self.step_name or ""), here, column.colours, column.write)
        nonzeros, cosines, time = bottom.subplots(1, 3)
        nonzeros.set_title("non-zero entries of a row's gradient", fontsize=10)
        histogram(nonzeros, self.nonzeros.numpy())
        cosines.set_title("cosine between two draws, per row", fontsize=10)
        histogram(cosines, self.row_cosines.numpy())
        time.set_title(f"one pass, forward and backward: {1e3 * sum(self.seconds.values()):.3g} ms", fontsize=10)
        shares(time, self._shares(), [_PARTS[name] for name in self.seconds], percent)
        title, about = self._title()
        advice = [f"→ {text}" for one in self.advice for text in one.text.splitlines()] or ["nothing stands out"]
        lines = [f"{title}: {about}", *(textwrap.fill(line, 150, subsequent_indent="    ") for line in advice)]
        figure.suptitle("\n".join(lines), fontsize=11, x=0.01, ha="left")
        return figure

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        title, about = self._title()
        head = Text.assemble((title, "bold"), f"  {about}, {self.draws} draws")
        advice = Table.grid(padding=(0, 1))
        advice.add_column(no_wrap=True)
        for one in self.advice:
            advice.add_row(Text("→", "yellow"), Text(one.text))
        if not self.advice:
            advice.add_row(Text("nothing stands out", "green"))
        indent = (0, 0, 0, 2)
        return Group(head, "", Padding(self._facts(), indent), "", self._table(), Padding(advice, indent))

    def _title(self) -> tuple[str, str]:
        rows = f"{self.rows} row{'' if self.rows == 1 else 's'} of {self.entries}"
        return f"{self.solver} · {self.estimator}", rows + (f", {self.samples} samples" if self.samples > 1 else "")

    def _shares(self) -> dict[str, float]:
        """What part of one pass takes which share of its time."""
        total = sum(self.seconds.values())
        return {name: max(part, 0.0) / total for name, part in self.seconds.items()}

    def _facts(self) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        now, total = self.current, sum(self.seconds.values())
        facts = Table.grid(padding=(0, 2))
        facts.add_column(style="dim", no_wrap=True)
        facts.add_column(justify="right", no_wrap=True)
        facts.add_column(style="dim")
        facts.add_row("rows whose loss has a gradient", percent(self.pulled))
        facts.add_row("of these, with a zero gradient", _shown("zero", now))
        if now.unchanged is not None:
            facts.add_row("  target solve changed nothing", percent(now.unchanged))
        if now.saturated is not None:
            facts.add_row("  target ignores the objective", _shown("saturated", now))
        low, middle, high = (_number(self.nonzeros.quantile(q).item()) for q in (0.0, 0.5, 1.0))
        facts.add_row("non-zero entries per row", middle, f"of {self.entries}, from {low} to {high}")
        if not math.isnan(now.cosine):
            facts.add_row("cosine between two draws", _shown("cosine", now), "of the batch's gradient")
        failed, events = (", ".join(f"{name} {n}" for name, n in found.items()) for found in (self.failed, self.events))
        if failed:
            facts.add_row("failed solves", Text(percent(now.failed), "red"), failed)
        if events:
            facts.add_row("solver events", "", events)
        time = f"{total:.2f} s" if total >= 1 else f"{1e3 * total:.1f} ms"
        parts = ", ".join(f"{name} {percent(share)}" for name, share in self._shares().items())
        facts.add_row("one pass, forward and backward", time, parts)
        return facts

    def _table(self) -> RenderableType:
        """One line per step, up to three columns per temperature."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        known = [
            name
            for name in _COLUMNS
            if name == "zero" or np.isfinite(np.array([getattr(cell, name) for cell in self.grid], np.float64)).any()
        ]
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", collapse_padding=True)
        table.add_column(f"\n{self.step_name or ''}", justify="right", style="bold", no_wrap=True)
        for tau in self.temperatures:
            table.add_column("\n")  # space between temperatures
            for name in known:
                above = f"tau {tau:.3g}" if name == "zero" else ""
                table.add_column(f"{above}\n{_COLUMNS[name].head}", justify="right", no_wrap=True)
        here = self.current.step, self.current.temperature
        for step in self.steps:
            line: list[RenderableType] = [_number(step)]
            for tau in self.temperatures:
                first, *others = (_shown(name, self.at(step, tau)) for name in known)
                line += ["", Text.assemble("▸ ", first) if (step, tau) == here else first, *others]
            table.add_row(*line)
        return table


def _shown(name: str, cell: Cell) -> Text:
    """A number of a cell, red where it should be another."""
    from rich.text import Text

    value, column = getattr(cell, name), _COLUMNS[name]
    return Text(column.write(value), "red" if value is not None and column.bad(value) else "")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
