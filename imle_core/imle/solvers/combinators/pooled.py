"""Pooled: most rows are answered from solutions that are known already."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imle.errors import OptionError
from imle.solvers.combinators.keys import lasting, value_key
from imle.solvers.combinators.rows import Index, like, to_numpy
from imle.solvers.combinators.wrapping import PreparedWrapper, Wrapper, call, call_some, options
from imle.solvers.pool import COMMON, SolutionPool
from imle.solvers.protocol import PreparedSolver, Sense, Solver
from imle.solvers.result import SolveResult, SolveStatus


@dataclass(frozen=True)
class Pooled(Wrapper):
    """Solves a share of the rows and answers the others by the best solution found so far, one matrix product.

    Which rows are solved is drawn per row, with probability `pool.solve_ratio`; what is found joins the pool. An
    answer from the pool is feasible but not proven optimal: its status is `feasible`. Rows share solutions if their
    instances and row parameters have the same content; where content cannot be read (it cannot be pickled), and where
    nothing is known yet, rows are solved. The counter `pooled_rows` says how many were not.

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
        """Bind the solver inside to an instance."""
        key = _digest(instance)
        return PreparedPooled(self.solver.prepare(**instance), self.pool, key, self.solver.sense)


class PreparedPooled(PreparedWrapper):
    """A prepared solver with known solutions.

    Args:
        inner: the prepared solver inside.
        pool: keeps solutions.
        key: names the instance; None if its content cannot be read.
        sense: what "best" means.
    """

    def __init__(self, inner: PreparedSolver, pool: SolutionPool, key: str | None, sense: Sense) -> None:
        super().__init__(inner)
        self._pool = pool
        self._key = key
        self._sense = sense

    def solve(self, objective: Any, *, hint: Any | None = None, **rows: Any) -> SolveResult:
        """Solve some of `[N, *shape]` objectives.

        Raises:
            ImleError: what the solver inside raises, with the row of this batch.
        """
        given = options(hint, rows)
        keys = self._keys(len(objective), rows)
        known = np.array([key is not None and len(self._pool.solutions(key)) > 0 for key in keys], dtype=bool)
        answered = np.flatnonzero(known & ~self._due(len(keys)))
        if not len(answered):
            result = call(self.inner, objective, given)
            self._learn(keys, np.arange(len(keys)), result)
            return result
        solutions = np.zeros(objective.shape)
        status = np.full(len(keys), SolveStatus.FEASIBLE, dtype=np.int8)
        values = np.full(len(keys), np.nan)
        solutions[answered], values[answered] = self._best(objective, keys, answered)
        left = np.setdiff1d(np.arange(len(keys)), answered)
        counters: Mapping[str, int] = {"pooled_rows": len(answered)}
        if not len(left):
            return SolveResult(like(objective, solutions), status, values, counters=counters)
        result = call_some(self.inner, objective, given, left)
        self._learn(keys, left, result)
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
        if not rows or self._key is None:
            return [self._key] * count
        columns = [{name: column[n] for name, column in rows.items()} for n in range(count)]
        return [None if (own := _digest(values)) is None else self._key + own for values in columns]

    def _due(self, count: int) -> NDArray[np.bool_]:
        """Which rows are solved, whatever is known."""
        ratio, generator = self._pool.solve_ratio, self._pool.generator
        if ratio in (0.0, 1.0):
            return np.full(count, ratio == 1.0)
        device = None if generator is None else generator.device
        drawn: NDArray[np.bool_] = to_numpy(torch.rand(count, generator=generator, device=device) < ratio)
        return drawn

    def _best(self, objective: Any, keys: list[str | None], index: Index) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """The best known solutions of some rows, and their values; of equal ones the oldest."""
        scores = torch.as_tensor(objective[index], dtype=torch.float64, device="cpu").flatten(1)
        if self._sense == "min":
            scores = -scores
        found = torch.empty_like(scores)
        values = torch.empty(len(scores), dtype=torch.float64)
        groups: dict[str, list[int]] = {}
        for position, row in enumerate(index.tolist()):
            groups.setdefault(keys[row] or COMMON, []).append(position)
        for key, members in groups.items():
            known = self._pool.solutions(key).to(scores).flatten(1)
            values[members], best = (scores[members] @ known.T).max(dim=1)
            found[members] = known[best]
        signed = values if self._sense == "max" else -values
        return found.reshape(len(index), *objective.shape[1:]).numpy(), signed.numpy()

    def _learn(self, keys: list[str | None], index: Index, result: SolveResult) -> None:
        """Keep what was found in rows `index` of the batch."""
        rows: dict[str, list[int]] = {}
        for n, row in enumerate(index.tolist()):
            key = keys[row]
            if key is not None and (result.status is None or SolveStatus(int(result.status[n])).ok):
                rows.setdefault(key, []).append(n)
        solutions: Tensor = torch.as_tensor(result.solutions)
        for key, members in rows.items():
            self._pool.add(solutions[members], key)


def _digest(values: Mapping[str, Any]) -> str | None:
    """A name for the content of parameters; "" for none at all, None if it cannot be read."""
    if not values:
        return COMMON
    keys = tuple((name, value_key(value)) for name, value in sorted(values.items()))
    content = repr(keys).encode()
    if not all(lasting((key,)) for _, key in keys):
        try:
            content = pickle.dumps(sorted(values.items(), key=itemgetter(0)))
        except Exception:  # pickle raises whatever the objects raise
            return None
    return hashlib.blake2b(content, digest_size=16).hexdigest()
