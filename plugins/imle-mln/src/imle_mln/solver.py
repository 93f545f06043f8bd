"""`mln-map` as a solver: objectives over formula weights and atoms, solutions of counts and states."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imle.errors import ObjectiveError
from imle.solvers import (
    AwaitingInstance,
    BasePrepared,
    BaseSolver,
    BlockData,
    BlockLayout,
    BlockTable,
    PreparedSolver,
    RowResults,
    SolveResult,
    SolveStatus,
)
from imle_mln.errors import MissingDomainError
from imle_mln.features import Features
from imle_mln.grounding import Grounding, ground
from imle_mln.grounding.evidence import Known
from imle_mln.inference.engine import MAPEngine, check_engines
from imle_mln.input import check_query, check_soft_evidence, read_evidence, read_program, read_query, read_vector
from imle_mln.network import Floats
from imle_mln.spec import MAP
from imle_mln.units import Units

_TRUTHS = 1 << 22
"""Truths of clauses that are kept at once, all rows taken together."""


@dataclass(frozen=True)
class MLNSolver(BaseSolver, spec=MAP):
    """The most probable world of a Markov Logic Network (Richardson and Domingos 2006).

    Args:
        engine: how components of the ground network are solved.
        time_limit: seconds per row; None for no limit.
        gap: relative gap at which branch and bound may stop.
        seed: of the engines' random choices.
        cross_check: solve with two engines and compare; a name says which is the second one.
        count_scale: whether gradients of weights are per undecided grounding ("mean") or summed over groundings
            ("sum").
        ground_weights: whether objectives have a weight for each ground feature, too.

    Raises:
        OptionError: a value out of range.
        SolverUnavailableError: an engine whose packages are not installed.
    """

    engine: str = "auto"
    time_limit: float | None = None
    gap: float = 0.0
    seed: int = 0
    cross_check: bool | str = False
    count_scale: str = "mean"
    ground_weights: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_engines(self.engine, self.cross_check)

    def prepare(self, program: Any, evidence: Any = None, query: Any = None, closed_world: Any = ()) -> PreparedSolver:
        """Ground a program on its evidence.

        Args:
            program: a path, text, or `imle_mln.parse_program`'s result.
            evidence: a path, text, several of these, `{predicate: rows}`, or `imle_mln.parse_database`'s result.
            query: predicates whose open atoms are objective and state; all by default. Other open atoms are
                maximised over.
            closed_world: predicates of which all that is not evidence is false, besides those declared with `*`.

        Returns:
            The prepared solver. Without evidence, and where some type has no constants without it, one that only
            says so: each row brings its evidence.

        Raises:
            InstanceError: program and evidence do not fit each other, or the query has nothing to ask; syntax errors
                name line and column.
        """
        read = read_program(program, closed_world or ())
        try:
            grounding = ground(read, read_evidence(evidence, read))
        except MissingDomainError:
            if evidence is not None:
                raise
            return AwaitingInstance(
                MAP.id, "evidence missing: without it some type has no constants", "evidence=... (or declare domains)"
            )
        shown = read_query(query, read)
        if query is not None and evidence is not None:
            check_query(shown, grounding)
        check_soft_evidence(shown, grounding)
        return PreparedMLN(self, grounding, shown)


@dataclass(frozen=True, eq=False)
class PreparedMLN(BasePrepared):
    """A ground network. Objectives are `[N, F + A + G]`: weights of F formulas, unaries of A query atoms, and with
    ground_weights=True, weights of G ground features (else G is 0).

    Solutions have the same shape: how many of the groundings of each formula that evidence leaves open are true, the
    atoms' states, and the truths of the ground features. So the exponential family is `<objective, solution>`, and one
    search variable serves all parts. Groundings that evidence decides are the same in every world, and may be millions
    of times as many: they are `decided`, and no part of solutions, values and bounds.

    Attributes:
        solver: the options.
        grounding: the network and its meaning.
        query: the predicates whose atoms are shown.
    """

    solver: MLNSolver
    grounding: Grounding
    query: tuple[str, ...]
    _idle: list[MAPEngine] = field(default_factory=list)

    @cached_property
    def blocks(self) -> BlockLayout:
        """Formula weights, unaries of atoms, and weights of ground features if they have any.

        Users see counts of all groundings, those that evidence decides included. Gradients of weights are divided by
        the number of groundings that it leaves open, unless count_scale="sum".
        """
        mean = self.solver.count_scale == "mean"
        blocks = {
            "weights": BlockData(
                (self.formulas,),
                default=self.grounding.formulas.weights,
                offset=self.grounding.network.decided,
                gradient_scale=1 / self.grounding.network.undecided.clip(min=1.0) if mean else None,
                largest=self.most,
            ),
            "unary": BlockData(
                (len(self.shown),),
                default=self.soft_evidence,
                baseline=self.baseline,
                tables=dict(self._tables()),
            ),
        }
        if self.features is not None:
            blocks["ground"] = BlockData((len(self.features),), default=0.0)
        return BlockLayout(**blocks)

    def _tables(self) -> Iterator[tuple[str, BlockTable]]:
        """Each query predicate over its domains."""
        start = 0
        for name in self.query:
            atoms = self.grounding.atoms[name]
            if atoms.complete:
                yield name, BlockTable(atoms.shape, start)
            else:
                yield name, BlockTable(atoms.shape, start, atoms.cells, partial(_known, atoms.known))
            start += atoms.stop - atoms.start

    def objective(self, weights: ArrayLike | None, unary: ArrayLike | None) -> tuple[Floats, Floats]:
        """What users pass for weights `[F]`, and for unaries of query atoms as those of all open atoms `[A]`.

        Raises:
            InstanceError: another number of them, or something else.
            ObjectiveError: one is not finite, or scores of worlds would not be.
        """
        network = self.grounding.network
        given = read_vector("weights", weights, self.grounding.formulas.weights)
        wide = np.zeros(network.atoms)
        wide[self.shown] = read_vector("unary", unary, self.soft_evidence)
        with np.errstate(over="ignore"):
            most = np.abs(given) @ network.groundings + np.abs(wide).sum()
        if not np.isfinite(most):
            raise ObjectiveError(
                "weights: expected scores of worlds that are finite numbers, found weights that are too large"
            )
        return given, wide

    @cached_property
    def labels(self) -> Mapping[str, Sequence[str]]:
        """The formulas with a weight, in file order, `+` expanded; the open query atoms; the ground features, which are
        the undecided groundings of formulas with a weight, equal ones merged.
        """
        names = self.grounding.atoms.names
        return {
            "weights": self.grounding.formulas.names,
            "unary": tuple(names[atom] for atom in self.shown.tolist()),
            **({} if self.features is None else {"ground": self.features.names}),
        }

    @property
    def formulas(self) -> int:
        """F, the number of learnable formulas."""
        return len(self.grounding.formulas)

    @cached_property
    def shown(self) -> NDArray[np.int64]:
        """`[A]` the query atoms among all open atoms."""
        ranges = [self.grounding.atoms[name] for name in self.query]
        return np.concatenate([np.arange(part.start, part.stop) for part in ranges] or [np.zeros(0, np.int64)])

    @cached_property
    def soft_evidence(self) -> Floats:
        """`[A]` the log-odds of query atoms of which evidence gives a probability, 0 for others."""
        return self.grounding.soft_evidence[self.shown]

    @cached_property
    def baseline(self) -> NDArray[np.int64]:
        """`[A]` a number that the query atoms of an at-most-one block share, another for each free atom; 0 in
        exactly-one blocks.
        """
        units = Units.of(self.grounding.network)
        own = units.unit[self.shown]
        _, first, which = np.unique(own, return_index=True, return_inverse=True)
        return np.where(units.optional[own] > 0, first[which] + 1, 0)

    @cached_property
    def features(self) -> Features | None:
        """The ground features, if they have weights of their own."""
        return Features(self.grounding) if self.solver.ground_weights else None

    @cached_property
    def most(self) -> float:
        """The most groundings of any formula."""
        return float(self.grounding.network.groundings.max(initial=0.0))

    @property
    def homogeneous(self) -> bool:
        """False: engines scale what they are given, and rows with equal weights, as given, are solved together."""
        return False

    @property
    def objective_shape(self) -> tuple[int, ...]:
        """`(F + A + G,)`."""
        return self.blocks.objective_shape

    def solve(self, objective: Floats) -> SolveResult:
        """Find a most probable world per row.

        Args:
            objective: `[N, F + A + G]`.

        Returns:
            counts, states and feature truths `[N, F + A + G]`.
        """
        results = RowResults(MAP.id, self.solver.sense, objective, self.objective_shape)
        given, solutions = results.objective, results.solutions
        slack = np.zeros(len(given))
        network, shown, formulas = self.grounding.network, self.shown, self.formulas
        atoms = slice(formulas, formulas + len(shown))
        engine = self._borrow()
        for part in self._parts(np.delete(given, atoms, axis=1)):
            unary = np.zeros((part.stop - part.start, network.atoms))
            unary[:, shown] = given[part, atoms]
            weights = network.clause_weights(given[part.start, :formulas])
            if self.features:
                weights = self.features.add(weights, given[part.start, atoms.stop :])
            found = engine.solve_rows(unary, weights)
            if self.features:
                solutions[part, atoms.stop :] = self.features.truths(found.truths)
            solutions[part, atoms] = found.states[:, shown]
            solutions[part, :formulas] = network.open_counts(found.truths)
            slack[part] = found.slack
            results.status[part] = np.maximum(results.status[part], found.status)  # rows that are not finite have one
            results.messages.update({part.start + row: text for row, text in found.messages.items()})
            _count(results.counters, "{}_components", found.engines, len(found.status))
            for events in found.events:
                _count(results.counters, "highs_{}", events)
        self._idle.append(engine)  # after an exception it is dropped: its state is not known
        solutions[results.status > SolveStatus.FEASIBLE] = 0.0
        results.bounds[:] = np.einsum("nk,nk->n", solutions, given) + slack
        return results.result()

    def _parts(self, weights: Floats) -> Iterator[slice]:
        """Rows that are solved together: they follow each other and have the same weights `[N, F + G]`."""
        most = max(1, _TRUTHS // max(1, len(self.grounding.network.clauses)))
        changes = np.flatnonzero((weights[1:] != weights[:-1]).any(axis=1)) + 1
        bounds = [0, *changes.tolist(), len(weights)]
        for first, last in itertools.pairwise(bounds):
            for start in range(first, last, most):
                yield slice(start, min(start + most, last))

    def close(self) -> None:
        """Free the engines; solving again makes new ones."""
        self._idle.clear()

    def _borrow(self) -> MAPEngine:
        try:
            return self._idle.pop()  # atomic, so threads never share one
        except IndexError:
            return self.engine()

    def engine(self) -> MAPEngine:
        """A new engine for the ground network."""
        own = self.solver
        return MAPEngine(self.grounding.network, own.engine, own.time_limit, own.gap, own.seed, own.cross_check)


def _known(relation: Known) -> NDArray[np.bool_]:
    """What evidence says of the atoms of a predicate, over its domains."""
    found: NDArray[np.bool_] = relation.truth() == 1
    return found


def _count(counters: Counter[str], name_of: str, numbers: Mapping[str, int], times: int = 1) -> None:
    for name, number in numbers.items():
        counters[name_of.format(name.replace("-", "_"))] += number * times
