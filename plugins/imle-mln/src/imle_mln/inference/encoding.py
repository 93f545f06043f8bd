"""Components as an integer linear program: one 0/1 column per atom, per coupling and per clause that counts.

    coupling q > 0: z <= a, z <= b            q < 0: z >= a + b - 1
    clause   w > 0: z <= sum l_i              w < 0: z >= l_i for every i      nested: both
    hard: sum l_i >= 1                        block: sum a_i = 1

Only atoms have to be whole numbers: the rest follows. A column without rows takes the value that is best for it, so
rows can be left out until a solution breaks them (`lazy`): that is cutting-plane inference (Riedel 2008).

Exclusions of all pairs of a set, each at the same cost w, cost w k (k - 1) / 2 for k true atoms: convex in k. They
become unit columns with costs 0, w, 2w, ... and one row, sum a_i = sum e_j. Hard exclusions of all pairs become sum
a_i <= 1.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from imle.solvers import SolveStatus
from imle_linear.engines import Clock
from imle_mln.inference.cliques import Clique, cliques, exclusions
from imle_mln.inference.components import Components, ComponentSolver, EngineResult, recent
from imle_mln.inference.energy import Coefficients
from imle_mln.inference.large_clauses import LargeClauses
from imle_mln.inference.partition import Partition
from imle_mln.network import Bools, Floats, Index, distinct
from imle_mln.truths import ClauseTruths

BROKEN = 1e-6
"""How far off a row has to be to count as broken, and a value to count as fractional."""


@dataclass(frozen=True, eq=False)
class Constraints:
    """lower <= matrix @ x <= upper; lazy ones can be left out until they are broken."""

    matrix: Any
    lower: Floats
    upper: Floats
    lazy: Bools

    def __iter__(self) -> Iterator[tuple[Index, Index, float, float]]:
        """Columns, whole coefficients and both sides of each row."""
        columns, values = self.matrix.indices.astype(np.int64), self.matrix.data.astype(np.int64)
        ends = itertools.pairwise(self.matrix.indptr.tolist())
        for (start, stop), lower, upper in zip(ends, self.lower.tolist(), self.upper.tolist(), strict=True):
            yield columns[start:stop], values[start:stop], lower, upper

    def without(self, lower: Floats, upper: Floats, chosen: Bools) -> tuple[Constraints, Index]:
        """The chosen rows over the columns that these bounds leave open, without rows that cannot be broken; and the
        columns.
        """
        columns = np.flatnonzero(lower < upper)
        matrix = self.matrix[:, columns]
        known = self.matrix @ lower
        low, high = self.lower - known, self.upper - known
        ones = np.ones(len(columns))
        sizes = matrix.copy()
        sizes.data = np.abs(matrix.data)
        total, size = matrix @ ones, sizes @ ones
        breakable = ((total - size) / 2 < low - BROKEN) | ((total + size) / 2 > high + BROKEN)
        needed = np.flatnonzero(breakable & chosen)
        return Constraints(matrix[needed], low[needed], high[needed], self.lazy[needed]), columns

    def off(self, x: Floats) -> Bools:
        """Which rows a point `[columns]`, or each of S points `[columns, S]`, is off by more than `BROKEN`."""
        activity = self.matrix @ x
        lower, upper = (side.reshape(-1, *(1,) * (x.ndim - 1)) for side in (self.lower, self.upper))
        found: Bools = (activity < lower - BROKEN) | (activity > upper + BROKEN)
        return found

    def broken(self, x: Floats) -> Index:
        """Rows that a point is off by more than `BROKEN`."""
        return np.flatnonzero(self.off(x))


class _Writer:
    """Collects rows, many at a time."""

    def __init__(self) -> None:
        self._count = 0
        self._parts: list[tuple[Index, Index, Floats]] = []
        self._sides: list[tuple[Floats, Floats, Bools]] = []

    def add(self, row: Index, column: Index, value: Floats, lower: Any, upper: Any, count: int, *, lazy: bool) -> None:
        """Rows 0 to count - 1 of their own, as entries."""
        self._parts.append((row + self._count, column, value))
        sides = (np.broadcast_to(np.asarray(side, np.float64), (count,)) for side in (lower, upper))
        self._sides.append((*sides, np.full(count, lazy)))  # type: ignore[arg-type]
        self._count += count

    def rows(self, columns: int) -> Constraints:
        row, column, value = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        lower, upper, lazy = (np.concatenate(part) for part in zip(*self._sides, strict=True))
        matrix = sparse.csr_array((value, (row, column)), shape=(self._count, columns))
        matrix.sort_indices()
        return Constraints(matrix, lower, upper, lazy)


class Encoding:
    """The program of some components.

    Args:
        components: to be encoded, for coefficients of their signs.
        counted: cliques of pairs that have one negative coupling each, to be counted; see `exclusions`.

    Attributes:
        components: as given.
        atoms: `[k]` of the energy; the first k columns.
        component: `[columns]` of each column.
        rows: all of them.
        pair_columns: those of couplings.
        pair_ends: `[couplings, 2]` the atoms of each.
        bound: `[k]` atoms of hard pairs, large clauses or counted cliques.
        block_members: atoms of blocks, the block of each, and where each block starts.
    """

    def __init__(self, components: Components, counted: Sequence[Clique] = ()) -> None:
        self.components, self.atoms = components, components.atoms
        energy = self._energy = components.energy
        self._writer = _Writer()
        large, pairs, self._number = energy.large, components.pairs, components.number
        soft, hard = large.clauses[components.soft], large.clauses[components.hard]
        self._members = [self._number[atoms] for atoms, _ in counted]
        self._counted = np.array([of[0] for _, of in counted], np.int64)
        taken = np.zeros(len(energy.pairs), np.bool_)
        for _, of in counted:
            taken[of] = True
        free = pairs[energy.forbidden[pairs] == 0]
        self._coupled = free[~taken[free]]
        self._nested = large.nested_in(np.concatenate([soft, hard]))
        self._clauses = distinct(np.concatenate([soft, self._nested]))
        self._costly, self._soft = np.searchsorted(self._clauses, soft), soft
        starts = np.cumsum([0, len(self.atoms), len(self._coupled), len(self._clauses), *map(len, self._members)])
        self._pair_column, self._clause_column, self._units = starts[1], starts[2], starts[3:]
        self._columns = int(starts[-1])
        forbidden = pairs[energy.forbidden[pairs] != 0]
        self._write_blocks()
        self._write_cliques()
        self._write_forbidden(forbidden)
        self._write_couplings(components.coefficients.pair[self._coupled] > 0)
        self._write_hard(hard)
        self._write_soft(components.coefficients.clause)
        self.rows: Constraints = self._writer.rows(self._columns)
        self.component: Index = self._components(components.parts)
        self.pair_columns = slice(self._pair_column, self._clause_column)
        self.pair_ends: Index = self._number[energy.pairs[self._coupled]]
        self.bound: Bools = self._bound(large, forbidden)

    def _write_blocks(self) -> None:
        blocks = self.components.blocks
        members = self._number[blocks.variable]
        self.block_members: tuple[Index, Index, Index] = members, blocks.row, blocks.starts
        self._writer.add(blocks.row, members, np.ones(len(members)), 1, 1, len(blocks.starts), lazy=False)

    def _bound(self, large: LargeClauses, hard_pairs: Index) -> Bools:
        bound = np.zeros(len(self.atoms), np.bool_)
        bound[self._number[self._energy.pairs[hard_pairs]]] = True
        costly = np.zeros(len(large.clauses), np.bool_)
        costly[self.components.soft] = costly[self.components.hard] = True
        bound[self._number[large.atom[costly[large.clause]]]] = True
        for members in self._members:
            bound[members] = True
        return bound

    def _write_cliques(self) -> None:
        for members, start in zip(self._members, self._units, strict=False):
            size = len(members)
            columns = np.concatenate([members, start + np.arange(size)])
            values = np.repeat([1.0, -1.0], size)
            self._writer.add(np.zeros(2 * size, np.int64), columns, values, 0, 0, 1, lazy=False)

    def _write_forbidden(self, pairs: Index) -> None:
        forbidden = self._energy.forbidden[pairs].copy()
        both = np.flatnonzero(forbidden == 0b1000)
        ends = self._energy.pairs[pairs]
        for atoms, of in cliques(self._energy.reduction.atoms, ends[both]):
            forbidden[both[of]] = 0
            size = len(atoms)
            self._writer.add(np.zeros(size, np.int64), self._number[atoms], np.ones(size), -np.inf, 1, 1, lazy=False)
        for state in range(4):
            chosen = self._number[ends[forbidden & (1 << state) != 0]]
            bits = np.array([state >> 1, state & 1])
            row = np.repeat(np.arange(len(chosen)), 2)
            value = np.tile(1.0 - 2.0 * bits, len(chosen))
            self._writer.add(row, chosen.ravel(), value, 1.0 - bits.sum(), np.inf, len(chosen), lazy=True)

    def _write_couplings(self, positive: Bools) -> None:
        ends = self._number[self._energy.pairs[self._coupled]]
        own = self._pair_column + np.arange(len(ends))
        for place in range(2):
            columns = np.stack([own[positive], ends[positive, place]], axis=1).ravel()
            self._plain(columns, [1.0, -1.0], -np.inf, 0.0)
        columns = np.concatenate([own[~positive, None], ends[~positive]], axis=1).ravel()
        self._plain(columns, [1.0, -1.0, -1.0], -1.0, np.inf)

    def _plain(self, columns: Index, pattern: list[float], lower: float, upper: float) -> None:
        count = len(columns) // len(pattern)
        row = np.repeat(np.arange(count), len(pattern))
        self._writer.add(row, columns, np.tile(pattern, count), lower, upper, count, lazy=True)

    def _literals(self, clauses: Index) -> tuple[Index, Index, Floats, Floats]:
        """Row, column, sign and constant of each literal."""
        found = self._energy.reduction.clauses.entries(clauses)
        n = self._energy.reduction.atoms
        atom = found.variable < n
        nested = self._clause_column + np.searchsorted(self._clauses, found.variable - n)
        column = np.where(atom, self._number[np.where(atom, found.variable, 0)], nested)
        return found.row, column, np.where(found.negated, -1.0, 1.0), found.negated.astype(np.float64)

    def _write_hard(self, hard: Index) -> None:
        row, column, sign, constant = self._literals(hard)
        lower = 1.0 - np.bincount(row, constant, len(hard))
        self._writer.add(row, column, sign, lower, np.inf, len(hard), lazy=True)

    def _write_soft(self, weights: Floats) -> None:
        nested = np.isin(self._clauses, self._nested)
        weight = np.where(np.isin(self._clauses, self._soft), weights[self._clauses], 0.0)
        for lazy, above, below in ((True, ~nested & (weight > 0), ~nested & (weight < 0)), (False, nested, nested)):
            self._at_most(np.flatnonzero(above), lazy=lazy)
            self._at_least(np.flatnonzero(below), lazy=lazy)

    def _at_most(self, places: Index, *, lazy: bool) -> None:
        """z <= sum l_i."""
        row, column, sign, constant = self._literals(self._clauses[places])
        count = len(places)
        rows = np.concatenate([row, np.arange(count)])
        columns = np.concatenate([column, self._clause_column + places])
        values = np.concatenate([-sign, np.ones(count)])
        self._writer.add(rows, columns, values, -np.inf, np.bincount(row, constant, count), count, lazy=lazy)

    def _at_least(self, places: Index, *, lazy: bool) -> None:
        """z >= l_i."""
        row, column, sign, constant = self._literals(self._clauses[places])
        count = len(row)
        rows = np.tile(np.arange(count), 2)
        columns = np.concatenate([column, self._clause_column + places[row]])
        self._writer.add(rows, columns, np.concatenate([-sign, np.ones(count)]), constant, np.inf, count, lazy=lazy)

    def _components(self, parts: Partition) -> Index:
        """Nested columns are in no list of atoms: they take the component of what they share rows with."""
        own = np.full(self._columns, -1, np.int64)
        own[: len(self.atoms)] = parts.component[self.atoms]
        while (own < 0).any():
            entry = self.rows.matrix.tocoo()
            row = np.full(entry.shape[0], -1, np.int64)
            np.maximum.at(row, entry.row, own[entry.col])
            np.maximum.at(own, entry.col, row[entry.row])
        return own

    def rewards(self, coefficients: Coefficients) -> Floats:
        """To be maximised, of the `costly` columns."""
        return np.concatenate(
            [coefficients.unary[self.atoms], coefficients.pair[self._coupled], coefficients.clause[self._soft]]
        )

    def costs(self, coefficients: Coefficients) -> Floats:
        """To be minimised, `[columns]`."""
        costs = np.zeros(self._columns)
        costs[self.costly] = -self.rewards(coefficients)
        for one, members, start in zip(coefficients.pair[self._counted], self._members, self._units, strict=False):
            costs[start : start + len(members)] = -one * np.arange(len(members))
        return costs

    @cached_property
    def _truths(self) -> ClauseTruths:
        reduction = self._energy.reduction
        return ClauseTruths.among(reduction.atoms, reduction.clauses, self._clauses, self.atoms)

    def complete(self, states: Bools) -> Floats:
        """All columns, given states `[k]` of the atoms, or S of them, `[k, S]`."""
        x = np.zeros((self._columns, *states.shape[1:]))
        x[: len(self.atoms)] = states
        x[self.pair_columns] = states[self.pair_ends[:, 0]] & states[self.pair_ends[:, 1]]
        x[self._clause_column : self._clause_column + len(self._clauses)] = self._truths.of(states)
        for members, start in zip(self._members, self._units, strict=False):
            place = np.arange(len(members)).reshape(-1, *(1,) * (states.ndim - 1))
            x[start : start + len(members)] = place < states[members].sum(axis=0)
        return x

    @cached_property
    def costly(self) -> Index:
        """The columns that may have a cost, those of counted exclusions aside."""
        return np.concatenate([np.arange(self._clause_column), self._clause_column + self._costly])

    @cached_property
    def row_component(self) -> Index:
        """`[rows]` the component each row belongs to."""
        found: Index = self.component[self.rows.matrix.indices[self.rows.matrix.indptr[:-1]]]
        return found

    @property
    def integer(self) -> Bools:
        """`[columns]` the atoms."""
        return np.arange(self._columns) < len(self.atoms)

    def fallback(self, costs: Floats) -> EngineResult:
        """What is left if an engine finds no state in time: all atoms false, if that breaks no row."""
        nothing = np.zeros(len(self.atoms), np.bool_)
        x = self.complete(nothing)
        if len(self.rows.broken(x)):
            return EngineResult(SolveStatus.TIMEOUT)
        return EngineResult(SolveStatus.FEASIBLE, nothing, float(x @ costs - np.minimum(costs, 0.0).sum()))


class Counting:
    """A component solver that keeps a model for each set of exclusions that can be counted in a solve.

    Args:
        components: to be solved.
        model: makes what solves an encoding of them.
    """

    def __init__(self, components: Components, model: Callable[[Encoding], ComponentSolver]) -> None:
        self.atoms = components.atoms
        self._components, self._model = components, model
        self._exclusions = exclusions(components)
        sizes = [len(of) for _, of in self._exclusions]
        self._starts: Index = np.cumsum([0, *sizes])[:-1]
        self._members: Index = np.concatenate([np.zeros(0, np.int64), *(of for _, of in self._exclusions)])
        self._models: OrderedDict[bytes, ComponentSolver] = OrderedDict()

    def solve(self, coefficients: Coefficients, clock: Clock) -> EngineResult:
        """Maximise, by the model in which those exclusions are counted whose pairs have one coupling in this solve."""
        equal = np.zeros(0, np.bool_)
        if self._exclusions:
            couplings = coefficients.pair[self._members]
            most, least = (extreme.reduceat(couplings, self._starts) for extreme in (np.maximum, np.minimum))
            equal = most == least
        return recent(self._models, equal.tobytes(), lambda: self._built(equal)).solve(coefficients, clock)

    def _built(self, equal: Bools) -> ComponentSolver:
        return self._model(Encoding(self._components, [self._exclusions[k] for k in np.flatnonzero(equal).tolist()]))
