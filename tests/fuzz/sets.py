"""Cases over sets that are listed whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fuzz.case import Case, Floats
from fuzz.journeys import journey
from fuzz.listed import Listed
from imle.plugins import registry

ROWS = 40


def case(
    rng: np.random.Generator,
    solver: str,
    options: Mapping[str, Any],
    instance: Mapping[str, str],
    sets: Sequence[Floats],
    *,
    shape: tuple[int, ...] | None = None,
    fixed: Sequence[Floats] | None = None,
    positive: bool = False,
    precision: float = 1e-9,
    setup: str = "",
    which: NDArray[np.int64] | None = None,
    rows: Mapping[str, Sequence[Any]] | None = None,
) -> Case:
    """A batch of objectives over one set, or over one of several per row.

    Args:
        rng: of all choices.
        solver, options, instance, setup, which, rows: as for `Case`.
        sets: `[M, *shape]` each.
        shape: of an objective; needed if all sets are empty.
        fixed: `[M]` each: what terms add that are not learned.
        positive: whether objectives may not be negative.
        precision: how far from the best value an optimum may be, relative to the largest term.
    """
    sense = options.get("sense") or registry.find(solver).spec.sense
    sign = 1 if sense == "min" else -1
    shape = sets[0].shape[1:] if shape is None else shape
    truths = [
        Listed(
            np.asarray(points).reshape(-1, *shape), precision=precision, fixed=None if fixed is None else fixed[kind]
        )
        for kind, points in enumerate(sets)
    ]

    def best(objective: Floats) -> Floats:
        if not len(truths[0].points):
            return np.ones(len(objective))
        found: Floats = truths[0].points[truths[0].best(objective[None], sign)[0]]
        return found

    size = int(np.prod(shape))
    attractive = rng.integers(1, 13, size).astype(float)
    objectives = journey(rng, size, ROWS, best=best, attractive=attractive, sign=sign)
    if positive:
        objectives = np.abs(objectives)
    return Case(
        solver=solver,
        options=options,
        instance=instance,
        objectives=objectives.reshape(ROWS, *shape),
        truths=truths,
        which=which,
        rows=rows or {},
        setup=setup,
        way="layer" if rng.random() < 0.25 else "prepared",
        refusable=not any(len(truth.points) for truth in truths),
    )


def senses(rng: np.random.Generator) -> dict[str, str]:
    """Either sense."""
    return {"sense": str(rng.choice(["min", "max"]))}
