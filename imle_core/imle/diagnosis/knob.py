"""The step of an estimator: lambda or beta, whichever it has."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from imle.estimators.base import Estimator


class Knob(NamedTuple):
    """An option that says how far the target lies from theta.

    Attributes:
        option: the keyword of the estimator's constructor, "beta" or "lambda_".
        attribute: where the estimator keeps it.
    """

    option: str
    attribute: str

    def read(self, estimator: Estimator) -> float:
        return float(getattr(estimator, self.attribute))

    def turn(self, estimator: Estimator, value: float) -> None:
        """Set the step, of an estimator of one's own."""
        present = getattr(estimator, self.attribute)
        if isinstance(present, Tensor):
            present.fill_(value)
        else:
            setattr(estimator, self.attribute, value)


_KNOBS = (Knob("lambda_", "lambda_"), Knob("beta", "beta"), Knob("beta", "relative_beta"))


def knob_of(estimator: Estimator) -> Knob | None:
    """The step that is in force, or None for rules without one."""
    return next((knob for knob in _KNOBS if getattr(estimator, knob.attribute, None) is not None), None)
