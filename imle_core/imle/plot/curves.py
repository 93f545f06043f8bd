"""Losses while training, and how many gradient entries are zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from imle.errors import ObjectiveError, OptionError
from imle.plot.backend import matplotlib, new_figure

if TYPE_CHECKING:
    from torch import Tensor

COLOURS = ["#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#ff9da6", "#9d755d", "#bab0ac"]


@dataclass
class History:
    """What `training` draws; fill it as you train.

    Attributes:
        loss: per step.
        sparsity: per step, the share of gradient entries that are exactly zero.

    Example::

        >>> import imle, torch
        >>> scores, history = torch.randn(8, 5, requires_grad=True), imle.plot.History()
        >>> loss = imle.layer("topk", k=2)(scores)[:, 0].mean()
        >>> loss.backward()
        >>> history.record(loss, scores.grad)
        >>> figure = imle.plot.training(history)
    """

    loss: list[float] = field(default_factory=list)
    sparsity: list[float] = field(default_factory=list)

    def record(self, loss: Tensor | float, gradient: Tensor | None = None) -> None:
        """Note one step.

        Args:
            loss: one number.
            gradient: of the solver's objective (`objective.retain_grad()` keeps it) or of a parameter; of any shape.
                Leave it out in all steps, or in none.

        Raises:
            ObjectiveError: a gradient without entries.
        """
        value = loss.item() if hasattr(loss, "item") else loss
        if gradient is not None:
            if gradient.numel() == 0:
                raise ObjectiveError("record: gradient: expected at least one entry, found none")
            self.sparsity.append(1 - int(gradient.count_nonzero()) / gradient.numel())
        self.loss.append(float(value))


def training(histories: History | Mapping[str, History], *, log: bool = False, title: str = "") -> Any:
    """Draw losses by step and, if they were recorded, shares of zero gradient entries.

    Args:
        histories: one, or several by name.
        log: a logarithmic loss axis.
        title: above it.

    Returns:
        the matplotlib Figure, with one or two Axes.

    Raises:
        SolverUnavailableError: matplotlib is not installed.
        OptionError: there is nothing to draw, or gradients were recorded in some steps only.
    """
    named = {"": histories} if isinstance(histories, History) else dict(histories)
    _check(named)
    sparse = any(history.sparsity for history in named.values())
    figure = new_figure(9.0 if sparse else 5.0, 3.2)
    left, *right = figure.subplots(1, 2 if sparse else 1, squeeze=False)[0]
    left.set_title("loss", fontsize=10)
    if log:
        left.set_yscale("log")
    for place, (name, history) in enumerate(named.items()):
        colour = COLOURS[place % len(COLOURS)]
        left.plot(range(len(history.loss)), history.loss, color=colour, label=name, linewidth=1.5)
        for axes in right if history.sparsity else ():
            axes.plot(range(len(history.sparsity)), history.sparsity, color=colour, label=name, linewidth=1.5)
    for axes in right:
        axes.set_title("zero entries of the gradient", fontsize=10)
        axes.set_ylim(-0.02, 1.02)
        axes.yaxis.set_major_formatter(matplotlib("ticker").PercentFormatter(1.0, decimals=0))
    for axes in (left, *right):
        axes.set_xlabel("step")
        axes.spines[["top", "right"]].set_visible(False)
    if any(named):
        left.legend(frameon=False, fontsize=9)
    if title:
        figure.suptitle(title)
    return figure


def _check(named: Mapping[str, History]) -> None:
    if not named:
        raise OptionError("training: expected at least one History, found none")
    for name, history in named.items():
        where = f"training: {name}: " if name else "training: "
        if not isinstance(history, History):
            raise OptionError(f"{where}expected a History, found {type(history).__name__}")
        if not history.loss:
            raise OptionError(f"{where}expected at least one step, found none", hint="call history.record(loss)")
        if history.sparsity and len(history.sparsity) != len(history.loss):
            raise OptionError(
                f"{where}expected a gradient in every step or in none, found {len(history.sparsity)} in "
                f"{len(history.loss)} steps"
            )
