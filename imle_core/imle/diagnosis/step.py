"""The step of an estimator: lambda or beta, whichever it has."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from imle.estimators.base import Estimator


class StepParameter(NamedTuple):
    """An option that says how far the target lies from theta.

    Attributes:
        option: the keyword of the estimator's constructor, "beta" or "lambda_".
        attribute: where the estimator keeps it.
    """

    option: str
    attribute: str

    @classmethod
    def of(cls, estimator: Estimator) -> StepParameter | None:
        """The step that is in force, or None for rules without one."""
        names = {"lambda_": "lambda_", "beta": "beta", "relative_beta": "beta"}
        return next((cls(names[a], a) for a in names if getattr(estimator, a, None) is not None), None)

    def get(self, estimator: Estimator) -> float:
        """The step of an estimator."""
        return float(getattr(estimator, self.attribute))

    def set(self, estimator: Estimator, value: float) -> None:
        """Give an estimator another step."""
        present = getattr(estimator, self.attribute)
        if isinstance(present, Tensor):
            present.fill_(value)
        else:
            setattr(estimator, self.attribute, value)
