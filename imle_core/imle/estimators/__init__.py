"""Gradient rules, one per file, listed in `imle.plugins.estimators.OWN`; an import here makes a name public."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imle._configured import build, name_and_options
from imle.errors import PluginError, SolverUnavailableError
from imle.estimators.aimle import AIMLE as AIMLE
from imle.estimators.base import Estimator as Estimator
from imle.estimators.blackbox import Blackbox as Blackbox
from imle.estimators.identity import Identity as Identity
from imle.estimators.imle import IMLE as IMLE
from imle.estimators.implicit import Implicit as Implicit
from imle.estimators.perturbed import Perturbed as Perturbed
from imle.estimators.perturbed import PerturbedMultiplicative as PerturbedMultiplicative
from imle.estimators.score_function import ScoreFunction as ScoreFunction
from imle.estimators.simple import Simple as Simple
from imle.estimators.straight_through import StraightThrough as StraightThrough
from imle.plugins import find_estimator, registry
from imle.plugins.estimators import OWN

__all__ = ["Estimator", "estimator_by_name", *sorted(spec.target.partition(":")[2] for spec in OWN)]


def estimator_by_name(given: str | Mapping[str, Any]) -> Estimator:
    """A new estimator with its defaults or, in a mapping, with options: one of the core's, or a plugin's.

    Args:
        given: such as "aimle", or `{"name": "aimle", "step_size": 0.01}`; `imle list-estimators` shows all names.

    Raises:
        OptionError: no estimator has this name (lists the valid ones), or an option is unknown or not valid.
        SolverUnavailableError: its plugin cannot be used.
        PluginError: what the plugin names is not an estimator.
    """
    name, options = name_and_options("estimator", given)
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
    return build(f"estimator {name!r}", found, options)
