"""Gradient rules, one per file, by name."""

from __future__ import annotations

from imle.errors import PluginError, SolverUnavailableError
from imle.estimators.aimle import AIMLE
from imle.estimators.base import Estimator
from imle.estimators.blackbox import Blackbox
from imle.estimators.identity import Identity
from imle.estimators.imle import IMLE
from imle.estimators.perturbed import Perturbed, PerturbedMultiplicative
from imle.estimators.score_function import ScoreFunction
from imle.estimators.simple import Simple
from imle.estimators.straight_through import StraightThrough
from imle.plugins import find_estimator, registry

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
"""The core's own estimators by name; each can be made without arguments."""


def estimator_by_name(name: str) -> Estimator:
    """A new estimator with its defaults: one of the core's, or a plugin's.

    Raises:
        OptionError: no estimator has this name; lists the valid ones.
        SolverUnavailableError: its plugin cannot be used.
        PluginError: what the plugin names is not an estimator.
    """
    record = find_estimator(name)
    assert record.spec is not None
    try:
        found = registry.import_target(record.spec.target)
    except ImportError as error:
        raise SolverUnavailableError(
            f"estimator {name!r} of {record.distribution} cannot be imported: {error}",
            hint=f"pip install {record.distribution} installs what it needs",
        ) from error
    if not issubclass(found, Estimator):
        raise PluginError(f"{name}: {record.spec.target} is not a subclass of imle.estimators.Estimator")
    return found()
