"""A Lightning callback. This module alone imports Lightning."""

from __future__ import annotations

from typing import Any

from imle.errors import SolverUnavailableError
from imle.monitoring.monitor import Monitor

try:
    from lightning.pytorch import Callback
except ImportError as error:
    raise SolverUnavailableError(
        f"SolverMonitor is a callback of Lightning, which cannot be imported: {error}",
        hint="pip install lightning; in other loops imle.monitoring.Monitor does the same",
    ) from error


class SolverMonitor(Callback):  # type: ignore[misc]  # mypy does not follow imports of Lightning
    """Logs what the solver layers of a LightningModule do, after every training batch, by `log_dict`.

    Lightning hands every `log_every_n_steps`-th batch to its loggers. The numbers are those of
    `imle.monitoring.Monitor`.

    Args:
        prefix: what all names begin with.

    Raises:
        OptionError: the module has no solver layer; when a fit begins.
    """

    def __init__(self, prefix: str = "imle") -> None:
        self._prefix = prefix
        self._monitor: Monitor | None = None

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        del trainer
        self._monitor = Monitor(pl_module, self._prefix)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        del trainer, outputs, batch, batch_idx
        assert self._monitor is not None
        self._monitor.log(pl_module)
