"""MaxSAT over a few variables: every assignment is tried."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from fuzz.case import Case
from fuzz.sets import case, senses

Generator = np.random.Generator
Clauses = list[list[int]]


def _clauses(rng: Generator, variables: int, count: int) -> Clauses:
    """Up to three literals each; now and then one twice, or with its negation."""
    return [
        [int(v) * int(rng.choice([-1, 1])) for v in rng.integers(1, variables + 1, int(rng.integers(1, 4)))]
        for _ in range(count)
    ]


def _holds(clause: list[int], model: tuple[bool, ...]) -> bool:
    return any(model[abs(literal) - 1] == (literal > 0) for literal in clause)


def maxsat(target: str, rng: Generator) -> Case:
    variables = int(rng.integers(1, 7))
    hard = _clauses(rng, variables, int(rng.integers(0, 6)))
    soft = _clauses(rng, variables, int(rng.integers(1, 8)))
    by_variable = bool(rng.random() < 0.5)
    options: dict[str, Any] = senses(rng) | {"stratified": bool(rng.random() < 0.7)}
    if by_variable:
        options["weights"] = "variables"
        soft = soft if rng.random() < 0.5 else []
    instance = {"hard": repr(hard)} | ({"soft": repr(soft)} if soft else {})
    weights = np.round(rng.normal(size=len(soft)) * 5, int(rng.integers(0, 3)))
    if by_variable and soft:
        instance["soft_weights"] = repr(weights.tolist())
    count = max((abs(literal) for clause in hard + soft for literal in clause), default=0)
    if not count:  # there is nothing to learn weights for
        return maxsat(target, rng)
    models = [
        model
        for model in itertools.product([False, True], repeat=count)
        if all(_holds(clause, model) for clause in hard)
    ]
    satisfied = np.array([[_holds(clause, model) for clause in soft] for model in models], float).reshape(
        len(models), len(soft)
    )
    if by_variable:
        points, fixed = np.array(models, float).reshape(len(models), count), satisfied @ weights
    else:
        points = np.unique(satisfied, axis=0)
        fixed = np.zeros(len(points))
    return case(rng, "maxsat", options, instance, [points], fixed=[fixed], precision=1e-12)


DRAWS: dict[str, Callable[[str, Generator], Case]] = {"clauses/maxsat": maxsat}
