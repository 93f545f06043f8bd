"""What `imle.calibrate` returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from imle._copies import check_layer
from imle._displayed import Displayed
from imle.layers.module import SolverLayer
from imle.noise import BaseNoiseDistribution

if TYPE_CHECKING:
    from rich.console import RenderableType


class Point(NamedTuple):
    """What one temperature gives.

    Attributes:
        temperature: tau.
        value: the statistic that was matched.
        entropy: mean binary entropy of the sampled marginals, in bits.
        error: mean absolute distance to the reference marginals; nan without them.
    """

    temperature: float
    value: float
    entropy: float
    error: float


@dataclass(frozen=True, repr=False)
class Calibration(Displayed):
    """A noise and a temperature for a layer. `apply` it, or `print` it.

    Attributes:
        kappa: mean number of ones in a solution.
        temperature: tau that was found, absolute.
        noise: the distribution it belongs to.
        matched: what was matched: "entropy", "score", or "spread", where the objective knows nothing of the solutions
            and noise became as large as the spread of its rows.
        target: the value asked for.
        achieved: what the sampled marginals give at `temperature`.
        curve: all temperatures that were tried, rising; `achieved` among them.
        rows: B.
        nb_samples: draws per row; statistics are those of their mean.
    """

    kappa: float
    temperature: float
    noise: BaseNoiseDistribution
    matched: Literal["entropy", "score", "spread"]
    target: float
    achieved: Point
    curve: tuple[Point, ...]
    rows: int
    nb_samples: int

    def apply(self, layer: SolverLayer) -> SolverLayer:
        """Give a layer this noise and temperature, target temperature included.

        Args:
            layer: as a rule the one that was calibrated.

        Returns:
            the layer.

        Raises:
            OptionError: its estimator takes no noise, or not this one.
        """
        check_layer("apply: layer", layer)
        layer.estimator.check(layer.spec, self.noise, self.temperature)
        layer.noise = self.noise
        layer.temperature = layer.target_temperature = self.temperature
        layer.redraw()
        return layer

    def __rich__(self) -> RenderableType:
        from rich import box
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        title = Text.assemble(
            (f"temperature {self.temperature:.4g}", "bold"),
            f", kappa {self.kappa:.4g}  ",
            (f"{self.rows} rows, {self.nb_samples} draws each", "dim"),
        )
        statistic = "entropy of marginals, bits" if self.matched == "entropy" else "mean score of samples"
        facts = Table.grid(padding=(0, 2))
        facts.add_column(style="dim")
        facts.add_row("noise", repr(self.noise))
        facts.add_row(statistic, f"{self.achieved.value:.4g}, asked for {self.target:.4g}")
        if self.matched == "spread":
            facts.add_row("", "out of reach: the objective knows next to nothing of the solutions")
            facts.add_row("", "the noise is as large as the spread of the objective; calibrate again when trained")
        curve = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        curve.add_column("temperature", justify="right")
        curve.add_column(statistic, justify="right")
        if not math.isnan(self.achieved.error):
            facts.add_row("mean error of marginals", f"{self.achieved.error:.4f}")
            curve.add_column("error", justify="right")
        for point in self.curve:
            own = point == self.achieved
            cells = f"{'▸ ' * own}{point.temperature:.4g}", f"{point.value:.4g}", f"{point.error:.4f}"
            curve.add_row(*cells[: len(curve.columns)], style="bold" if own else "")
        return Group(title, Padding(facts, (1, 0, 1, 2)), curve, Text("apply it with calibration.apply(layer)", "dim"))
