"""MAP without torch: a program and evidence in, the most probable world out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imle.errors import SolveError
from imle.solvers import SolveStatus
from imle_linear.engines import deadline
from imle_mln.explain import CostlyGrounding, Explainer, Explanation, Ranked
from imle_mln.grounding.budget import timed_grounding
from imle_mln.logic import Database
from imle_mln.network import Floats
from imle_mln.printing import database_text
from imle_mln.solver import MLNSolver, PreparedMLN


@dataclass(frozen=True, eq=False)
class MAPState:
    """A most probable world.

    Attributes:
        problem: the grounding.
        world: truths of all open atoms, those outside the query included, in the order of the grounding's.
        weights: `[F]` that were used.
        unary: what each atom of `world` adds if it is true.
        counts: `[F]` true groundings of each formula with a weight; see `formulas`.
        open_score: sum of weight times count, over the groundings that evidence leaves open, plus unaries.
        decided_score: the same of those that are true in every world.
        slack: no world scores more than this one by more.
        status: optimal; or feasible, if the time limit came first.
        engines: how many components each engine solved.
        events: what HiGHS did, counted.
        message: where it is not proven, why, and by how much other worlds may be better.
    """

    problem: PreparedMLN
    world: NDArray[np.bool_]
    weights: Floats
    unary: Floats
    counts: Floats
    open_score: float
    decided_score: float
    slack: float
    status: SolveStatus
    engines: Mapping[str, int]
    events: Mapping[str, int]
    message: str = ""

    @cached_property
    def state(self) -> NDArray[np.bool_]:
        """`[A]` truths of the open query atoms; see `atoms`."""
        return self.world[self.problem.shown]

    @property
    def score(self) -> float:
        """Sum of weight times count, plus unaries."""
        return self.open_score + self.decided_score

    @property
    def bound(self) -> float:
        """No world scores more."""
        return self.score + self.slack

    @property
    def gap(self) -> float:
        """How far the open score can be from optimal, relative to its size, or to 1 if that is more.

        Groundings that evidence decides have no part in it: they may be millions, and hide any gap.
        """
        return self.slack / max(1.0, abs(self.open_score))

    @cached_property
    def atoms(self) -> tuple[str, ...]:
        """`[A]` the open query atoms."""
        return tuple(self.problem.labels["unary"])

    @property
    def formulas(self) -> tuple[str, ...]:
        """`[F]` the formulas with a weight."""
        return self.problem.grounding.formulas.names

    @property
    def true_atoms(self) -> tuple[str, ...]:
        """The open query atoms that are true."""
        return tuple(name for name, truth in zip(self.atoms, self.state.tolist(), strict=True) if truth)

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self.problem.grounding, self.world, self.weights, self.unary)

    def explain(self, atom: str) -> Explanation:
        """Why an open atom, such as "Smokes(Ann)", has its truth: what a change would cost, and which formulas say so.

        Raises:
            InstanceError: no open atom has this name.
        """
        return self._explainer.explain(atom)

    def violated(self, most: int = 10) -> list[CostlyGrounding]:
        """The ground formulas that cost the world most."""
        return self._explainer.violated(most)

    def best_states(self, atom: str, most: int = 5) -> list[Ranked]:
        """The best states of the atoms that hang together with one, all else as it is; the best first.

        Raises:
            InstanceError: no open atom has this name, or it hangs together with too many.
        """
        return self._explainer.best_states(atom, most)

    def database(self, *, everything: bool = False) -> Database:
        """All open query atoms with their truth, as evidence; with `everything`, all open atoms whatever the query."""
        grounding = self.problem.grounding
        rows: dict[str, tuple[tuple[str, ...], ...]] = {}
        truths: dict[str, tuple[int, ...]] = {}
        for name in grounding.atoms.predicates if everything else self.problem.query:
            atoms = grounding.atoms[name]
            constants = [grounding.vocabulary.constants[kind] for kind in atoms.known.predicate.types]
            places = np.unravel_index(atoms.cells, atoms.shape) if atoms.shape else ()
            codes = np.stack(places, axis=1) if places else np.zeros((len(atoms.cells), 0), np.int64)
            rows[name] = tuple(
                tuple(domain[code] for domain, code in zip(constants, row, strict=True)) for row in codes.tolist()
            )
            truths[name] = tuple(self.world[atoms.start : atoms.stop].astype(int).tolist())
        return Database(rows, truths)

    def write(self, path: str | os.PathLike[str], *, everything: bool = False) -> None:
        """Write `database()` as a `.db` file."""
        text = database_text(self.database(everything=everything))
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def map_inference(
    program: Any,
    evidence: Any = None,
    *,
    query: Any = None,
    closed_world: Any = (),
    weights: ArrayLike | None = None,
    unary: ArrayLike | None = None,
    **options: Any,
) -> MAPState:
    """Find a most probable world (Richardson and Domingos 2006).

    Args:
        program, evidence, query, closed_world: as for `imle.layer("mln-map", ...)`.
        weights: `[F]` instead of the program's.
        unary: `[A]` what each open query atom adds if it is true; by default the log-odds of soft evidence, else zero.
        options: engine, time_limit, gap, seed, cross_check. The time limit includes grounding.

    Raises:
        InstanceError: the parts do not fit together.
        ObjectiveError: weights or unaries that are not finite, or too large.
        SolveError: evidence and hard formulas contradict each other, or time ran out before any world was found, or
            while the program was grounded.
    """
    solver = MLNSolver(**options)
    if solver.time_limit is not None:
        from imle_mln.search.local_search import warm  # with numba, which takes some tenths of a second

        warm()
    clock = deadline(solver.time_limit)
    with timed_grounding(clock):
        problem = solver.prepare(program, {} if evidence is None else evidence, query, closed_world)
    assert isinstance(problem, PreparedMLN)  # evidence is given
    network = problem.grounding.network
    given, all_unary = problem.objective(weights, unary)
    found = problem.engine().solve(all_unary, network.clause_weights(given), clock)
    if not found.status.ok:
        raise SolveError(f"mln-map: {found.status.name.lower()}: {found.message}")
    own = network.open_counts(found.truths[None])[0]
    return MAPState(
        problem=problem,
        world=found.state.astype(bool),
        weights=given,
        unary=all_unary,
        counts=own + network.decided,
        open_score=float(own @ given) + float(all_unary @ found.state),
        decided_score=float(network.decided @ given),
        slack=found.slack,
        status=found.status,
        engines=dict(found.engines),
        events=dict(found.events),
        message=found.message,
    )
