"""What `imle.calibrate` returns."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from imle.errors import OptionError
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


@dataclass(frozen=True)
class Calibration:
    """A noise and a temperature for a layer. `apply` it, or `print` it.

    Attributes:
        kappa: mean number of ones in a solution.
        temperature: tau that was found.
        noise: the distribution it belongs to.
        matched: what was matched: "entropy" or "score".
        target: the value asked for.
        achieved: what the sampled marginals give at `temperature`.
        curve: all temperatures that were tried, rising; `achieved` among them.
        rows: B.
        nb_samples: draws per row; statistics are those of their mean.
    """

    kappa: float
    temperature: float
    noise: BaseNoiseDistribution
    matched: str
    target: float
    achieved: Point
    curve: tuple[Point, ...]
    rows: int
    nb_samples: int

    def apply(self, layer: SolverLayer) -> SolverLayer:
        """Give a layer this noise and temperature, target temperature included.

        Returns:
            the layer.

        Raises:
            OptionError: its estimator takes no noise, or not this one.
        """
        if not isinstance(layer, SolverLayer):
            raise OptionError(f"apply: layer: expected a solver layer, found {type(layer).__name__}")
        layer.estimator.check(layer.spec, self.noise, self.temperature)
        layer.noise = self.noise
        layer.temperature = layer.target_temperature = self.temperature
        layer.redraw()
        return layer

    def __str__(self) -> str:
        from rich.console import Console

        stream = io.StringIO()
        Console(file=stream, width=100, color_system=None, force_terminal=False).print(self.__rich__())
        return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())

    def __rich__(self) -> RenderableType:
        from imle.calibration.text import rendered

        return rendered(self)
