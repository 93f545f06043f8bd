"""Losses over a pool of solutions: filling the pool, and which rows compare with which part of it."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.layers.module import Batch, SolverLayer
from imle.losses.base import Reduction, SolverLoss, both, flat, maximise
from imle.solvers.combinators.keys import Identity, value_key
from imle.solvers.pool import COMMON, SolutionPool
from imle.solvers.protocol import Shape


class Known(NamedTuple):
    """Solutions on their way into the pool.

    Attributes:
        z: `[B, *event]`.
        valid: `[B]` the rows in which they hold, or None for all.
    """

    z: Tensor
    valid: Tensor | None


class PoolLoss(SolverLoss):
    """A loss that compares with solutions of a pool, so that it need not solve in every batch.

    Rows with instances of their own compare with solutions for the same instance only.

    Args:
        layer: a layer made by `imle.layer`; its solver, sense and instance are used.
        pool: where solutions are kept; by default a new `SolutionPool()`, which solves in every batch.
        reduction: see `SolverLoss`.

    Raises:
        OptionError: an option is not valid.
    """

    def __init__(self, layer: SolverLayer, *, pool: SolutionPool | None = None, reduction: Reduction = "mean") -> None:
        super().__init__(layer, reduction=reduction)
        if pool is not None and not isinstance(pool, SolutionPool):
            raise OptionError(f"{type(self).__name__}: pool: expected a SolutionPool, found {type(pool).__name__}")
        self.pool = SolutionPool() if pool is None else pool

    @abstractmethod
    def compare(self, theta: Tensor, true: Tensor | None, optimal: Tensor | None, pool: Tensor) -> Tensor:
        """The loss of rows that share an instance.

        Args:
            theta: `[R, n]` predicted scores, flattened.
            true: `[R, n]` true scores, if they are given.
            optimal: `[R, n]` known solutions, if they are given.
            pool: `[M, n]` feasible solutions, at least one.

        Returns:
            `[R]`.
        """

    def against_pool(
        self,
        batch: Batch,
        true: Tensor | None,
        optimal: Known | None,
        rows: Mapping[str, Sequence[Any]],
        *,
        solve: bool,
    ) -> Tensor:
        """The reduced loss: fill the pool, then compare every row with its instance's part of it.

        Args:
            batch: theta `[B, *event]` and the solver.
            true: `[B, *event]` true scores.
            optimal: their solutions; they join the pool.
            rows: the instance parameters of this call.
            solve: whether the solutions of the predicted objective join the pool.
        """
        theta = batch.theta
        known = ([] if optimal is None else [optimal]) + ([Known(*maximise(batch, theta))] if solve else [])
        optima = None if optimal is None else optimal.z
        values, order = [flat(theta[:0]).sum(dim=1)], [torch.empty(0, dtype=torch.long, device=theta.device)]
        valid = None if optimal is None else optimal.valid
        for key, members in self.instances(batch, rows).items():
            index = torch.tensor(members, dtype=torch.long, device=theta.device)
            pool = self._visit(batch, key, index, known)
            scores = flat(theta[index])
            order.append(index)
            if len(pool):
                own = None if true is None else flat(true[index])
                best = None if optima is None else flat(optima[index])
                values.append(self.compare(scores, own, best, flat(pool)))
            else:  # nothing feasible was ever found for these rows
                values.append(scores.sum(dim=1))
                known_rows = torch.ones(len(theta), dtype=torch.bool, device=theta.device)
                known_rows[index] = False
                valid = both(valid, known_rows)
        return self.reduced(torch.cat(values)[torch.argsort(torch.cat(order))], valid, batch)

    def _visit(self, batch: Batch, key: str, index: Tensor, known: Sequence[Known]) -> Tensor:
        """Add what is known for rows of one instance, and return its pool as `[M, *event]`."""
        event = batch.theta.shape[1:]
        window = (slice(None), *_window(event, self._shape_of(batch, int(index[0]))))
        for z, valid in known:
            kept = index if valid is None else index[valid[index]]
            self.pool.add(z[kept][window], key)
        pool = self.pool.solutions(key, like=batch.theta)
        padded = pool.new_zeros(len(pool), *event)
        if not len(pool):
            return padded
        own = padded[window].shape
        if own != pool.shape:
            raise ObjectiveError(
                f"{type(self).__name__}: expected solutions of shape {list(own[1:])} in the pool, "
                f"found {list(pool.shape[1:])}",
                hint="losses may share a pool only if their layers share the feasible set",
            )
        if own == padded.shape:
            return pool
        padded[window] = pool
        return padded

    def instances(self, batch: Batch, rows: Mapping[str, Sequence[Any]]) -> dict[str, list[int]]:
        """Row numbers by the key of their instance."""
        count = len(batch.theta)
        if not rows:
            return {COMMON: list(range(count))} if count else {}
        columns = {name: self.layer._instances._column(name, values) for name, values in sorted(rows.items())}
        found: dict[str, list[int]] = {}
        for row in range(count):
            found.setdefault(self._key({name: column[row] for name, column in columns.items()}), []).append(row)
        return found

    def _key(self, values: Mapping[str, Any]) -> str:
        keys = {name: value_key(value) for name, value in values.items()}
        for name, key in keys.items():
            if isinstance(key, Identity):
                raise InstanceError(
                    f"{type(self).__name__}: {name}: a pool keeps solutions by the content of their instance, "
                    f"and {type(values[name]).__name__} objects cannot be compared",
                    hint="give numbers, strings or arrays, make one layer per instance, or use a loss without a pool",
                )
        return hashlib.blake2b(repr(keys).encode(), digest_size=16).hexdigest()

    def _shape_of(self, batch: Batch, row: int) -> Shape | None:
        groups = batch.solve.groups
        group = next(g for g in groups if g.rows is None or row in g.rows)
        return group.prepared.objective_shape


def _window(event: Sequence[int], shape: Shape | None) -> tuple[slice, ...]:
    """The part of a padded event that an instance of this shape has."""
    if shape is None:
        return tuple(slice(None) for _ in event)
    return tuple(slice(have if size is None else size) for size, have in zip(shape, event, strict=True))
