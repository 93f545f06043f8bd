"""PreparedProgram: a solver bound to a linear program, for batches and for any number of threads."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from imle.solvers import (
    BasePrepared,
    FindsNormalCones,
    FixedTerms,
    NormalCones,
    RowResults,
    Sense,
    SolveResult,
    SolveStatus,
)
from imle_linear import arrays
from imle_linear.arrays import Floats
from imle_linear.checking import RELATIVE
from imle_linear.dual_arrays import DualArrays
from imle_linear.engines import MakesEngine, Outcome
from imle_linear.ladder import Ladder
from imle_linear.listing import ListingEngine, few_points
from imle_linear.normal_cones import normal_cones
from imle_linear.program import LinearProgram, Rows
from imle_linear.row_reader import RowReader

_SIZE = 10
"""Engines are given costs whose largest lies between 2^9 and 2^10: their tolerances are absolute."""
_BLIND = (
    "coefficients of one row differ by more than 1e8, so that engines do not see what the smallest of them do: bounds "
    "that leave few points, or other units, make it a proof"
)
_Asked = tuple[tuple[Floats, int], Rows]
_BLOCK = 64
"""How many rows are brought to that size at once."""
_SINGLE = 2.0**-23
"""Round-off of float32, in which layers return solutions, relative."""


class Setup(NamedTuple):
    """What every prepared program has to know of its solver.

    Attributes:
        who: for messages.
        sense: how objectives are read.
        time_limit: seconds per row.
        engine: builds an engine, one per thread that solves at the same time.
        further: build the engines that rows go to, in turn, for which the ones before have no answer that holds.
        relative: how far points may be over right sides; see `SolutionChecker`.
        relaxation: builds what solves linear programs, to look whether a program is unbounded: engines may call one of
            its points optimal, or call unbounded what is not. None for programs that have bounds on all variables.
        witness: builds an engine that works in another way than the first: a claim that the two do not share is not
            passed on. None where the first one's word is enough, as for programs that are not delicate.
        doubted: why even what engine and witness both call optimal may not be ("" if it is): both may be wrong alike.
        bounds: whether all these engines take the bounds of variables from each row (`Rows`), so that `solve` does.
    """

    who: str
    sense: Sense
    time_limit: float | None
    engine: MakesEngine
    further: tuple[MakesEngine, ...] = ()
    relative: float = RELATIVE
    relaxation: MakesEngine | None = None
    witness: MakesEngine | None = None
    doubted: str = ""
    bounds: bool = False

    def ladder(self, program: LinearProgram) -> Ladder:
        """Engines for one thread."""
        engines = (self.engine, *self.further)
        if self.further and program.delicate and few_points(program):
            engines = (lambda given: ListingEngine(given, self.relative),)
        return Ladder(
            program,
            engines,
            self.relative,
            self.relaxation,
            self.witness,
            self.doubted or (_BLIND if program.blind else ""),
        )


class PreparedProgram(BasePrepared):
    """Many objectives over one feasible set.

    Args:
        program: the feasible set and the fixed part of the objective.
        setup: what the solver adds.

    Raises:
        InstanceError: the engine refuses the program.
    """

    def __init__(self, program: LinearProgram, setup: Setup) -> None:
        self._program = program
        self._setup = setup
        self._reader = RowReader(setup.who, program, bounds=setup.bounds)
        n = len(program.costs)
        self._all_learned = np.array_equal(program.learned, np.arange(n))  # all variables, in their own order
        self._idle: dict[LinearProgram, list[Ladder]] = defaultdict(list)
        self._completion: PreparedProgram | None = None
        if not program.contradiction:
            self._idle[program].append(setup.ladder(program))  # a program the engine refuses is an error now, not later

    @property
    def objective_shape(self) -> tuple[int]:
        return (len(self._program.learned),)

    @property
    def labels(self) -> list[str] | None:
        """`[k]` names of the learned variables; None if one has no name."""
        return self._program.labels

    @property
    def homogeneous(self) -> bool:
        """Whether all terms of the objective are learned, but for a constant."""
        return not self._program.costs.any()

    def solve(
        self,
        objective: Floats,
        *,
        b_ub: Sequence[Any] | None = None,
        b_eq: Sequence[Any] | None = None,
        bounds: Sequence[Any] | None = None,
        duals: Sequence[str] = (),
    ) -> SolveResult:
        """Solve N objectives.

        Args:
            objective: `[N, k]` coefficients of the learned variables, finite.
            b_ub: N right sides instead of the fixed one.
            b_eq: likewise.
            bounds: likewise, each as `prepare` takes it. A row in which a lower bound is above the upper one is
                infeasible.
            duals: for which of A_ub, b_ub, A_eq, b_eq, bounds and costs the result is to have duals. Those of A_ub and
                A_eq are dense. Of a program with integers they are those of its linear relaxation (but for costs).

        Raises:
            ObjectiveError: another shape.
            InstanceError: a right side is missing, or has the wrong length, or bounds have (names the row); or the
                solver's engines do not take bounds per row.
        """
        found = RowResults(self._setup.who, self._setup.sense, objective, self.objective_shape)
        asked = DualArrays(self._program, duals, len(objective))
        rows = self._reader.read(len(objective), b_ub, b_eq, bounds)
        result = self._solve(found, rows, opened=bounds is not None, duals=asked)
        return replace(result, duals=asked.arrays) if duals else result

    @property
    def fixed_terms(self) -> FixedTerms | None:
        """`fixed_terms(solutions, **rows) -> [N]`: what variables that are not learned add, at their best.

        The constant of the objective is included. It is nan where a solution is not feasible, or where the time limit
        leaves that open; None if there is nothing to add.
        """
        return self._completed if self._program.costs.any() or self._program.offset else None

    def _completed(
        self,
        solutions: Floats,
        *,
        b_ub: Sequence[Any] | None = None,
        b_eq: Sequence[Any] | None = None,
        bounds: Sequence[Any] | None = None,
    ) -> Floats:
        """See `fixed_terms`: for solutions `[N, k]`, the program is solved with the learned variables held."""
        rows = list(self._reader.read(len(solutions), b_ub, b_eq, bounds))
        terms = np.full(len(solutions), np.nan)
        open_rows = np.flatnonzero(np.isfinite(solutions).all(axis=1))
        continuous = ~self._program.integer[self._program.learned]
        for share in (0.0, _SINGLE):  # what is off by its rounding in float32 may have no point that fits it exactly
            given = solutions[open_rows]
            room = np.where(continuous, share * np.abs(given), 0.0)
            found = self._held([rows[row] for row in open_rows], given - room, given + room, bounds is not None)
            assert found.values is not None
            assert found.status is not None
            terms[open_rows] = np.where(found.status == SolveStatus.OPTIMAL, found.values, np.nan)
            open_rows = open_rows[found.status == SolveStatus.INFEASIBLE]
            if not (len(open_rows) and continuous.any()):
                break
        return terms

    def _held(self, rows: Sequence[Rows], least: Floats, most: Floats, opened: bool) -> SolveResult:
        """The program without what is learned in its objective, and learned variables between two ends `[N, k]`."""
        if self._completion is None:
            self._completion = PreparedProgram(_with_learned_rows(self._program), self._setup)
        held = (
            row._replace(lower=np.append(row.lower, low), upper=np.append(row.upper, high))
            for row, low, high in zip(rows, least, most, strict=True)
        )
        nothing = RowResults(self._setup.who, self._setup.sense, np.zeros_like(least), self.objective_shape)
        return self._completion._solve(nothing, held, opened=opened)

    @property
    def normal_cones(self) -> FindsNormalCones | None:
        """See `PreparedSolver`: of the linear relaxation. None where not all variables are learned."""
        return self._normal_cones if len(self._program.learned) == len(self._program.costs) else None

    def _normal_cones(
        self,
        solutions: Floats,
        *,
        b_ub: Sequence[Any] | None = None,
        b_eq: Sequence[Any] | None = None,
        bounds: Sequence[Any] | None = None,
    ) -> NormalCones:
        rows = list(self._reader.read(len(solutions), b_ub, b_eq, bounds))
        return normal_cones(self._setup.who, self._program, solutions, rows)

    def close(self) -> None:
        """Free the native models."""
        self._idle.clear()
        if self._completion is not None:
            self._completion.close()

    def _solve(
        self, found: RowResults, rows: Iterable[Rows], *, opened: bool, duals: DualArrays | None = None
    ) -> SolveResult:
        """Solve rows.

        Args:
            found: says what the objectives are.
            rows: of each objective.
            opened: whether they have bounds of their own.
            duals: those that are asked for are written to it.
        """
        objective = found.objective
        program = self._opened if opened else self._program
        if program.contradiction:
            for n in range(len(objective)):
                found.end(n, SolveStatus.INFEASIBLE, program.contradiction)
            return found.result()
        found.fixed += program.offset
        sign = -1.0 if self._setup.sense == "max" else 1.0
        asked = zip(self._costs(objective), rows, strict=True)
        with self._engines(program) as ladder:
            before = Counter(ladder.events)
            for start in range(0, len(objective), _BLOCK):
                block = [self._possible(n, row, found) for n, row in enumerate(islice(asked, _BLOCK), start)]
                outcomes = ladder.solve([(costs, row) for (costs, _), row in block], self._setup.time_limit)
                for n, (outcome, ((costs, shift), row)) in enumerate(zip(outcomes, block, strict=True), start):
                    if found.status[n]:
                        continue  # those that were lost before went along, so that the others keep their places
                    if duals is not None and duals.arrays and outcome.point is not None:
                        proof = ladder.duals(outcome, costs, row, self._setup.time_limit) if duals.need_proof else None
                        if proof is None and duals.need_proof:
                            found.end(n, *_without_duals(outcome))
                            continue
                        duals.write(n, outcome.point, proof, sign, shift)
                    status, point, message, bound, *_ = outcome
                    if math.isfinite(bound):
                        found.bounds[n] = sign * math.ldexp(bound, -shift) + program.offset
                    if status != SolveStatus.OPTIMAL:
                        found.end(n, status, message)
                    if point is not None:
                        if not self._all_learned:
                            found.fixed[n] += point @ program.costs
                            point = point[program.learned]
                        found.solutions[n] = point
            found.counters = ladder.events - before
        return replace(found.result(), status=found.status)  # one for each row, also where all are optimal

    @cached_property
    def _opened(self) -> LinearProgram:
        """The program without bounds, which come with each row: how its engines are chosen depends on no row's."""
        free = np.full(len(self._program.costs), np.inf)
        return replace(self._program, lower=-free, upper=free)

    @contextmanager
    def _engines(self, program: LinearProgram) -> Iterator[Ladder]:
        """Engines no other thread is using."""
        idle = self._idle[program]
        try:
            ladder = idle.pop()  # atomic, so threads never share one
        except IndexError:
            ladder = self._setup.ladder(program)
        yield ladder
        idle.append(ladder)  # after an exception they are dropped: their state is not known

    def _costs(self, objective: Floats) -> Iterator[tuple[Floats, int]]:
        """Objectives as costs to minimise, all `[n]` coefficients of a row, brought to one size.

        The factor is a power of two, whose exponent comes with the row: no coefficient is rounded, and an objective
        means the same at any scale.
        """
        program = self._program
        rest = np.abs(program.costs).max()
        for start in range(0, len(objective), _BLOCK):
            part = objective[start : start + _BLOCK]
            largest = np.maximum(np.maximum(part.max(axis=1), -part.min(axis=1)), rest)
            shifts = _SIZE - np.frexp(largest)[1]
            first, second = np.ldexp(1.0, shifts // 2), np.ldexp(1.0, shifts - shifts // 2)  # 2**1083 is no float64
            first, second = first[:, None], second[:, None]
            if self._setup.sense == "max":
                first = -first
            scaled = part * first
            scaled *= second
            if not self._all_learned:
                learned, scaled = scaled, program.costs * first
                scaled *= second
                scaled[:, program.learned] = learned
            yield from zip(scaled, shifts.tolist(), strict=True)

    def _possible(self, n: int, asked: _Asked, found: RowResults) -> _Asked:
        """A row as engines take it. One in which no number lies between bounds is infeasible, and goes along."""
        costs, row = asked
        if not (message := self._reader.contradiction(row)):
            return asked
        found.end(n, SolveStatus.INFEASIBLE, message)
        return costs, row._replace(least=np.zeros_like(row.least), most=np.zeros_like(row.most))


def _without_duals(outcome: Outcome) -> tuple[SolveStatus, str]:
    """How a row ends of which duals are wanted, and none were found."""
    if outcome.status == SolveStatus.FEASIBLE:
        return SolveStatus.TIMEOUT, f"{outcome.message}, which has no dual values"
    return SolveStatus.ERROR, "no dual values were found that prove the optimum: is the program badly scaled?"


def _with_learned_rows(program: LinearProgram) -> LinearProgram:
    """The same program with one more row for each learned variable, whose ends say what that has to be."""
    k, n = len(program.learned), len(program.costs)
    ones = arrays.from_entries(np.arange(k), program.learned, np.ones(k), (k, n))
    open_ends = np.full(k, np.nan)  # they come with each solution
    return replace(
        program,
        matrix=arrays.stack(program.matrix, ones),
        row_lower=np.append(program.row_lower, open_ends),
        row_upper=np.append(program.row_upper, open_ends),
    )
