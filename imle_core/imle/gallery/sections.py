"""The sections of the gallery, by name and in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from imle.gallery.experiments import error, grid, paths, race, sums
from imle.gallery.plan import Plan
from imle.gallery.view import View
from imle.gallery.views import error as error_view
from imle.gallery.views import grid as grid_view
from imle.gallery.views import paths as paths_view
from imle.gallery.views import race as race_view
from imle.gallery.views import sums as sums_view


@dataclass(frozen=True)
class Section:
    """An experiment and its view.

    Attributes:
        name: for `--only`, and on the page.
        title: its heading.
        work: units of progress of a plan.
        run: `run(plan, seed=..., tick=...)`.
        view: shows what `run` returns.
    """

    name: str
    title: str
    work: Callable[[Plan], int]
    run: Callable[..., Any]
    view: Callable[[Any], View]


SECTIONS = (
    Section("paths", "Sampled paths", paths.work_one_by_one, paths.one_by_one, paths_view.sampled),
    Section("marginals", "Marginals", paths.work_marginals, paths.marginals, paths_view.marginals),
    Section("learning", "Learning", grid.work, grid.run, grid_view.view),
    Section("noise", "Sums of noise", sums.work, sums.run, sums_view.view),
    Section("error", "Marginal error", error.work, error.run, error_view.view),
    Section("race", "A race of estimators", race.work, race.run, race_view.view),
)
"""All but the solvers, which depend on what was asked for; see `show`."""

SOLVERS = "solvers"
