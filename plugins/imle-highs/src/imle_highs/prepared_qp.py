"""PreparedQuadratic: a solver bound to a quadratic program, for batches and for any number of threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np

from imle.errors import InstanceError
from imle.solvers import BasePrepared, RowResults, Sense, SolveResult, SolveStatus, missing_instance
from imle_highs.native import Settings
from imle_highs.qp_engine import QuadraticEngine, QuadraticOutcome
from imle_highs.quadratic import QuadraticProgram, matrices
from imle_linear.arrays import Floats
from imle_linear.dual_arrays import DualArrays
from imle_linear.program import LinearProgram, Rows
from imle_linear.row_reader import RowReader

_FEASIBLE = 1e-5
"""How far solutions that users give may be over an end, relative to the terms: they may be rounded to float32."""


class QuadraticSetup(NamedTuple):
    """What a prepared program has to know of its solver.

    Attributes:
        who: for messages.
        sense: how objectives are read.
        time_limit: seconds per row.
        settings: HiGHS options.
    """

    who: str
    sense: Sense
    time_limit: float | None
    settings: Settings

    @property
    def sign(self) -> float:
        """What makes costs of an objective."""
        return -1.0 if self.sense == "max" else 1.0


class PreparedQuadratic(BasePrepared):
    """Many objectives over one feasible set, with a quadratic term that is fixed or comes with each row.

    Args:
        program: the feasible set, and what of the objective is fixed.
        setup: what the solver adds.

    Raises:
        InstanceError: HiGHS refuses the program.
    """

    homogeneous = False

    def __init__(self, program: QuadraticProgram, setup: QuadraticSetup) -> None:
        self._program = program
        self._setup = setup
        self._reader = RowReader(setup.who, program.linear, bounds=True)
        self._idle = [QuadraticEngine(program.linear, setup.settings)]  # a program HiGHS refuses is an error now

    @property
    def objective_shape(self) -> tuple[int]:
        return (len(self._linear.learned),)

    @property
    def labels(self) -> list[str] | None:
        """`[k]` names of the learned variables; None if one has no name."""
        return self._linear.labels

    @property
    def _linear(self) -> LinearProgram:
        return self._program.linear

    @cached_property
    def _rest(self) -> Any:
        """Variables that are not learned."""
        return np.setdiff1d(np.arange(len(self._linear.costs)), self._linear.learned)

    def solve(
        self,
        objective: Floats,
        *,
        Q: Sequence[Any] | None = None,  # noqa: N803
        b_ub: Sequence[Any] | None = None,
        b_eq: Sequence[Any] | None = None,
        bounds: Sequence[Any] | None = None,
        duals: Sequence[str] = (),
    ) -> SolveResult:
        """Solve N objectives.

        Args:
            objective: `[N, k]` coefficients of the learned variables, finite.
            Q: N matrices `[n, n]` instead of the fixed one.
            b_ub: N right sides instead of the fixed one.
            b_eq: likewise.
            bounds: likewise, each as `prepare` takes it. A row in which a lower bound is above the upper one is
                infeasible.
            duals: for which of Q, A_ub, b_ub, A_eq, b_eq, bounds and costs the result is to have duals; those of
                matrices are dense.

        Raises:
            ObjectiveError: another shape.
            InstanceError: something is missing, or is not what `prepare` takes (names the row).
        """
        setup, linear = self._setup, self._linear
        found = RowResults(setup.who, setup.sense, objective, self.objective_shape)
        count = len(found.objective)
        told = DualArrays(linear, duals, count)
        terms, rows = self._asked(count, Q, b_ub, b_eq, bounds)
        with self._engine() as engine:
            before = Counter(engine.events)
            optima = self._optima(engine, self._costs(found.objective), terms, rows)
            for n, (optimum, term) in enumerate(zip(optima, terms, strict=True)):
                if found.status[n]:
                    continue
                if optimum.proof is None:
                    found.end(n, optimum.status, optimum.message)
                    continue
                x = optimum.proof.point
                found.solutions[n] = x[linear.learned]
                found.fixed[n] = x @ linear.costs + linear.offset + setup.sign * (x @ term @ x) / 2
                told.write(n, x, optimum.proof, setup.sign, 0)
            found.counters = engine.events - before
        return replace(found.result(), duals=told.arrays) if duals else found.result()

    def solution_vjp(
        self,
        objective: Floats,
        cotangents: Floats,
        *,
        solutions: Floats,
        Q: Sequence[Any] | None = None,  # noqa: N803
        b_ub: Sequence[Any] | None = None,
        b_eq: Sequence[Any] | None = None,
        bounds: Sequence[Any] | None = None,
    ) -> Floats:
        """The derivative of solutions in the objective, transposed, times cotangents v: for costs -P v, see `faces`.

        Rows and bounds that a solution touches hold it, also where nothing presses it to them. Along directions in
        which several solutions are optimal the derivative is 0.

        Args:
            objective: `[N, k]`, as for `solve`.
            cotangents: `[N, k]`.
            solutions: `[N, k]` what `solve` gave, rounded or not.
            Q, b_ub, b_eq, bounds: as for `solve`.

        Returns:
            `[N, k]`; 0 in rows that have no optimum.
        """
        linear = self._linear
        terms, rows = self._asked(len(objective), Q, b_ub, b_eq, bounds)
        costs, whole = self._costs(objective), np.zeros((len(objective), len(linear.costs)))
        whole[:, linear.learned] = cotangents
        guesses = None
        if not len(self._rest):
            guesses = np.empty_like(costs)
            guesses[:, linear.learned] = solutions
        with self._engine() as engine:
            optima = self._optima(engine, costs, terms, rows, guesses)
            moved = engine.moved(optima, whole, terms, rows)
        return -self._setup.sign * moved[:, linear.learned]

    def fixed_terms(
        self,
        solutions: Floats,
        *,
        Q: Sequence[Any] | None = None,  # noqa: N803
        b_ub: Sequence[Any] | None = None,
        b_eq: Sequence[Any] | None = None,
        bounds: Sequence[Any] | None = None,
    ) -> Floats:
        """What the quadratic term adds, and variables that are not learned, at their best: `[N]` of `[N, k]` solutions.

        It is nan where a solution is not feasible, or where the time limit leaves that open.
        """
        linear, sign = self._linear, self._setup.sign
        found = np.full(len(solutions), np.nan)
        no_costs = sign * linear.costs
        with self._engine() as engine:
            for n, (term, row) in enumerate(zip(*self._asked(len(solutions), Q, b_ub, b_eq, bounds), strict=True)):
                x = np.zeros(len(no_costs))
                x[linear.learned] = solutions[n]
                held = self._held(x, row)
                if held is None:
                    continue
                if len(self._rest):
                    (optimum,) = self._optima(engine, no_costs[None], [term], [held])
                    if optimum.proof is None:
                        continue
                    x = optimum.proof.point
                found[n] = x @ linear.costs + linear.offset + sign * (x @ term @ x) / 2
        return found

    def close(self) -> None:
        """Free the native models."""
        self._idle.clear()

    def _held(self, x: Floats, rows: Rows) -> Rows | None:
        """Ends that hold the learned variables where they are; None if they break what the others cannot mend."""
        linear = self._linear
        matrix, learned = linear.matrix, linear.learned
        if not np.isfinite(x).all():
            return None
        least, most = rows.least.copy(), rows.most.copy()
        near = _FEASIBLE * np.maximum(1.0, np.abs(x))
        if ((x < least - near) | (x > most + near))[learned].any():
            return None
        least[learned] = most[learned] = x[learned]
        others = np.isin(matrix.column, self._rest)
        open_rows = np.bincount(matrix.index, weights=others, minlength=matrix.shape[0]) > 0
        activity = matrix.times(x)
        near = _FEASIBLE * np.maximum(1.0, matrix.largest(np.abs(matrix.value * x[matrix.column])))
        if (~open_rows & ((activity < rows.lower - near) | (activity > rows.upper + near))).any():
            return None
        lower, upper = np.where(open_rows, rows.lower, -np.inf), np.where(open_rows, rows.upper, np.inf)
        return Rows(lower, upper, least, most)

    def _optima(
        self,
        engine: QuadraticEngine,
        costs: Floats,
        terms: Sequence[Floats],
        rows: Sequence[Rows],
        guesses: Floats | None = None,
    ) -> list[QuadraticOutcome]:
        """Rows solved, but those whose bounds leave nothing; see `QuadraticEngine.solve_all`."""
        messages = [self._reader.contradiction(row) for row in rows]
        open_rows = [n for n, message in enumerate(messages) if not message]
        solved = iter(
            engine.solve_all(
                costs[open_rows],
                [terms[n] for n in open_rows],
                [rows[n] for n in open_rows],
                self._setup.time_limit,
                None if guesses is None else guesses[open_rows],
            )
        )
        return [QuadraticOutcome(SolveStatus.INFEASIBLE, message) if message else next(solved) for message in messages]

    def _costs(self, objective: Floats) -> Floats:
        """Objectives as costs to minimise, all coefficients of a row: `[N, n]`."""
        linear = self._linear
        costs = np.repeat(linear.costs[None], len(objective), axis=0)
        costs[:, linear.learned] = objective
        return self._setup.sign * costs

    def _asked(
        self,
        count: int,
        Q: Sequence[Any] | None,  # noqa: N803
        b_ub: Sequence[Any] | None,
        b_eq: Sequence[Any] | None,
        bounds: Sequence[Any] | None,
    ) -> tuple[list[Floats], list[Rows]]:
        """Q and the ends of each row."""
        who, fixed = self._setup.who, self._program.quadratic
        terms: Iterable[Floats]
        if Q is not None:
            if len(Q) != count:
                raise InstanceError(f"{who}: Q: expected one matrix per row, {count} in all, found {len(Q)}")
            terms = matrices(who, Q, len(self._linear.costs))
        elif fixed is None:
            raise missing_instance(who, "Q missing", "Q=...")
        else:
            terms = repeat(fixed, count)
        return [*terms], [*self._reader.read(count, b_ub, b_eq, bounds)]

    @contextmanager
    def _engine(self) -> Iterator[QuadraticEngine]:
        """An engine no other thread is using."""
        try:
            engine = self._idle.pop()  # atomic, so threads never share one
        except IndexError:
            engine = QuadraticEngine(self._linear, self._setup.settings)
        yield engine
        self._idle.append(engine)  # after an exception it is dropped: its state is not known
