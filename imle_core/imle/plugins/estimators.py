"""Gradient rules by name: the core's own, and those of plugins (entry-point group `imle.estimators`)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.metadata import version

from imle._names import closest, meant
from imle.errors import OptionError, SolverUnavailableError
from imle.plugins.discovery import discover_estimators
from imle.plugins.estimator_spec import EstimatorSpec
from imle.plugins.installed import normal
from imle.plugins.records import EstimatorRecord, PluginState

OWN = (
    EstimatorSpec(
        "imle",
        "Difference to the solution of a target distribution; symmetric and scaled forms by options",
        "imle.estimators.imle:IMLE",
        solves=1,
        source="Niepert, Minervini & Franceschi 2021",
    ),
    EstimatorSpec(
        "aimle",
        "I-MLE with a step that adapts until the gradient is as dense as asked for",
        "imle.estimators.aimle:AIMLE",
        solves=1,
        source="Minervini, Franceschi & Niepert 2023",
    ),
    EstimatorSpec(
        "blackbox",
        "Slope of a piecewise-affine interpolation of the loss, noise-free",
        "imle.estimators.blackbox:Blackbox",
        solves=1,
        stochastic=False,
        source="Pogančić et al. 2020",
    ),
    EstimatorSpec(
        "identity",
        "dy pulled back through a projection of theta, noise-free",
        "imle.estimators.identity:Identity",
        solves=0,
        stochastic=False,
        source="Sahoo et al. 2023",
    ),
    EstimatorSpec(
        "implicit",
        "Exact derivative of solutions that move with the objective, noise-free",
        "imle.estimators.implicit:Implicit",
        solves=0,
        stochastic=False,
        problem="qp",
        source="Amos & Kolter 2017",
    ),
    EstimatorSpec(
        "straight-through",
        "dy itself, as if the solver were the identity",
        "imle.estimators.straight_through:StraightThrough",
        solves=0,
        source="Bengio, Léonard & Courville 2013",
    ),
    EstimatorSpec(
        "perturbed",
        "Derivative of the expected solution under additive noise, from its density",
        "imle.estimators.perturbed:Perturbed",
        solves=0,
        source="Berthet et al. 2020",
    ),
    EstimatorSpec(
        "perturbed-multiplicative",
        "The same under noise that keeps the sign of every cost",
        "imle.estimators.perturbed:PerturbedMultiplicative",
        solves=0,
        source="Dalle et al. 2022",
    ),
    EstimatorSpec(
        "score-function",
        "REINFORCE with a leave-one-out baseline; through layer.expected_loss",
        "imle.estimators.score_function:ScoreFunction",
        solves=0,
        source="Williams 1992",
    ),
    EstimatorSpec(
        "simple",
        "Exact samples and the exact derivative of their marginals",
        "imle.estimators.simple:Simple",
        solves=0,
        problem="k-subset",
        source="Ahmed et al. 2023",
    ),
)
"""The core's own rules: the one list of them. Each can be made without arguments."""


@cache
def estimators() -> tuple[EstimatorRecord, ...]:
    """All gradient rules on this machine, usable or not: the core's first, then those of plugins sorted by id."""
    own = tuple(
        EstimatorRecord(spec.id, PluginState.OK, "imle", version("imle"), entry_point="", spec=spec) for spec in OWN
    )
    taken = {spec.id for spec in OWN}
    return own + tuple(_yield_to_core(record) if record.id in taken else record for record in discover_estimators())


def _yield_to_core(record: EstimatorRecord) -> EstimatorRecord:
    """A plugin cannot change what a name of the core means; its rule answers to its qualified id."""
    if record.state is not PluginState.OK:
        return record
    reason = f"imle itself has an estimator {record.id!r}"
    return replace(record, state=PluginState.CONFLICT, reason=reason, fix=f"use {record.qualified_id}")


def find_estimator(name: str) -> EstimatorRecord:
    """The usable record of an estimator.

    Args:
        name: an id, or `distribution/id`; its case, dashes and underscores do not matter.

    Raises:
        OptionError: nothing has that id; lists the valid ones.
        SolverUnavailableError: what has it cannot be used; says why and what mends it.
    """
    distribution, _, plain = name.rpartition("/")
    offered = [
        record for record in estimators() if not distribution or normal(record.distribution) == normal(distribution)
    ]
    plain = meant(plain, {record.id for record in offered})
    matches = [record for record in offered if record.id == plain]
    for record in matches:
        if record.state is PluginState.OK or (distribution and record.state is PluginState.CONFLICT):
            return record
    if matches:
        record = matches[0]
        raise SolverUnavailableError(
            f"estimator {name!r} of {record.distribution} cannot be used ({record.state}): {record.reason}",
            hint=record.fix,
        )
    usable = [record.id for record in estimators() if record.state is PluginState.OK]
    close = closest(plain, usable)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    raise OptionError(f"unknown estimator {name!r}{guess}", hint=f"valid names: {', '.join(usable)}")
