"""The partition function by elimination: exact, differentiable, for networks of small width.

With log Z(u, w) the logarithm of the sum of exp(score) over all worlds that hold the hard formulas, the probability of
an atom is the derivative in its unary, and the expected number of true groundings that in a formula's weight.
So elimination (Dechter 1999) is written once, in torch, and the rest is differentiation.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from imle.errors import InstanceError, SolveError
from imle_mln.network import Bools, GroundNetwork, Index
from imle_mln.truths import ClauseTruths
from imle_mln.units import Units

WIDEST = 2**20
"""Entries of a table, rows of a batch not counted."""


@dataclass(frozen=True, eq=False)
class _Table:
    """What clauses with the same atoms say.

    Attributes:
        scope: units, ascending.
        clauses: `[k]` those that have weights.
        truths: `[k, *sizes]` of them.
        forbidden: `[*sizes]` where a hard one is false.
    """

    scope: tuple[int, ...]
    clauses: Tensor
    truths: Tensor
    forbidden: Tensor


class PartitionFunction:
    """log Z of a ground network, for any unaries and weights.

    Args:
        network: ground.

    Raises:
        InstanceError: some table would be too large: too many atoms hang together.
    """

    def __init__(self, network: GroundNetwork) -> None:
        self.network = network
        self._units = Units.of(network)
        self._tables = list(self._made())
        self._order = list(self._eliminated())

    def log_z(self, unary: Tensor, weights: Tensor) -> Tensor:
        """log Z over the groundings that evidence leaves open, as `GroundNetwork.open_counts` counts them.

        Args:
            unary: `[B, A]` float64.
            weights: `[B, F]` float64.

        Returns:
            `[B]`.

        Raises:
            SolveError: no world holds the hard formulas.
        """
        rows = len(unary)
        denied = torch.from_numpy(self.network.open_counts(np.zeros((1, len(self.network.clauses)), bool))[0])
        total = weights @ denied.to(weights)
        clause = self._clause_weights(weights)
        tables = [self._own(unit, unary) for unit in range(len(self._units))]
        tables += [(one.scope, self._scores(one, clause)) for one in self._tables]
        # What is best in each table becomes 0: weights may be so large that sums with them lose those of others.
        highest = [_finite(scores.detach().flatten(1).amax(dim=1)) for _, scores in tables]
        tables = [
            (scope, scores - most.reshape(-1, *[1] * (scores.ndim - 1)))
            for (scope, scores), most in zip(tables, highest, strict=True)
        ]
        total = sum(highest, total)
        waiting: dict[int, list[tuple[tuple[int, ...], Tensor]]] = {unit: [] for unit in self._order}
        place = {unit: at for at, unit in enumerate(self._order)}
        for scope, scores in tables:
            if scope:
                waiting[min(scope, key=place.__getitem__)].append((scope, scores))
        for unit in self._order:
            scope, scores = self._summed(waiting.pop(unit), rows)
            axis = 1 + scope.index(unit)
            scope = tuple(one for one in scope if one != unit)
            scores = _log_sum_exp(scores, axis)
            if scope:
                waiting[min(scope, key=place.__getitem__)].append((scope, scores))
            else:
                total = total + scores
        if bool((total == -torch.inf).any()) or self.network.conflict:
            raise SolveError(f"mln-map: infeasible: {self.network.conflict or 'no world holds the hard formulas'}")
        return total

    def _clause_weights(self, weights: Tensor) -> Tensor:
        """`[B, F]` to `[C, B]`."""
        network = self.network
        places = network.count_clauses, network.count_formulas
        to, of = (torch.from_numpy(part.astype(np.int64)).to(weights.device) for part in places)
        values = torch.from_numpy(network.count_values).to(weights)
        start = weights.new_zeros(len(network.clauses), len(weights))
        return start.index_add(0, to, values.unsqueeze(1) * weights.T[of])

    def _own(self, unit: int, unary: Tensor) -> tuple[tuple[int, ...], Tensor]:
        scores = unary[:, torch.from_numpy(self._units.members[unit])]
        return (unit,), torch.cat([scores.new_zeros(len(scores), int(self._units.optional[unit])), scores], dim=1)

    def _scores(self, table: _Table, clause: Tensor) -> Tensor:
        weights = clause[table.clauses.to(clause.device)].T  # [B, k]
        scores: Tensor = torch.tensordot(weights, table.truths.to(weights), dims=1)
        return scores.masked_fill(table.forbidden.to(clause.device), -torch.inf)

    def _summed(self, tables: list[tuple[tuple[int, ...], Tensor]], rows: int) -> tuple[tuple[int, ...], Tensor]:
        """One table of all."""
        scope = tuple(sorted({unit for own, _ in tables for unit in own}))
        total: Tensor | None = None
        for own, scores in tables:
            shape = (rows, *(self._units.size(unit) if unit in own else 1 for unit in scope))
            wide = scores.reshape(shape)
            total = wide if total is None else total + wide
        assert total is not None  # a unit has its own table
        return scope, total

    def _made(self) -> Iterator[_Table]:
        """Tables of all clauses that count or have to hold, those of the same atoms together."""
        network = self.network
        counted = np.zeros(len(network.clauses), np.bool_)
        counted[network.count_clauses] = True
        scopes: dict[tuple[int, ...], list[int]] = {}
        supports = self._supports()
        for clause in np.flatnonzero(counted | network.hard).tolist():
            scopes.setdefault(tuple(sorted(supports[clause])), []).append(clause)
        for scope, clauses in scopes.items():
            sizes = [self._units.size(unit) for unit in scope]
            _check(prod(sizes), len(scope))
            truths = self._truths(scope, sizes, clauses)
            hard = network.hard[clauses]
            soft = np.flatnonzero(counted[clauses])
            yield _Table(
                scope,
                torch.tensor([clauses[at] for at in soft.tolist()], dtype=torch.int64),
                torch.from_numpy(truths[soft].astype(np.float64)),
                torch.from_numpy(~truths[hard].all(axis=0)),
            )

    def _supports(self) -> list[set[int]]:
        """The units that each clause depends on."""
        network = self.network
        found: list[set[int]] = []
        for clause in range(len(network.clauses)):
            own: set[int] = set()
            for item in network.clauses[clause].tolist():
                variable = item if item >= 0 else ~item
                if variable < network.atoms:
                    own.add(int(self._units.unit[variable]))
                else:
                    own |= found[variable - network.atoms]
            found.append(own)
        return found

    def _truths(self, scope: tuple[int, ...], sizes: list[int], clauses: list[int]) -> Bools:
        """`[k, *sizes]`."""
        network = self.network
        atoms, worlds = self._units.worlds(scope)
        order, chosen = np.argsort(atoms), self._nested(clauses)
        truths = ClauseTruths.among(network.atoms, network.clauses, chosen, atoms[order]).of(worlds[:, order].T)
        return truths[np.searchsorted(chosen, clauses)].reshape(len(clauses), *sizes)

    def _nested(self, clauses: list[int]) -> Index:
        """Clauses with all that nest in them, ascending."""
        seen: set[int] = set()
        stack = list(clauses)
        while stack:
            clause = stack.pop()
            if clause not in seen:
                seen.add(clause)
                items = self.network.clauses[clause].astype(np.int64)
                variables = np.where(items < 0, ~items, items)
                stack += (variables[variables >= self.network.atoms] - self.network.atoms).tolist()
        return np.array(sorted(seen), np.int64)

    def _eliminated(self) -> Iterator[int]:
        """Units in the order of elimination: always one whose table is the smallest."""
        near: dict[int, set[int]] = {unit: set() for unit in range(len(self._units))}
        for table in self._tables:
            for unit in table.scope:
                near[unit].update(table.scope)
        for unit, others in near.items():
            others.discard(unit)
        heap = [(self._entries(unit, others), unit) for unit, others in near.items()]
        heapq.heapify(heap)
        while heap:
            entries, unit = heapq.heappop(heap)
            if unit not in near or entries != self._entries(unit, near[unit]):  # it was pushed again since
                continue
            others = near.pop(unit)
            _check(entries, len(others) + 1)
            for other in others:
                near[other] |= others
                near[other] -= {other, unit}
                heapq.heappush(heap, (self._entries(other, near[other]), other))
            yield unit

    def _entries(self, unit: int, others: set[int]) -> int:
        return self._units.size(unit) * prod(map(self._units.size, others))


def _log_sum_exp(scores: Tensor, axis: int) -> Tensor:
    """`logsumexp`, with a derivative where all are -inf, as hard formulas make them, too: it is 0."""
    never = (scores == -torch.inf).all(dim=axis, keepdim=True)
    return torch.logsumexp(scores.masked_fill(never, 0.0), dim=axis).masked_fill(never.squeeze(axis), -torch.inf)


def _finite(scores: Tensor) -> Tensor:
    """0 instead of -inf."""
    return scores.masked_fill(scores == -torch.inf, 0.0)


def _check(entries: int, units: int) -> None:
    if entries > WIDEST:
        raise InstanceError(
            f"exact marginals: expected tables of at most {WIDEST:,} entries, found one of {units} atoms and blocks "
            f"with {entries:,}",
            hint='use method="perturb-and-map", which is another model, or give more evidence',
        )
