"""Pooled: most rows are answered from solutions that are known already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imle.errors import OptionError
from imle.solvers.combinators.wrapping import PreparedWrapper, Wrapper, solve_checked, solve_rows
from imle.solvers.keys import InstanceKeys
from imle.solvers.pool import SolutionPool
from imle.solvers.protocol import PreparedSolver, Sense, Solver
from imle.solvers.result import SolveResult, SolveStatus
from imle.solvers.rows import Index, like, row_parameters, to_numpy


@dataclass(frozen=True)
class Pooled(Wrapper):
    """Solves a share of the rows and answers the others by the best solution found so far, one matrix product.

    Which rows are solved is drawn per row, with probability `pool.solve_ratio`; what is found joins the pool. An
    answer from the pool is feasible but not proven optimal: its status is `feasible`. Such answers have no
    duals: where they are wanted, all rows are solved. Rows share solutions if their instances and row parameters have
    the same content; where content cannot be read (it cannot be pickled), and where nothing is known yet, rows are
    solved. The counter `pooled_rows` says how many were not.

    Args:
        solver: solves rows.
        pool: keeps solutions, and says how many rows are solved.

    Raises:
        OptionError: not a solver, or not a pool.

    Source: Mulamba et al., IJCAI 2021, section 4.2, whose p_solve is `solve_ratio`.
    """

    solver: Solver
    pool: SolutionPool
    concurrent: ClassVar[bool] = False  # they share the pool

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.pool, SolutionPool):
            raise OptionError(f"Pooled: pool: expected a SolutionPool, found {type(self.pool).__name__}")

    def prepare(self, **instance: Any) -> PreparedPooled:
        """Bind the solver inside to an `instance`."""
        return PreparedPooled(self.solver.prepare(**instance), self.pool, InstanceKeys(instance), self.solver.sense)


class PreparedPooled(PreparedWrapper):
    """A prepared solver with known solutions.

    Args:
        inner: the prepared solver inside.
        pool: keeps solutions.
        names: of the instance with the parameters of a row; none where their content cannot be read.
        sense: what "best" means.
    """

    def __init__(self, inner: PreparedSolver, pool: SolutionPool, names: InstanceKeys, sense: Sense) -> None:
        super().__init__(inner)
        self._pool = pool
        self._names = names
        self._key = names.of({})
        self._sense = sense

    def solve(self, objective: Any, **given: Any) -> SolveResult:
        """Solve some of `[N, *shape]` objectives.

        Raises:
            ImleError: what the solver inside raises, with the row of this batch.
        """
        rows = row_parameters(given)
        keys = self._keys(len(objective), rows)
        known = np.array([key is not None and len(self._pool.solutions(key)) > 0 for key in keys], dtype=bool)
        answered = np.flatnonzero(known & ~self._due(len(keys)) & (not given.get("duals")))
        if not len(answered):
            result = solve_checked(self.inner, objective, given)
            self._learn(objective, keys, np.arange(len(keys)), result)
            return result
        solutions = np.zeros(objective.shape)
        status = np.full(len(keys), SolveStatus.FEASIBLE, dtype=np.int8)
        values = np.full(len(keys), np.nan)
        solutions[answered], values[answered] = self._best(objective, keys, answered, rows)
        left = np.setdiff1d(np.arange(len(keys)), answered)
        counters: Mapping[str, int] = {"pooled_rows": len(answered)}
        if not len(left):
            return SolveResult(like(objective, solutions), status, values, counters=counters)
        result = solve_rows(self.inner, objective, given, left)
        self._learn(objective, keys, left, result)
        solutions[left] = to_numpy(result.solutions)
        status[left] = SolveStatus.OPTIMAL if result.status is None else result.status
        if result.values is not None:
            values[left] = result.values
        bound = None
        if result.bound is not None:
            bound = np.full(len(keys), np.nan)
            bound[left] = result.bound
        return SolveResult(
            like(objective, solutions),
            status,
            values,
            {int(left[n]): message for n, message in result.messages.items()},
            {**result.counters, **counters},
            result.advice,
            result.seconds,
            bound,
        )

    def _keys(self, count: int, rows: Mapping[str, Any]) -> list[str | None]:
        if not rows:
            return [self._key] * count
        return [self._names.of({name: column[n] for name, column in rows.items()}) for n in range(count)]

    def _due(self, count: int) -> NDArray[np.bool_]:
        """Which rows are solved, whatever is known."""
        ratio = self._pool.solve_ratio
        if ratio in (0.0, 1.0):
            return np.full(count, ratio == 1.0)
        drawn: NDArray[np.bool_] = to_numpy(self._pool.drawn(count))
        return drawn

    def _best(
        self, objective: Any, keys: list[str | None], index: Index, rows: Mapping[str, Any]
    ) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """The best known solutions of some rows, and their values; of equal ones the oldest."""
        scores = torch.as_tensor(objective[index], dtype=torch.float64, device="cpu").flatten(1)
        if self._sense == "min":
            scores = -scores
        found = torch.empty_like(scores)
        values = torch.empty(len(scores), dtype=torch.float64)
        groups: dict[str, list[int]] = {}
        for position, row in enumerate(index.tolist()):
            key = keys[row]
            assert key is not None  # rows without one are solved
            groups.setdefault(key, []).append(position)
        for key, members in groups.items():
            known = self._pool.solutions(key).to(scores).flatten(1)
            worth = scores[members] @ known.T
            fixed = self._pool.fixed_terms(key, partial(self._fixed, int(index[members[0]]), rows))
            if fixed is not None:
                worth += fixed.to(worth)
            values[members], best = worth.max(dim=1)
            found[members] = known[best]
        signed = values if self._sense == "max" else -values
        return found.reshape(len(index), *objective.shape[1:]).numpy(), signed.numpy()

    def _fixed(self, row: int, rows: Mapping[str, Any], solutions: Tensor) -> Tensor | None:
        """What fixed terms add to solutions of a row of the batch, as a maximisation."""
        terms = self.fixed_terms
        if terms is None:
            return None
        of_row = {name: [column[row]] * len(solutions) for name, column in rows.items()}
        found = torch.as_tensor(terms(to_numpy(solutions).astype(np.float64), **of_row))
        return -found if self._sense == "min" else found

    def _learn(self, objective: Any, keys: list[str | None], index: Index, result: SolveResult) -> None:
        """Keep what was found in rows `index` of the batch."""
        # rows of nan, which solvers of any size are given, may come back with anything
        finite = torch.as_tensor(objective[index]).flatten(1).isfinite().all(dim=1).tolist()
        rows: dict[str, list[int]] = {}
        for n, row in enumerate(index.tolist()):
            key = keys[row]
            if key is not None and finite[n] and (result.status is None or SolveStatus(int(result.status[n])).ok):
                rows.setdefault(key, []).append(n)
        solutions: Tensor = torch.as_tensor(result.solutions)
        for key, members in rows.items():
            self._pool.add(solutions[members], key)
