"""Monitor: what solver layers count, read now and then in a training, for loggers of any kind."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from torch import nn

from imle.errors import OptionError
from imle.layers.module import SolverLayer
from imle.layers.stats import LayerStats
from imle.noise.units import absolute


class _Counts(NamedTuple):
    """What `LayerStats` counted up to a moment."""

    solves: int = 0
    seconds: float = 0.0
    entries: int = 0
    nonzeros: int = 0

    @classmethod
    def of(cls, stats: LayerStats) -> _Counts:
        return cls(stats.solves, stats.solve_seconds, stats.gradient_entries, stats.gradient_nonzeros)

    def since(self, before: _Counts) -> _Counts:
        """What was counted after `before`; all of it where `LayerStats.reset` came in between."""
        if self.solves < before.solves or self.entries < before.entries:
            return self
        return _Counts(
            self.solves - before.solves,
            self.seconds - before.seconds,
            self.entries - before.entries,
            self.nonzeros - before.nonzeros,
        )


class Monitor:
    """Reads the statistics of all solver layers of a model, as numbers by name.

    The names are `prefix/layer/number`, with the layer's name in the model (none where the model is the layer):

    - `gradient_sparsity`: the share of zeros in the gradients that the layer gave since the last reading; from
      gradients of zeros alone nothing is learned;
    - `solves_per_second`: rows per second inside the solver, since the last reading;
    - `failures`: rows that were not solved, in all;
    - `temperature`: tau as it is set, and `noise_scale`: tau in the units of theta, where noise has measured them;
    - the adaptive state of the estimator, such as `beta` and `nonzeros` of AIMLE.

    What has not happened since the last reading is left out. Gradients of losses that bring their own
    (`imle.losses`) are not counted.

    Args:
        model: its solver layers are read, those inside losses included.
        prefix: what all names begin with.

    Attributes:
        layers: the solver layers by name. From now on they count the entries of their gradients
            (`SolverLayer.count_gradients`).

    Raises:
        OptionError: there is no solver layer in it.

    Example::

        >>> import imle, torch
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 6), imle.layer("topk", k=2))
        >>> monitor = imle.monitoring.Monitor(model)
        >>> model(torch.randn(3, 4)).square().sum().backward()
        >>> sorted(monitor.read())
        ['imle/1/failures', 'imle/1/gradient_sparsity', 'imle/1/noise_scale', 'imle/1/solves_per_second', \
'imle/1/temperature']
    """

    def __init__(self, model: nn.Module, prefix: str = "imle") -> None:
        self.layers = {name: module for name, module in model.named_modules() if isinstance(module, SolverLayer)}
        if not self.layers:
            raise OptionError(
                f"Monitor: expected a model with solver layers, found none in {type(model).__name__}",
                hint="layers that are attributes of the model, or of modules in it, are found",
            )
        self._prefix = prefix
        self._before = {name: _Counts.of(layer.stats) for name, layer in self.layers.items()}
        for layer in self.layers.values():
            layer.count_gradients = True

    def read(self) -> dict[str, float]:
        """The numbers, by name. What comes next is counted from here."""
        values: dict[str, float] = {}
        for name, layer in self.layers.items():
            now = _Counts.of(layer.stats)
            found = _numbers(layer, now.since(self._before[name]))
            self._before[name] = now
            values |= {"/".join(filter(None, (self._prefix, name, key))): value for key, value in found.items()}
        return values

    def log(self, logger: Any, step: int | None = None) -> dict[str, float]:
        """Read the numbers and hand them to a logger.

        Args:
            logger: TensorBoard's `SummaryWriter`; anything with `log_dict`, such as a LightningModule or Fabric; or a
                function of the numbers and `step=`, such as `accelerator.log` or `wandb.log`.
            step: of the training; None where the logger counts by itself.

        Returns:
            what `read` gives.

        Raises:
            OptionError: the logger is none of these.
        """
        values = self.read()
        if hasattr(logger, "add_scalar"):
            for name, value in values.items():
                logger.add_scalar(name, value, step)
        elif hasattr(logger, "log_dict"):
            _call(logger.log_dict, values, step)
        elif callable(logger):
            _call(logger, values, step)
        else:
            raise OptionError(
                "Monitor.log: expected something with add_scalar or log_dict, or a function, "
                f"found {type(logger).__name__}",
                hint="pass the function that takes numbers by name, such as accelerator.log",
            )
        return values


def _numbers(layer: SolverLayer, new: _Counts) -> dict[str, float]:
    """The numbers of one layer."""
    found: dict[str, float] = {}
    if new.entries:
        found["gradient_sparsity"] = 1 - new.nonzeros / new.entries
    if new.seconds:
        found["solves_per_second"] = new.solves / new.seconds
    found["failures"] = float(layer.stats.failed.total())
    if layer.noise is not None:
        found["temperature"] = layer.temperature
        found["noise_scale"] = layer.temperature * absolute(layer.noise)[1]
    found |= {name: value.item() for name, value in layer.estimator.named_buffers() if value.numel() == 1}
    return found


def _call(log: Callable[..., Any], values: dict[str, float], step: int | None) -> None:
    """Hand values over, with the step where it is taken: a LightningModule knows it."""
    takes_step = "step" in inspect.signature(log).parameters
    log(values, **({"step": step} if takes_step else {}))
