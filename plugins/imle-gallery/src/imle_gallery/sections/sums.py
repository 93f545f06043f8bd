"""Sums of the sum-of-gamma noise against Gumbel(0, 1), which they tend to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imle.noise import SumOfGammaNoiseDistribution
from imle_gallery.charts import REFERENCE, Charts, titles
from imle_gallery.colours import SERIES
from imle_gallery.plan import GalleryPlan
from imle_gallery.show import Section, Tick
from imle_gallery.view import View, table

Floats = NDArray[np.float64]
_CHUNK = 1 << 21  # draws held at once

EDGES = np.linspace(-3.0, 8.0, 56)
"""Of the histograms' bins."""


@dataclass(frozen=True)
class Sums:
    """One pair of parameters.

    Attributes:
        kappa: the noise's parameter, and how many draws are added up.
        length: terms of the noise, `nb_iterations`.
        density: `[len(EDGES) - 1]` histogram of the sums; what lies outside is counted in the total.
        distance: KS distance of the sums to Gumbel(0, 1).
        exact: the distance that infinitely many sums would have.
    """

    kappa: int
    length: int
    density: Floats
    distance: float
    exact: float


def run(plan: GalleryPlan, *, seed: int, tick: Tick) -> tuple[Sums, ...]:
    """All pairs, kappas varying slowest."""
    found = []
    for kappa in plan.kappas:
        for length in plan.lengths:
            generator = torch.Generator().manual_seed(seed)
            sums = np.sort(_sums(kappa, length, plan.sums, generator))
            counts, _ = np.histogram(sums, EDGES)
            density = counts / (len(sums) * np.diff(EDGES))
            found.append(Sums(kappa, length, density, ks_distance(sums, gumbel_cdf), exact_distance(length)))
            tick(f"Sums of {kappa}, length {length}")
    return tuple(found)


def gumbel_cdf(x: Floats) -> Floats:
    """exp(-exp(-x))."""
    return np.asarray(np.exp(-np.exp(-x)))


def gumbel_density(x: Floats) -> Floats:
    """exp(-x - exp(-x))."""
    return np.asarray(np.exp(-x - np.exp(-x)))


def ks_distance(draws: Floats, cdf: Callable[[Floats], Floats]) -> float:
    """The Kolmogorov-Smirnov statistic of sorted draws: sup |F_n - F|."""
    steps = np.arange(len(draws) + 1) / len(draws)
    expected = cdf(draws)
    return float(max((steps[1:] - expected).max(), (expected - steps[:-1]).max()))


def exact_distance(length: int) -> float:
    """sup |P(sum of kappa draws <= x) - exp(-exp(-x))|, the same for every whole kappa.

    kappa draws add up to sum_i Gamma(1, 1/i) - log s over i = 1 .. s, whose first part is the largest of s standard
    exponentials (Renyi's representation). Hence P(. <= x) = (1 - exp(-x) / s)^s, which lies below its limit.
    """
    # 1 - exp(-x) / s below x = -log s is 0. Past 20 both are 1 to nine digits.
    x = np.linspace(-np.log(length), 20.0, 400_001)
    finite = np.exp(length * np.log1p(-np.minimum(np.exp(-x) / length, 1 - 1e-16)))
    return float(np.abs(finite - gumbel_cdf(x)).max())


def _sums(kappa: int, length: int, number: int, generator: torch.Generator) -> Floats:
    """`number` sums of `kappa` draws."""
    noise = SumOfGammaNoiseDistribution(k=kappa, nb_iterations=length)
    size = max(1, _CHUNK // kappa)
    shapes = [(min(size, number - start), kappa) for start in range(0, number, size)]
    draw = partial(noise.draw, dtype=torch.float64, device=torch.device("cpu"), generator=generator)
    return np.concatenate([draw(shape).sum(dim=1).numpy() for shape in shapes])


def view(sums: Sequence[Sums]) -> View:
    """A chart per pair of kappa and length, and the distances in a table."""
    kappas = list(dict.fromkeys(one.kappa for one in sums))
    lengths = list(dict.fromkeys(one.length for one in sums))
    charts = Charts([partial(_chart, one) for one in sums], len(lengths), 340, 230)
    worst = max(abs(one.distance - one.exact) for one in sums)
    return View(
        intro="<p>κ draws of sum-of-gamma noise add up to Gumbel(0,&nbsp;1), the better the greater its length s, "
        "the number of gamma variables in a draw (<code>nb_iterations</code>). Each chart is a histogram of such sums; "
        "the curve is the Gumbel density. The Kolmogorov-Smirnov distance KS between the two depends on the "
        "length alone: the sum is the largest of s standard exponentials minus log&nbsp;s, whatever κ.</p>",
        html=charts.html() + _table(sums, kappas, lengths),
        finding=f"KS distances of {len(sums)} histograms, at most {worst:.2g} from those of infinitely many draws",
        facts={"histograms": [_facts(one) for one in sums]},
        drawings={"sum-of-gamma.png": charts},
    )


def _chart(sums: Sums, axes: Any) -> None:
    x = np.linspace(-3.0, 8.0, 111)
    axes.stairs(sums.density, EDGES, fill=True, color=SERIES[3], alpha=0.55, clip_on=False)
    axes.plot(x, gumbel_density(x), label="Gumbel(0, 1)", clip_on=False, **REFERENCE)
    titles(axes, f"κ = {sums.kappa}, length {sums.length}", f"KS {sums.distance:.4f}")
    axes.set(xlabel="sum", ylim=(0, 0.5 if sums.density.max() <= 0.5 else 1.0), xticks=range(-3, 9))
    axes.set_yticks([0, 0.25, 0.5] if sums.density.max() <= 0.5 else [0, 0.5, 1])


def _table(sums: Sequence[Sums], kappas: Sequence[int], lengths: Sequence[int]) -> str:
    found = {(one.kappa, one.length): one for one in sums}
    header = ["KS distance to Gumbel(0, 1)", *(f"length {length}" for length in lengths)]
    rows = [[f"κ = {kappa}", *(f"{found[kappa, length].distance:.5f}" for length in lengths)] for kappa in kappas]
    exact = ["exact, for every κ", *(f"{found[kappas[0], length].exact:.5f}" for length in lengths)]
    return table(header, [*rows, exact])


def _facts(sums: Sums) -> dict[str, float]:
    return {"kappa": sums.kappa, "length": sums.length, "ks_distance": sums.distance, "exact_ks_distance": sums.exact}


NOISE = Section("noise", "Sums of noise", lambda plan: len(plan.kappas) * len(plan.lengths), run, view)
