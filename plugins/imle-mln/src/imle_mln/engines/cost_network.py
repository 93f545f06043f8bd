"""A component as a cost function network: cost tables over variables with a few values each (Cooper et al. 2010).

An atom is a variable of two values, an exactly-one block is one variable with a value per atom. Couplings and forbidden
states of pairs are tables. A clause is a table with one entry of its own, the one where all its literals are false;
where it has many literals, it is a variable that costs something and a hard clause, or hard pairs. Nested clauses are
variables, tied to their literals both ways; so are atoms of blocks where clauses name them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from imle_mln.inference.components import Components
from imle_mln.inference.energy import Coefficients
from imle_mln.inference.integer_scaling import fixed_point, shift_to
from imle_mln.network import Bools, Entries, Index, distinct
from imle_mln.truths import ClauseTruths

_SIZE = 45
"""Coefficients add up to less than two to this. A forbidden state costs their sum, and toulbar2 counts to 2^58."""

DENSE = 3
"""Clauses of up to so many variables are tables: toulbar2 propagates these well, and larger ones hardly at all."""

Row = tuple[list[int], list[int], int]
"""A clause: variables, their values where it is false, and its place among the soft large clauses, or `HARD`."""
HARD = -1


class ClauseTuples(NamedTuple):
    """Clauses of one arity; see `Row`.

    Attributes:
        scopes: `[f, arity]` Boolean variables.
        tuples: `[f, arity]` their values where the clause is false.
        weight: `[f]`.
    """

    scopes: Index
    tuples: Index
    weight: Index


class PairTables(NamedTuple):
    """Tables of one shape.

    Attributes:
        scopes: `[f, 2]` variables, no two rows of them equal.
        forbidden: `[f, d, e]`.
        pairs: places among the component's soft pairs.
        entry: for each of these, the entry, of all tables, where both atoms are true.
    """

    scopes: Index
    forbidden: Bools
    pairs: Index
    entry: Index


class Whole(NamedTuple):
    """Coefficients as whole numbers, times `2^shift`: of atoms, soft pairs and soft large clauses."""

    unary: Index
    pair: Index
    clause: Index
    shift: int

    @property
    def size(self) -> int:
        """What all of them add up to at most."""
        return sum(int(np.abs(part).sum()) for part in self[:3])

    @property
    def rounding(self) -> float:
        """By how much a best state for these can be worse than the best one."""
        return float(np.ldexp(0.5 * sum(len(part) for part in self[:3]), -self.shift))


class CostNetwork:
    """One component, for coefficients that change.

    Args:
        component: this one alone.

    Attributes:
        atoms: of the energy.
        domains: how many values each variable has.
    """

    def __init__(self, component: Components) -> None:
        energy, pairs = component.energy, component.pairs
        self._energy, self.atoms = energy, component.atoms
        self._soft, hard = energy.large.clauses[component.soft], energy.large.clauses[component.hard]
        top = np.concatenate([self._soft, hard])
        self._nested = energy.large.nested_in(top) if len(top) else np.zeros(0, np.int64)
        self._variables(component.blocks, np.concatenate([top, self._nested]))
        self._never: list[tuple[int, int]] = []
        first, second = self._variable[self._number(energy.pairs[pairs])].T
        self._one_block(pairs[first == second])
        apart = pairs[first != second]
        self._pairs: Index = apart[energy.forbidden[apart] == 0]
        self._pair_tables = [*self._tables(apart)]
        rows = self._rows(hard, component.coefficients.clause[self._soft] > 0)
        self._clauses = [*by_arity(rows)]
        self._long = [(scope, [1 - value for value in false]) for scope, false, _ in rows if len(scope) > DENSE]

    def _number(self, atoms: Index) -> Index:
        return np.searchsorted(self.atoms, atoms)

    def _variables(self, blocks: Entries, clauses: Index) -> None:
        """Free atoms, nested clauses, atoms of blocks that clauses name, long clauses, blocks: in this order."""
        n = self._energy.reduction.atoms
        members, self._block = self._number(blocks.variable), blocks.row
        self._members, sizes = members, np.bincount(self._block)
        free = np.ones(len(self.atoms), np.bool_)
        free[members] = False
        named = np.zeros(len(self.atoms), np.bool_)
        mentioned = self._energy.reduction.clauses.entries(clauses).variable
        named[self._number(mentioned[mentioned < n])] = True
        self._named: Index = np.flatnonzero(named & ~free)
        self._free: Index = np.flatnonzero(free)
        lengths = np.diff(self._energy.reduction.clauses.starts)[self._soft]
        parts = len(self._free), len(self._nested), len(self._named), int((lengths > DENSE).sum())
        booleans = np.cumsum([0, *parts])
        self._first_nested, self._first_long, self._first_block = booleans[[1, 3, 4]].tolist()
        self.domains: list[int] = [2] * self._first_block + sizes.tolist()
        self._variable: Index = np.zeros(len(self.atoms), np.int64)
        self._variable[self._free] = np.arange(len(self._free))
        self._variable[members] = self._first_block + self._block
        self._value: Index = np.ones(len(self.atoms), np.int64)
        self._value[members] = np.arange(len(members)) - blocks.starts[self._block]
        self._boolean = self._variable.copy()
        self._boolean[self._named] = booleans[2] + np.arange(len(self._named))

    def _one_block(self, pairs: Index) -> None:
        """Forbidden states of pairs within a block, as values that may not be taken."""
        for pair in pairs[self._energy.forbidden[pairs] != 0].tolist():
            ends = self._number(self._energy.pairs[pair])
            variable, values = int(self._variable[ends[0]]), self._value[ends].tolist()
            mask = int(self._energy.forbidden[pair])
            bad = {value for value, bit in zip(values, (0b0100, 0b0010), strict=True) if mask & bit}
            if mask & 0b0001:
                bad |= set(range(self.domains[variable])) - set(values)
            self._never += [(variable, value) for value in sorted(bad)]

    def _tables(self, pairs: Index) -> Iterator[PairTables]:
        """By shape; pairs over the same two variables share a table."""
        ends, masks = self._number(self._energy.pairs[pairs]), self._energy.forbidden[pairs]
        turned = self._variable[ends[:, 0]] > self._variable[ends[:, 1]]
        ends = np.where(turned[:, None], ends[:, ::-1], ends)
        masks = np.where(turned, (masks & 0b1001) | (masks & 0b0010) << 1 | (masks & 0b0100) >> 1, masks)
        variable, value = self._variable[ends], self._value[ends]
        sizes = np.array(self.domains, np.int64)[variable]
        place = np.cumsum(masks == 0) - 1
        for d, e in np.unique(sizes, axis=0).tolist():
            own = np.flatnonzero((sizes == (d, e)).all(axis=1))
            scopes, table = np.unique(variable[own], axis=0, return_inverse=True)
            soft = masks[own] == 0
            forbidden = np.zeros((len(scopes), d, e), np.bool_)
            hard = own[~soft]
            first, second = (np.arange(size) == value[hard, k, None] for k, size in enumerate((d, e)))
            for state in range(4):
                bad = (first == bool(state >> 1))[:, :, None] & (second == bool(state & 1))[:, None, :]
                np.logical_or.at(forbidden, table[~soft], bad & (masks[hard] & (1 << state) != 0)[:, None, None])
            entry = (table * d + value[own, 0]) * e + value[own, 1]
            yield PairTables(scopes, forbidden, place[own[soft]], entry[soft])

    def _rows(self, hard: Index, rewarded: Bools) -> list[Row]:
        soft = self._false(self._soft)
        rows = [(*row, HARD) for row in self._false(hard)]
        long = itertools.count(self._first_long)
        for place, ((scope, false), reward) in enumerate(zip(soft, rewarded.tolist(), strict=True)):
            if len(scope) <= DENSE:
                rows.append((scope, false, place))
                continue
            z = next(long)
            if reward:  # true: the clause is false
                rows += [([z, *scope], [0, *false], HARD), ([z], [1], place)]
            else:  # true: the clause is true
                rows += [*implied(scope, false, z), ([z], [0], place)]
        for z, (scope, false) in enumerate(self._false(self._nested), self._first_nested):
            rows += [([z, *scope], [1, *false], HARD), *implied(scope, false, z)]
        return rows

    def _false(self, clauses: Index) -> Iterator[tuple[list[int], list[int]]]:
        """Each clause's variables, and their values where it is false."""
        n = self._energy.reduction.atoms
        found = self._energy.reduction.clauses.entries(clauses)
        atom = found.variable < n
        variable = np.empty(len(atom), np.int64)
        variable[atom] = self._boolean[self._number(found.variable[atom])]
        variable[~atom] = self._first_nested + np.searchsorted(self._nested, found.variable[~atom] - n)
        for start, end in itertools.pairwise([*found.starts.tolist(), len(atom)]):
            yield variable[start:end].tolist(), found.negated[start:end].astype(int).tolist()

    def whole(self, coefficients: Coefficients) -> Whole:
        """The component's coefficients, which have to be divided by `2^shift` again."""
        parts = coefficients.unary[self.atoms], coefficients.pair[self._pairs], coefficients.clause[self._soft]
        values = np.concatenate(parts)
        shift = shift_to(_SIZE, values)
        unary, pair, clause = np.split(fixed_point(values, shift), np.cumsum([len(part) for part in parts[:2]]))
        return Whole(unary, pair, clause, shift)

    def problem(self, whole: Whole, seed: int) -> tuple[dict[str, Any], int]:
        """What toulbar2 minimises (see `toulbar2_process.solve`), and the value of a state that costs nothing."""
        top = whole.size + 1
        tables, offset = [], int(np.maximum(whole.unary[self._free], 0).sum())
        costs = np.stack([np.maximum(whole.unary[self._free], 0), np.maximum(-whole.unary[self._free], 0)], axis=1)
        tables.append((self._variable[self._free], costs))
        block_tables, best = self._block_tables(whole.unary, top)
        tables += block_tables + self._named_tables(top)
        offset += best
        for own in self._pair_tables:
            size = own.forbidden.size
            costs = -np.bincount(own.entry, whole.pair[own.pairs], size).astype(np.int64).reshape(own.forbidden.shape)
            least = costs.min(axis=(1, 2), keepdims=True)
            tables.append((own.scopes, np.where(own.forbidden, top, costs - least)))
            offset -= int(least.sum())
        offset += int(np.maximum(whole.clause, 0).sum())
        for group in self._clauses:
            weight = np.full(len(group.weight), top)
            weight[group.weight != HARD] = whole.clause[group.weight[group.weight != HARD]]
            tables.append(cost_tables(group, np.maximum(-weight, 0), np.maximum(weight, 0)))
        plain = [(np.ascontiguousarray(of), of_costs.astype(np.float64)) for of, of_costs in tables if len(of)]
        return {"top": top, "domains": self.domains, "tables": plain, "clauses": self._long, "seed": seed}, offset

    def _block_tables(self, unary: Index, top: int) -> tuple[list[tuple[Index, Index]], int]:
        """What each value of a block costs more than the best one; and what the best ones are worth."""
        sizes = np.array(self.domains[self._first_block :], np.int64)
        tables, best = [], 0
        for size in np.unique(sizes).tolist():
            blocks = np.flatnonzero(sizes == size)
            own = np.isin(self._block, blocks)
            values = unary[self._members[own]].reshape(len(blocks), size)
            most = values.max(axis=1, keepdims=True)
            costs, best = most - values, best + int(most.sum())
            for variable, value in self._never:
                costs[blocks + self._first_block == variable, value] = top
            tables.append((blocks + self._first_block, costs))
        return tables, best

    def _named_tables(self, top: int) -> list[tuple[Index, Index]]:
        """A Boolean for an atom of a block is true where the block has its value."""
        tables = []
        for atom in self._named.tolist():
            size = self.domains[self._variable[atom]]
            costs = np.full((1, 2, size), top, np.int64)
            true = np.arange(size) == self._value[atom]
            costs[0, 1, true] = costs[0, 0, ~true] = 0
            tables.append((np.array([[self._boolean[atom], self._variable[atom]]]), costs))
        return tables

    def states(self, values: list[int]) -> Bools:
        """Of the atoms."""
        found: Bools = np.array(values)[self._variable] == self._value
        return found

    def energy_of(self, whole: Whole, states: Bools) -> int:
        """What states `[k]` of the atoms are worth, in whole numbers."""
        reduction, mine = self._energy.reduction, distinct(np.concatenate([self._soft, self._nested]))
        truths = ClauseTruths.among(reduction.atoms, reduction.clauses, mine, self.atoms).of(states)
        first, second = states[self._number(self._energy.pairs[self._pairs])].T
        own = (states, first & second, truths[np.searchsorted(mine, self._soft)])
        return sum(int(part[true].sum()) for part, true in zip(whole[:3], own, strict=True))


def implied(scope: list[int], false: list[int], z: int) -> list[Row]:
    """If one of a clause's literals is true, z is."""
    return [([z, variable], [0, 1 - value], HARD) for variable, value in zip(scope, false, strict=True)]


def by_arity(rows: list[Row]) -> Iterator[ClauseTuples]:
    """Short ones, those of one arity together."""
    for arity in range(1, DENSE + 1):
        own = [row for row in rows if len(row[0]) == arity]
        if own:
            yield ClauseTuples(*(np.array(column) for column in zip(*own, strict=True)))


def cost_tables(group: ClauseTuples, default: Index, cost: Index) -> tuple[Index, Index]:
    """Scopes, and tables `[f, 2, ...]` of what each clause costs where it is true and where it is false."""
    count, arity = group.scopes.shape
    costs = np.repeat(default[:, None], 1 << arity, axis=1)
    costs[np.arange(count), group.tuples @ (1 << np.arange(arity)[::-1])] = cost
    scopes = group.scopes if arity > 1 else group.scopes[:, 0]
    return scopes, costs.reshape(count, *(2,) * arity)
