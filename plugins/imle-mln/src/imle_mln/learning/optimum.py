"""The weights that make observed choices most probable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog, minimize

from imle.errors import InstanceError
from imle_mln.learning.choices import Choices
from imle_mln.network import Bools, Floats

_NEWTON = 1000
"""Formulas up to which second derivatives are used: a matrix of their squared number."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """Where a log-likelihood, with its prior, is largest.

    Attributes:
        weights: `[F]`.
        value: the log-likelihood there, without the prior.
        errors: `[F]` standard errors: roots of the diagonal of the inverse curvature. Infinite where the data say
            nothing of a weight; nan for more than a thousand formulas; 0 for weights that are not free.
        iterations: of L-BFGS.
    """

    weights: Floats
    value: float
    errors: Floats
    iterations: int


def optimum(
    choices: Choices,
    start: Floats,
    free: Bools,
    prior: float | None,
    names: Sequence[str],
    watch: Callable[[int, float], None] | None = None,
) -> Optimum:
    """Maximise a log-likelihood by L-BFGS, and refine it by Newton's method.

    Args:
        choices: what was observed.
        start: `[F]` what weights are if the data say nothing of them and there is no prior.
        free: `[F]` which weights are to be found; the others are `start`.
        prior: standard deviation of a Gaussian around 0 on each weight; None for none.
        names: of the formulas, for messages.
        watch: is told the iteration and the log-likelihood.

    Raises:
        InstanceError: without a prior, some weights grow for ever.
    """
    precision = 0.0 if prior is None else prior**-2
    if prior is None:
        own = np.flatnonzero(free)
        _refuse_endless(choices.differences[:, own], [names[at] for at in own.tolist()])
    # Counts of formulas differ by orders of magnitude: what is searched are weights times sizes.
    sizes = np.where(choices.sizes > 0, choices.sizes, 1.0)
    said = free & ((choices.sizes > 0) | (prior is not None))

    def loss(scaled: Floats) -> tuple[float, Floats]:
        weights = scaled / sizes
        value, gradient = choices.value(weights)
        return 0.5 * precision * float(weights[free] @ weights[free]) - value, (
            free * (precision * weights - gradient) / sizes
        )

    done = 0

    def step(intermediate_result: object) -> None:
        nonlocal done
        done += 1
        if watch is not None:
            watch(done, -float(intermediate_result.fun))  # type: ignore[attr-defined]

    found = minimize(
        loss,
        np.where(said, 0.0, start * sizes),
        jac=True,
        method="L-BFGS-B",
        callback=step,
        options={"ftol": 1e-14, "gtol": 1e-8, "maxiter": 10_000},
    )
    scaled = np.asarray(found.x, np.float64)
    errors = np.where(free, np.nan, 0.0)

    def curvature() -> Floats:
        whole = choices.curvature(scaled / sizes) + precision * np.eye(len(scaled))
        return np.asarray((whole / np.outer(sizes, sizes))[np.ix_(free, free)])

    if free.any() and len(scaled) <= _NEWTON:
        for _ in range(3):
            refined = scaled.copy()
            refined[free] -= np.linalg.lstsq(curvature(), loss(scaled)[1][free], rcond=1e-12)[0]
            if not loss(refined)[0] <= loss(scaled)[0]:
                break
            scaled = refined
        errors[free] = _errors(curvature()) / sizes[free]
    weights = np.where(said, scaled / sizes, start)
    return Optimum(weights, choices.value(weights)[0], errors, done)


def _errors(curvature: Floats) -> Floats:
    """Roots of the diagonal of the inverse; infinite in directions in which there is no curvature."""
    scale = np.sqrt(np.diag(curvature))
    scale[scale == 0.0] = 1.0
    values, vectors = np.linalg.eigh(curvature / np.outer(scale, scale))
    known = values > 1e-10
    found = np.sqrt((vectors[:, known] ** 2 / values[known]).sum(axis=1)) / scale
    found[(vectors[:, ~known] ** 2).sum(axis=1) > 1e-12] = np.inf
    return np.asarray(found)


def _refuse_endless(rows: Any, names: Sequence[str]) -> None:
    """A direction in which no alternative gains and some lose makes the data ever more probable."""
    if not rows.shape[0] or not rows.shape[1]:
        return
    sizes = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    kept = np.flatnonzero(sizes)
    if not len(kept):
        return
    scaled = rows[kept].multiply(1 / sizes[kept][:, None]).tocsr()
    found = linprog(
        np.asarray(scaled.sum(axis=0)).ravel(),
        A_ub=scaled,
        b_ub=np.zeros(len(kept)),
        bounds=(-1, 1),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    if found.status == 0 and found.fun < -1e-6:
        which = np.flatnonzero(np.abs(found.x) > 1e-6)
        shown = "; ".join(f"{names[at]} ({'+' if found.x[at] > 0 else '-'})" for at in which[:3])
        raise InstanceError(
            f"expected weights with an optimum, found some that grow for ever without a prior: {shown}",
            hint="pass prior=10.0, the standard deviation of a Gaussian around 0 on each weight",
        )
