"""Losses over a pool of solutions: filling the pool, and which rows compare with which part of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.estimators.samples import both
from imle.layers.module import Batch, SolverLayer
from imle.losses.base import Maximum, Reduction, SolverLoss, feasible, maximise, refuse_transforms
from imle.solvers.keys import content_key
from imle.solvers.pool import SolutionPool
from imle.solvers.protocol import Shape


class Candidates(NamedTuple):
    """Solutions of one instance that rows are compared with.

    Attributes:
        z: `[M, n]`, at least one.
        fixed: `[M]` their fixed terms, in theta's dtype; None where the solver has none.
    """

    z: Tensor
    fixed: Tensor | None

    def worth(self, theta: Tensor) -> Tensor:
        """<theta, z> + h(z): `[R, n]` scores to `[R, M]`."""
        products = theta @ self.z.T
        return products if self.fixed is None else products + self.fixed


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
    def compare(self, theta: Tensor, true: Tensor | None, optimal: Maximum | None, pool: Candidates) -> Tensor:
        """The loss of rows that share an instance.

        Args:
            theta: `[R, n]` predicted scores, flattened.
            true: `[R, n]` true scores, if they are given.
            optimal: `[R, n]` known solutions of the rows, and their fixed terms in theta's dtype, if they are given.
            pool: feasible solutions.

        Returns:
            `[R]`.
        """

    def against_pool(
        self,
        batch: Batch,
        true: Tensor | None,
        optimal: Maximum | None,
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
        refuse_transforms(type(self).__name__)
        theta = batch.theta
        known = ([] if optimal is None else [optimal]) + ([maximise(batch, theta)] if solve else [])
        values, order = [theta[:0].flatten(1).sum(dim=1)], [torch.empty(0, dtype=torch.long, device=theta.device)]
        valid = None if optimal is None else optimal.valid
        for key, members in self.instances(batch, rows).items():
            index = torch.tensor(members, dtype=torch.long, device=theta.device)
            pool = self._visit(batch, key, index, known)
            scores = theta[index].flatten(1)
            order.append(index)
            if len(pool.z):
                own = None if true is None else true[index].flatten(1)
                values.append(self.compare(scores, own, _known_in(optimal, index, theta), pool))
            else:  # nothing feasible was ever found for these rows
                values.append(scores.sum(dim=1))
                known_rows = torch.ones(len(theta), dtype=torch.bool, device=theta.device)
                known_rows[index] = False
                valid = both(valid, known_rows)
        return self.reduced(torch.cat(values)[torch.argsort(torch.cat(order))], valid, batch)

    def _visit(self, batch: Batch, key: str, index: Tensor, known: Sequence[Maximum]) -> Candidates:
        """Add what is known for rows of one instance, and return its pool."""
        event, row = batch.theta.shape[1:], int(index[0])
        window = (slice(None), *_window(event, batch.solve.group_of(row).prepared.objective_shape))
        for z, valid, _ in known:
            kept = index if valid is None else index[valid[index]]
            self.pool.add(z[kept][window], key)
        pool = self.pool.solutions(key, like=batch.theta)
        padded = pool.new_zeros(len(pool), *event)
        if not len(pool):
            return Candidates(padded.flatten(1), None)
        own = padded[window].shape
        if own != pool.shape:
            raise ObjectiveError(
                f"{type(self).__name__}: expected solutions of shape {list(own[1:])} in the pool, "
                f"found {list(pool.shape[1:])}",
                hint="losses may share a pool only if their layers share the feasible set",
            )
        if own == padded.shape:
            padded = pool
        else:
            padded[window] = pool
        fixed = self.pool.fixed_terms(key, partial(batch.solve.fixed_terms_in_row, row))
        if fixed is not None:
            fixed = feasible(f"{type(self).__name__}: pool", fixed.unsqueeze(0), batch, row)[0].to(batch.theta)
        return Candidates(padded.flatten(1), fixed)

    def instances(self, batch: Batch, rows: Mapping[str, Sequence[Any]]) -> dict[str, list[int]]:
        """Row numbers by the key of their instance."""
        count = len(batch.theta)
        columns = self.layer._instances.columns(rows)
        found: dict[str, list[int]] = {}
        for row in range(count if columns else min(count, 1)):
            found.setdefault(self._key({name: column[row] for name, column in columns.items()}), []).append(row)
        return found if columns else {key: list(range(count)) for key in found}

    def _key(self, values: Mapping[str, Any]) -> str:
        key = self.layer._instances.key(values)
        if key is None:
            name = next(name for name, value in values.items() if content_key(value) is None)
            raise InstanceError(
                f"{type(self).__name__}: {name}: a pool keeps solutions by the content of their instance, "
                f"and that of {type(values[name]).__name__} objects cannot be read",
                hint="give numbers, strings, arrays or what can be pickled, make one layer per instance, or use a loss "
                "without a pool",
            )
        return key


def _known_in(optimal: Maximum | None, index: Tensor, theta: Tensor) -> Maximum | None:
    """Those of some rows, flattened."""
    if optimal is None:
        return None
    fixed = None if optimal.fixed is None else optimal.fixed[index].to(theta)
    return Maximum(optimal.z[index].flatten(1), None, fixed)


def _window(event: Sequence[int], shape: Shape | None) -> tuple[slice, ...]:
    """The part of a padded event that an instance of this shape has."""
    if shape is None:
        return tuple(slice(None) for _ in event)
    return tuple(slice(have if size is None else size) for size, have in zip(shape, event, strict=True))
