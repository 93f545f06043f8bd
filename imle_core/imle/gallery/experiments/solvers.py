"""Any solver on a small instance of its own: marginals over the temperature, and objectives learned from solutions."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from imle._zeros import zero_share
from imle.errors import ImleError, OptionError, SolverWarning
from imle.gallery.plan import Plan, Tick
from imle.plugins import PluginState, registry
from imle.testing.failure import NotApplicable
from imle.testing.resolve import subjects_of
from imle.testing.subject import Case

Floats = NDArray[np.float64]

TEMPERATURES = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0)
ROWS, SAMPLES = 16, 10
LEARNING_RATE = 0.1
FRAMES = 20
"""Frames of the learning animation, the first one left out."""

ALL = "all"


@dataclass
class Portrait:
    """One solver. Solutions are flattened to their n entries.

    Attributes:
        id: of the solver.
        summary: what it solves.
        instance: name of the instance.
        marginals: `[T, n]` mean solution for one objective at each of `TEMPERATURES`.
        gold: `[16, n]` the solutions to learn.
        best: per frame `[16, n]`, the MAP solutions of the objectives learned so far.
        every: states between two frames.
        loss: per state, the mean distance |z - gold| of the samples, per row.
        sparsity: per state, the share of gradient entries that are exactly zero.
        right: per state, the rows whose MAP solution is the one to learn.
        failed: solves that failed.
    """

    id: str
    summary: str
    instance: str
    marginals: Floats
    gold: Floats
    best: list[Floats] = field(default_factory=list)
    every: int = 1
    loss: list[float] = field(default_factory=list)
    sparsity: list[float] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    failed: int = 0

    @property
    def brightest(self) -> float:
        """The end of the marginals' colour scale."""
        return max(float(self.marginals.max()), 1e-9)


@dataclass(frozen=True)
class Portraits:
    """All solvers that were asked for.

    Attributes:
        drawn: the solvers.
        left_out: of those that "all" means, the ones that cannot be shown, and why.
    """

    drawn: tuple[Portrait, ...]
    left_out: dict[str, str]


def ids_of(asked: Sequence[str]) -> tuple[str, ...]:
    """The ids themselves; for "all", every solver that is installed and works.

    Raises:
        UnknownSolverError, SolverUnavailableError: an id that cannot be used.
    """
    if ALL in asked:
        return tuple(record.id for record in registry.solvers() if record.state is PluginState.OK)
    return tuple(dict.fromkeys(registry.find(id_).id for id_ in asked))


def work(plan: Plan, ids: Sequence[str]) -> int:
    """Units of progress."""
    return len(ids) * (len(TEMPERATURES) + plan.solver_steps + 1)


def run(plan: Plan, ids: Sequence[str], *, seed: int, tick: Tick, strict: bool) -> Portraits:
    """Portray solvers.

    Args:
        plan: how much to do.
        ids: of the solvers.
        seed: of objectives and noise.
        tick: shows progress.
        strict: raise for a solver that cannot be shown, instead of leaving it out.

    Raises:
        OptionError: a solver has no instance that can be shown, or fails on it.
    """
    drawn, left_out = [], {}
    for id_ in ids:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SolverWarning)  # failures are counted and shown
                drawn.append(_portray(small_case(id_), plan, seed, lambda id_=id_: tick(f"Solver {id_}")))  # type: ignore[misc]
        except (ImleError, NotApplicable) as error:
            if strict:
                raise OptionError(f"{id_}: cannot be shown: {error}") from error
            left_out[id_] = str(error).splitlines()[0]
    return Portraits(tuple(drawn), left_out)


def small_case(solver_id: str) -> Case:
    """The first instance that leaves a choice.

    Raises:
        OptionError: none is known.
    """
    (subject,) = subjects_of(solver_id)
    for case in subject.cases:
        if case.solutions is None or len(case.solutions) > 1:
            return case
    raise OptionError(f"{solver_id}: expected an instance with more than one solution, found none")


def _portray(case: Case, plan: Plan, seed: int, note: Callable[[], None]) -> Portrait:
    hidden = torch.from_numpy(case.objectives(ROWS, seed=seed))
    with torch.no_grad():
        gold = case.layer(output="map")(hidden)
    portrait = Portrait(
        case.spec.id,
        case.spec.summary,
        case.instance.name,
        _marginals(case, hidden[:1], plan.solver_draws, seed, note),
        _flat(gold),
        every=max(1, math.ceil(plan.solver_steps / FRAMES)),
    )
    _learn(case, gold, plan, seed, portrait, note)
    return portrait


def _noise(case: Case) -> dict[str, Any]:
    """Noise that keeps the sign of objectives whose sign matters to the solver."""
    return {"noise": "gumbel" if case.spec.capabilities.negative_objectives else "multiplicative"}


def _marginals(case: Case, objective: Tensor, draws: int, seed: int, note: Callable[[], None]) -> Floats:
    rows = []
    for temperature in TEMPERATURES:
        layer = case.layer(
            temperature=temperature,
            nb_samples=draws,
            on_failure="zero-grad",
            generator=torch.Generator().manual_seed(seed),
            **_noise(case),
        )
        with torch.no_grad():
            rows.append(_flat(layer(objective))[0])
        layer.close()
        note()
    return np.stack(rows)


def _learn(case: Case, gold: Tensor, plan: Plan, seed: int, portrait: Portrait, note: Callable[[], None]) -> None:
    """I-MLE from other objectives of the same kind; those that must be positive are the softplus of weights."""
    positive = not case.spec.capabilities.negative_objectives
    start = torch.from_numpy(case.objectives(ROWS, seed=seed + 1))
    weights = torch.nn.Parameter(start.expm1().log() if positive else start)
    optimizer = torch.optim.Adam([weights], lr=LEARNING_RATE)
    layer = case.layer(
        temperature=0.25,
        nb_samples=SAMPLES,
        on_failure="zero-grad",
        generator=torch.Generator().manual_seed(seed + 1),
        **_noise(case),
    )
    noise_free = case.layer(output="map", on_failure="zero-grad")
    entries = tuple(range(1, gold.ndim))
    for state in range(plan.solver_steps + 1):
        objective = F.softplus(weights) if positive else weights
        with torch.no_grad():
            best = noise_free(objective)
        loss = layer.expected_loss(objective, lambda z: (z - gold[:, None]).abs().flatten(2).sum(dim=2)).mean()
        optimizer.zero_grad()
        loss.backward()
        assert weights.grad is not None
        portrait.loss.append(float(loss.detach()))
        portrait.sparsity.append(zero_share(weights.grad))
        portrait.right.append(int(torch.isclose(best, gold, atol=1e-6).all(dim=entries).sum()))
        if state % portrait.every == 0:
            portrait.best.append(_flat(best))
        optimizer.step()
        note()
    statuses = layer.stats.status + noise_free.stats.status
    portrait.failed = sum(count for name, count in statuses.items() if name not in ("optimal", "feasible"))
    layer.close()
    noise_free.close()


def _flat(solutions: Tensor) -> Floats:
    """`[B, n]` in double precision."""
    found: Floats = solutions.detach().double().flatten(1).numpy()
    return found
