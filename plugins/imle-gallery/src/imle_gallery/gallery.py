"""The gallery: everything that torch-imle showed, and more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imle_gallery.page import Words
from imle_gallery.sections import error, grid, paths, race, solvers, sums
from imle_gallery.show import Section, Shown

SECTIONS = (paths.PATHS, paths.MARGINALS, grid.LEARNING, sums.NOISE, error.ERROR, race.RACE)
"""All but the solvers, which depend on what was asked for."""

NAMES = (*(section.name for section in SECTIONS), "solvers")


def chosen(only: Sequence[str], ids: Sequence[str]) -> tuple[Section, ...]:
    """The sections to run.

    Args:
        only: names; empty for all.
        ids: of the solvers to portray. "all" stands for every one that works.

    Raises:
        UnknownSolverError, SolverUnavailableError: an id that cannot be used.
    """
    found = [section for section in SECTIONS if not only or section.name in only]
    return tuple(found if only and "solvers" not in only else [*found, solvers.section(ids)])


def results(shown: Sequence[Shown], seed: int) -> dict[str, Any]:
    """All numbers."""
    return {"seed": seed, "sections": {section.name: section.view.facts for section in shown}}


def words(seed: int) -> Words:
    """What the page says besides its sections."""
    return Words("imle gallery", _HEADER.format(seed=seed), _CLOSING)


_HEADER = """<p class="eyebrow">imle gallery</p>
<h1>Perturb, solve, learn</h1>
<p class="lede">What a differentiable solver does, in pictures: the paths it samples and their marginals, costs learned
under every temperature of the noise, the noise itself, and the gradient rules side by side. All of it was computed by
the command at the bottom of this page, with seed {seed}.</p>"""

_CLOSING = """<footer>
<p>Map, noise, temperatures, λ, optimiser and learning rate are those of torch-imle, the authors' code for Niepert,
Minervini and Franceschi, <cite>Implicit MLE: Backpropagating Through Discrete Exponential Family Distributions</cite>,
NeurIPS 2021 (arXiv 2106.01798). Costs are the softplus of weights, which keeps them positive: shortest paths need
that.</p>
</footer>"""
