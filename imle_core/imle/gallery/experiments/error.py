"""How far the marginals of perturb-and-MAP are from the exact ones, over the temperature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from imle.gallery.experiments import lattice, subsets
from imle.gallery.plan import Plan, Tick
from imle.layers import SolverLayer
from imle.noise import BaseNoiseDistribution, SumOfGammaNoiseDistribution, noise_by_name

Floats = NDArray[np.float64]
SHOWN = 0.5
"""The temperature whose marginals are drawn; every plan has it."""


@dataclass(frozen=True)
class Curve:
    """One noise on one problem.

    Attributes:
        name: for legends.
        errors: per temperature, the mean over entries of |estimate - exact|.
        shown: the estimate at temperature `SHOWN`.
    """

    name: str
    errors: tuple[float, ...]
    shown: Floats


@dataclass(frozen=True)
class Errors:
    """All noises on one problem.

    Attributes:
        title: the problem.
        ones: in every solution, |z|.
        temperatures: of all curves.
        exact: the marginals at temperature `SHOWN`.
        floor: per temperature, the error that as many exact samples would have on average.
        curves: one per noise.
        draws: samples per estimate.
    """

    title: str
    ones: int
    temperatures: tuple[float, ...]
    exact: Floats
    floor: tuple[float, ...]
    curves: tuple[Curve, ...]
    draws: int


@dataclass(frozen=True)
class _Problem:
    """An objective whose exact marginals are known.

    Attributes:
        title: what it is.
        ones: in every solution.
        objective: `[n]`.
        shape: of the pictures.
        layer: makes layers for it.
        exact: `[n]` marginals at a temperature.
    """

    title: str
    ones: int
    objective: Floats
    shape: tuple[int, ...]
    layer: Callable[..., SolverLayer]
    exact: Callable[[float], Floats]

    def noises(self) -> dict[str, BaseNoiseDistribution | None]:
        """By name; the sum-of-gamma noise with kappa as it should be, the ones of a solution, and off by a factor."""
        factors = {"|z|": 1.0, "|z| / 3": 1 / 3, "3 |z|": 3.0}
        gammas = {
            f"sum-of-gamma, κ = {name}": SumOfGammaNoiseDistribution(k=self.ones * factor, nb_iterations=100)
            for name, factor in factors.items()
        }
        return {**gammas, "Gumbel": noise_by_name("gumbel"), "Gaussian": noise_by_name("gaussian")}


def _problems(seed: int) -> tuple[_Problem, _Problem]:
    scores, costs = subsets.random_scores(seed), lattice.random_costs(seed)
    return (
        _Problem(
            f"{subsets.CHOSEN} of {subsets.ITEMS} items",
            subsets.CHOSEN,
            scores,
            scores.shape,
            subsets.subset_layer,
            lambda temperature: subsets.exact_marginals(scores, temperature),
        ),
        _Problem(
            f"paths to the right or down, {lattice.SIDE} by {lattice.SIDE} cells",
            lattice.CELLS,
            costs.reshape(-1),
            costs.shape,
            lattice.path_layer,
            lambda temperature: lattice.exact_marginals(costs, temperature).reshape(-1),
        ),
    )


def work(plan: Plan) -> int:
    """Units of progress."""
    return sum(len(problem.noises()) for problem in _problems(0)) * len(plan.error_temperatures)


def run(plan: Plan, *, seed: int, tick: Tick) -> tuple[Errors, ...]:
    """The same objective and the same uniform draws for all temperatures."""
    return tuple(_errors(problem, plan, seed, tick) for problem in _problems(seed))


def _errors(problem: _Problem, plan: Plan, seed: int, tick: Tick) -> Errors:
    exact = {temperature: problem.exact(temperature) for temperature in plan.error_temperatures}
    curves = []
    for name, noise in problem.noises().items():
        estimates = {}
        for temperature in exact:
            estimates[temperature] = _estimate(problem, noise, temperature, plan.draws, seed)
            tick(f"Marginals under {name}")
        errors = tuple(float(np.abs(estimates[t] - exact[t]).mean()) for t in exact)
        curves.append(Curve(name, errors, estimates[SHOWN].reshape(problem.shape)))
    floor = tuple(_floor(marginals, plan.draws) for marginals in exact.values())
    shown = exact[SHOWN].reshape(problem.shape)
    return Errors(problem.title, problem.ones, tuple(exact), shown, floor, tuple(curves), plan.draws)


def _estimate(
    problem: _Problem, noise: BaseNoiseDistribution | None, temperature: float, draws: int, seed: int
) -> Floats:
    """`[n]` mean of the samples."""
    generator = torch.Generator().manual_seed(seed)
    layer = problem.layer(noise=noise, nb_samples=draws, temperature=temperature, generator=generator)
    with torch.no_grad():
        found: Floats = layer(torch.from_numpy(problem.objective)[None])[0].numpy()
    return found


def _floor(marginals: Floats, draws: int) -> float:
    """Mean over entries of E|p_n - p| for the mean of n 0/1 draws, by the normal approximation."""
    deviation = np.sqrt(np.clip(marginals * (1 - marginals), 0, None) / draws)
    return float((np.sqrt(2 / np.pi) * deviation).mean())
