"""What `imle.diagnose` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from rich.console import RenderableType


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


@dataclass(frozen=True)
class Advice:
    """Something to change.

    Attributes:
        text: what was found, and what to do.
        change: the options to change, by name, such as {"beta": 30.0}.
    """

    text: str
    change: Mapping[str, float | str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Diagnosis:
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
        row_cosines: `[B]` mean cosine between two draws of a row's gradient; nan where it cannot be told.
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
        """A cell of the grid."""
        return next(cell for cell in self.grid if (cell.step, cell.temperature) == (step, temperature))

    def __str__(self) -> str:
        from imle.diagnosis.text import plain

        return plain(self)

    def __rich__(self) -> RenderableType:
        from imle.diagnosis.text import rendered

        return rendered(self)

    def plot(self, path: str | PathLike[str]) -> None:
        """Write a picture; its format follows the name (".png", ".pdf", ".svg").

        Raises:
            SolverUnavailableError: matplotlib is not installed.
        """
        from imle.diagnosis.picture import draw

        draw(self, path)
