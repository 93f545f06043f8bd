"""Gradient rules, one per file, by name."""

from __future__ import annotations

import difflib

from imle.errors import OptionError
from imle.estimators.aimle import AIMLE
from imle.estimators.base import Estimator
from imle.estimators.blackbox import Blackbox
from imle.estimators.identity import Identity
from imle.estimators.imle import IMLE
from imle.estimators.perturbed import Perturbed, PerturbedMultiplicative
from imle.estimators.score_function import ScoreFunction
from imle.estimators.simple import Simple
from imle.estimators.straight_through import StraightThrough

__all__ = [
    "AIMLE",
    "ESTIMATORS",
    "IMLE",
    "Blackbox",
    "Estimator",
    "Identity",
    "Perturbed",
    "PerturbedMultiplicative",
    "ScoreFunction",
    "Simple",
    "StraightThrough",
    "estimator_by_name",
]

ESTIMATORS: dict[str, type[Estimator]] = {
    cls.name: cls
    for cls in (
        IMLE,
        AIMLE,
        Blackbox,
        Identity,
        StraightThrough,
        Perturbed,
        PerturbedMultiplicative,
        ScoreFunction,
        Simple,
    )
}
"""Estimators by name; each can be made without arguments."""


def estimator_by_name(name: str) -> Estimator:
    """A new estimator with its defaults.

    Raises:
        OptionError: no estimator has this name; lists the valid ones.
    """
    if name not in ESTIMATORS:
        close = difflib.get_close_matches(name, ESTIMATORS, n=1)
        guess = f"; did you mean {close[0]!r}?" if close else ""
        raise OptionError(f"unknown estimator {name!r}{guess}", hint=f"valid names: {', '.join(ESTIMATORS)}")
    return ESTIMATORS[name]()
