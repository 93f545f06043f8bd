"""Run the sections that were asked for."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from imle.gallery.experiments import solvers
from imle.gallery.plan import Plan
from imle.gallery.sections import SECTIONS, SOLVERS, Section
from imle.gallery.view import View
from imle.gallery.views import solvers as solvers_view

NAMES = (*(section.name for section in SECTIONS), SOLVERS)


@dataclass(frozen=True)
class Shown:
    """A section that was run.

    Attributes:
        name, title: of the section.
        view: of its outcome.
        seconds: it took; a timing, hence never among the results.
    """

    name: str
    title: str
    view: View
    seconds: float


def chosen(only: Sequence[str], ids: Sequence[str]) -> tuple[Section, ...]:
    """The sections to run.

    Args:
        only: names; empty for all.
        ids: of the solvers to portray; empty for none. "all" stands for every one that works.

    Raises:
        UnknownSolverError, SolverUnavailableError: an id that cannot be used.
    """
    found = [section for section in SECTIONS if not only or section.name in only]
    if ids and (not only or SOLVERS in only):
        named = solvers.ids_of(ids)
        run = functools.partial(solvers.run, ids=named, strict=solvers.ALL not in ids)
        work = functools.partial(solvers.work, ids=named)
        found.append(Section(SOLVERS, "Solvers", work, run, solvers_view.view))
    return tuple(found)


def run(sections: Sequence[Section], plan: Plan, *, seed: int, tick: Callable[[str], None]) -> tuple[Shown, ...]:
    """Run them in order.

    Raises:
        SolverUnavailableError: imle-networkx is not installed, or does not work.
        OptionError: a solver that was asked for cannot be shown.
    """
    shown = []
    with _one_thread():
        for section in sections:
            start = time.perf_counter()
            view = section.view(section.run(plan, seed=seed, tick=tick))
            shown.append(Shown(section.name, section.title, view, time.perf_counter() - start))
    return tuple(shown)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Tensors are small here: torch's threads would wait for each other, and sums depend on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
