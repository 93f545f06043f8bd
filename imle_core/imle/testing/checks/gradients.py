"""Gradients through the layer are those of the definition: argmax over the list of all solutions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from imle.solvers.blocks import BlockLayout, blocks_of
from imle.testing.compare import brief, differing, shown
from imle.testing.enumeration import EnumerationSolver
from imle.testing.failure import CheckFailure, Inconclusive
from imle.testing.instance import Floats
from imle.testing.subject import Case

ROWS = 8
LEAST = 1e-3
"""Gradients larger than this are seen by the comparison."""
SHORT = 0.05
"""A step so long beside the objective leaves its entries their sign, mostly."""

_FIX = "leave forward and backward to the layer; the bare solver must answer alike in both"


def check_gradients_finite(case: Case) -> None:
    """Gradients reach the objective and are finite, in training mode."""
    import torch

    for rule, options in _rules(case, 1.0 if _roomy(case) else SHORT):
        layer = case.layer(on_failure="zero-grad", **options)
        objective = torch.tensor(case.objectives(ROWS, seed=18), dtype=torch.float32, requires_grad=True)
        out = layer(objective)
        where = f"estimator {rule!r}, {case.where}"
        if not out.requires_grad:
            raise CheckFailure("an output with a graph", "one without", where=where, fix=_FIX)
        out.sum().backward()
        if objective.grad is None or not bool(torch.isfinite(objective.grad).all()):
            raise CheckFailure("a finite gradient", str(objective.grad), where=where, fix=_FIX)


def check_gradients(case: Case) -> None:
    """Gradients equal those of an enumeration of the instance's solutions."""
    import torch

    import imle

    assert case.solutions is not None
    given = case.objectives(ROWS, seed=19)
    objective, weights = torch.tensor(given), torch.tensor(_weights(case, given))
    enumeration = EnumerationSolver(case.solver.sense)
    known: dict[str, Any] = {"solutions": case.solutions, "fixed": case.fixed(case.solutions)}
    several = len(np.unique(case.solutions, axis=0)) > 1
    ratios = np.divide(*(np.linalg.norm(values.reshape(ROWS, -1), axis=1) for values in (given, weights.numpy())))
    step = float(np.median(ratios)) * (1.0 if _roomy(case) else SHORT)
    for (rule, reference), (_, options) in zip(_rules(case, step), _rules(case, step), strict=True):
        expected = _gradient(imle.layer(enumeration, **known, **reference), objective, weights)
        if several and not (expected.abs() > LEAST).any():
            raise Inconclusive(f"no gradient to compare: by enumeration it is 0 in all rows (estimator {rule!r})")
        _same_solutions(case, enumeration)
        found = _gradient(case.layer(**options), objective, weights)
        if not torch.allclose(found, expected, atol=1e-5, rtol=1e-4):
            row = int((found - expected).abs().reshape(ROWS, -1).amax(dim=1).argmax())
            raise CheckFailure(
                f"the gradient of an enumeration, {brief(expected[row].numpy())}",
                brief(found[row].numpy()),
                where=f"row {row}, estimator {rule!r}, {case.where}",
                fix=_FIX,
            )


def _roomy(case: Case) -> bool:
    """Whether targets may be any objectives, as far from those that are drawn as they like."""
    return case.spec.capabilities.negative_objectives and case.instance.objectives is None


def _rules(case: Case, step: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """Options of `imle.layer`, with the same noise each time: little of it where objectives must stay as they are."""
    import torch

    from imle.estimators import IMLE, Blackbox

    yield "blackbox", {"estimator": Blackbox(step)}
    if not _same_noise_everywhere(case):
        yield "imle", {"estimator": IMLE(step), "noise": None}
        return
    tau = 0.25 if _roomy(case) else SHORT / 4
    noise = {"noise": "gaussian", "temperature": tau, "generator": torch.Generator().manual_seed(0)}
    yield "imle", {"estimator": IMLE(step), "nb_samples": 3, **noise}


def _same_noise_everywhere(case: Case) -> bool:
    """Whether every entry takes one draw: an enumeration knows nothing of blocks."""
    prepared = case.prepare()
    parts = (blocks_of(prepared) or BlockLayout()).values()
    prepared.close()
    return all(block.noise for block in case.spec.blocks) and all(data.baseline is None for data in parts)


def _weights(case: Case, objective: Floats) -> Floats:
    """`[N, *shape]` of the loss: mostly from the best solution to the next best, so that a step changes many rows."""
    assert case.solutions is not None
    solutions, first = np.unique(case.solutions, axis=0, return_index=True)
    order = np.argsort(-case.ranking(objective)[:, first], axis=1, kind="stable")
    away = solutions[order[:, 0]] - solutions[order[:, min(1, len(solutions) - 1)]]
    return np.asarray(away + 0.3 * np.random.default_rng(20).normal(size=objective.shape))


def _gradient(layer: Any, objective: Any, weights: Any) -> Any:
    leaf = objective.clone().requires_grad_()
    (layer(leaf) * weights).sum().backward()
    return leaf.grad


def _same_solutions(case: Case, enumeration: EnumerationSolver) -> None:
    """The solver must agree with the enumeration on all objectives that occurred, or gradients cannot be compared."""
    for objective, solutions in enumeration.seen:
        if (objective < 0).any() and not case.spec.capabilities.negative_objectives:
            raise Inconclusive("target objectives are negative, which the spec does not claim to solve")
        found = case.fresh(objective)
        best = found._replace(solutions=solutions, status=np.zeros_like(found.status))
        for row in differing(found, best):
            told = f"objective {brief(objective[row])}: the enumeration has {brief(solutions[row])}, the solver has "
            raise Inconclusive(f"no gradients to compare, for solutions differ: {told}{shown(found, row)}")
