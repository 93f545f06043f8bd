"""How far the marginals of perturb-and-MAP are from the exact ones, over the temperature."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import networkx as nx
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import imle
from imle.layers import SolverLayer
from imle.noise import SumOfGammaNoiseDistribution
from imle_gallery.charts import REFERENCE, Charts, titles
from imle_gallery.film import Film
from imle_gallery.plan import GalleryPlan
from imle_gallery.show import Section, Tick
from imle_gallery.view import Canvas, Drawing, View, panels, shades

Floats = NDArray[np.float64]
SHOWN = 0.5
"""The temperature whose marginals are drawn; every plan has it."""
ITEMS, CHOSEN = 10, 5
SIDE = 8
_FLOOR = "exact samples, as many"


@dataclass(frozen=True)
class Problem:
    """An objective and all solutions, so that the exponential family p(z) ~ exp(<theta, z> / tau) is summed exactly.

    Attributes:
        title: what it is.
        shape: of the pictures.
        objective: `[n]`.
        sign: theta is the objective times it.
        solutions: `[M, n]` all of them, each with as many ones.
        layer: makes layers of a solver for it.
    """

    title: str
    shape: tuple[int, int]
    objective: Floats
    sign: int
    solutions: Floats
    layer: Callable[..., SolverLayer]

    @property
    def ones(self) -> int:
        """In every solution, |z|."""
        return int(self.solutions[0].sum())

    def exact(self, temperature: float) -> Floats:
        """`[n]` marginals."""
        scores = self.sign * self.solutions @ self.objective / temperature
        weights = np.exp(scores - scores.max())
        found: Floats = weights @ self.solutions / weights.sum()
        return found

    def estimate(self, noise: Any, temperature: float, draws: int, seed: int) -> Floats:
        """`[n]` mean of the samples."""
        generator = torch.Generator().manual_seed(seed)
        layer = self.layer(noise=noise, nb_samples=draws, temperature=temperature, generator=generator)
        with torch.no_grad():
            found: Floats = layer(torch.from_numpy(self.objective)[None])[0].numpy()
        return found

    def noises(self) -> dict[str, Any]:
        """By name; the sum-of-gamma noise with kappa as it should be, the ones of a solution, and off by a factor."""
        factors = {"|z|": 1.0, "|z| / 3": 1 / 3, "3 |z|": 3.0}
        gammas = {
            f"sum-of-gamma, κ = {name}": SumOfGammaNoiseDistribution(k=self.ones * factor, nb_iterations=100)
            for name, factor in factors.items()
        }
        return {**gammas, "Gumbel": "gumbel", "Gaussian": "gaussian"}


@dataclass(frozen=True)
class Errors:
    """All noises on one problem.

    Attributes:
        problem: what was solved.
        draws: samples per estimate.
        exact: by temperature, the exact marginals `[n]`.
        estimates: by the name of the noise and by temperature, those of the samples.
    """

    problem: Problem
    draws: int
    exact: Mapping[float, Floats]
    estimates: Mapping[str, Mapping[float, Floats]]

    @property
    def curves(self) -> dict[str, list[float]]:
        """By the name of the noise, per temperature, the mean over entries of |estimate - exact|."""
        return {
            name: [float(np.abs(found[tau] - exact).mean()) for tau, exact in self.exact.items()]
            for name, found in self.estimates.items()
        }

    @property
    def floor(self) -> list[float]:
        """Per temperature, the mean over entries of E|p_n - p| of as many exact draws, by the normal approximation."""
        variances = [np.clip(p * (1 - p), 0, None) / self.draws for p in self.exact.values()]
        return [float(np.sqrt(2 / np.pi * variance).mean()) for variance in variances]


def subsets(seed: int) -> Problem:
    """5 of 10 items, by a plain function: it is a solver, too."""
    masks = np.zeros((252, ITEMS))
    for mask, chosen in zip(masks, combinations(range(ITEMS), CHOSEN), strict=True):
        mask[list(chosen)] = 1

    def largest(scores: Tensor) -> Tensor:
        return torch.zeros_like(scores).scatter(1, scores.topk(CHOSEN).indices, 1)

    scores = np.random.default_rng(seed).normal(size=ITEMS)
    return Problem(f"{CHOSEN} of {ITEMS} items", (1, ITEMS), scores, 1, masks, partial(imle.layer, largest))


def lattice(seed: int) -> Problem:
    """Paths on a square of cells, to the right or down: all have as many cells, for which the noise is made."""
    moves = 2 * SIDE - 2
    masks = np.zeros((3432, SIDE, SIDE))
    for mask, downs in zip(masks, combinations(range(moves), SIDE - 1), strict=True):
        rows = np.searchsorted(downs, range(moves + 1))
        mask[rows, np.arange(moves + 1) - rows] = 1
    graph = nx.DiGraph()
    cells = list(np.ndindex(SIDE, SIDE))
    graph.add_nodes_from(cells)
    graph.add_edges_from((a, b) for a in cells for b in ((a[0], a[1] + 1), (a[0] + 1, a[1])) if max(b) < SIDE)
    ends: dict[str, Any] = {"source": cells[0], "target": cells[-1]}
    costs = np.random.default_rng(seed).uniform(size=SIDE**2)
    layer = partial(imle.layer, "networkx-shortest-path", graph=graph, weights="node", **ends)
    title = f"paths to the right or down, {SIDE} by {SIDE} cells"
    return Problem(title, (SIDE, SIDE), costs, -1, masks.reshape(len(masks), -1), layer)


def run(plan: GalleryPlan, *, seed: int, tick: Tick) -> tuple[Errors, ...]:
    """The same objective and the same uniform draws for all temperatures."""
    return tuple(_errors(problem, plan, seed, tick) for problem in (subsets(seed), lattice(seed)))


def _errors(problem: Problem, plan: GalleryPlan, seed: int, tick: Tick) -> Errors:
    estimates: dict[str, dict[float, Floats]] = {}
    for name, noise in problem.noises().items():
        for tau in plan.error_temperatures:
            estimates.setdefault(name, {})[tau] = problem.estimate(noise, tau, plan.draws, seed)
            tick(f"Marginals under {name}")
    return Errors(problem, plan.draws, {tau: problem.exact(tau) for tau in plan.error_temperatures}, estimates)


def view(found: Sequence[Errors]) -> View:
    """A chart per problem, and the marginals of one temperature."""
    limit = max(max(values) for errors in found for values in errors.curves.values())
    charts = Charts([partial(_chart, errors, limit) for errors in found], len(found), 520, 300)
    canvases: list[Canvas] = []
    drawings: dict[str, Drawing] = {"marginal-error.png": charts}
    lists = ""
    for number, errors in enumerate(found, 1):
        title, shape = errors.problem.title, errors.problem.shape
        named = {"exact": errors.exact, **errors.estimates}
        own = [
            Canvas(
                f"error-{number}-{place}",
                name.removeprefix("sum-of-gamma, "),
                [shades("probability", values[SHOWN].reshape(shape))],
            )
            for place, (name, values) in enumerate(named.items())
        ]
        canvases += own
        lists += f'<h3 class="above">{title}, marginals at τ = {SHOWN:g}</h3>' + panels(own, len(own))
        words = f"{title}: marginals at temperature {SHOWN:g}"
        drawings[f"exact-marginals-{number}.png"] = Film(words, [own], 176 // shape[1], note="dark 0, bright 1")
    ones = ", ".join(f"{errors.problem.ones} for {errors.problem.title}" for errors in found)
    return View(
        intro="<p>Perturb-and-MAP stands in for the exponential family p(z)&nbsp;∝&nbsp;exp(⟨θ,&nbsp;z⟩/τ). On two "
        "problems the family's marginals can be summed exactly; the charts show how far the estimate from "
        f"{found[0].draws:,} samples is from them, on average over entries, and what as many exact samples would "
        "leave. Noise on entries is not noise on solutions: those that share entries share their noise. So κ draws of "
        "sum-of-gamma noise add up to Gumbel noise, and yet the samples are too cold wherever solutions overlap. "
        f"|z| is the number of ones of a solution: {ones}.</p>",
        html=charts.html() + lists,
        finding="; ".join(_best(errors) for errors in found),
        facts={"problems": [_facts(errors) for errors in found]},
        canvases=canvases,
        drawings=drawings,
        stills=[name for name in drawings if name.startswith("exact")],
    )


def _chart(errors: Errors, limit: float, axes: Any) -> None:
    temperatures = list(errors.exact)
    for name, values in errors.curves.items():
        axes.plot(temperatures, values, ".-", label=name, clip_on=False)
    axes.plot(temperatures, errors.floor, label=_FLOOR, **REFERENCE)
    titles(axes, errors.problem.title, "mean absolute error")
    powers = [10.0**power for power in range(-3, 3)]
    shown = [power for power in powers if temperatures[0] <= power <= temperatures[-1]]
    axes.set_xscale("log")
    axes.set_xticks(shown, [f"{power:g}" for power in shown])
    axes.set_xticks([], minor=True)
    axes.set(xlabel="temperature τ", ylim=(0, limit * 1.05))


def _best(errors: Errors) -> str:
    temperatures = list(errors.exact)
    tau = min(temperatures, key=lambda tau: abs(tau - 1.0))
    found = {name: values[temperatures.index(tau)] for name, values in errors.curves.items()}
    best = min(found, key=lambda name: found[name])
    return f"{errors.problem.title}: {best} is closest at τ = {tau:g}, {found[best]:.3f}"


def _facts(errors: Errors) -> dict[str, object]:
    return {
        "problem": errors.problem.title,
        "samples": errors.draws,
        "temperatures": list(errors.exact),
        "exact_samples": errors.floor,
        "errors": errors.curves,
    }


ERROR = Section(
    "error", "Marginal error", lambda plan: 2 * len(subsets(0).noises()) * len(plan.error_temperatures), run, view
)
