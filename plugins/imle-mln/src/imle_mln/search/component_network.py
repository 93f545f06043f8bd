"""Components as one flat network of atoms, clauses and blocks, for compiled kernels.

A coupling q of two atoms is a clause `!a v !b` with the weight -q, and q more; a forbidden state is a hard clause.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from imle_mln.compiled.world import Structure
from imle_mln.inference.components import Components
from imle_mln.inference.energy import Coefficients
from imle_mln.network import Bools, Floats, GroundNetwork, Index, Lists, distinct
from imle_mln.search.state import structure_of


@dataclass(frozen=True, eq=False)
class ComponentNetwork:
    """The network of some components, and what its clauses are worth.

    Attributes:
        structure: its atoms are those of the components, in their order.
        atoms: `[k]` these.
        couplings: the pairs whose clauses come last but for forbidden states.
        costly: `[s]` places of soft large clauses among the clauses.
        weights: `[s]` their numbers in the energy's clauses.
        first: place of the first coupling among the clauses.
    """

    structure: Structure
    atoms: Index
    couplings: Index
    costly: Index
    weights: Index
    first: int

    @cached_property
    def ground(self) -> GroundNetwork:
        """The same as a ground network, without formulas."""
        own, none = self.structure, np.zeros(0, np.int32)
        return GroundNetwork(
            atoms=own.atoms,
            clauses=Lists(own.starts, own.items.astype(np.int32)),
            count_clauses=none,
            count_formulas=none,
            count_values=np.zeros(0),
            constants=np.zeros(0),
            groundings=np.zeros(0),
            hard=own.hard,
            blocks=Lists(own.block_starts, own.block_items.astype(np.int32)),
        )

    @classmethod
    def of(cls, components: Components) -> ComponentNetwork:
        """The network of these components, under the signs they were chosen for."""
        energy, atoms, number, pairs = components.energy, components.atoms, components.number, components.pairs
        n, k = energy.reduction.atoms, len(atoms)
        soft, hard = energy.large.clauses[components.soft], energy.large.clauses[components.hard]
        top = np.concatenate([soft, hard])
        chosen = distinct(np.concatenate([top, energy.large.nested_in(top)])) if len(top) else top
        found = energy.reduction.clauses.entries(chosen)
        nested = k + np.searchsorted(chosen, found.variable - n)
        variable = np.where(found.variable < n, number[np.minimum(found.variable, n - 1)], nested)
        literals = [np.where(found.negated, ~variable, variable)]
        lengths = [np.diff(energy.reduction.clauses.starts)[chosen]]
        forbidden = energy.forbidden[pairs]
        couplings = pairs[forbidden == 0]
        literals.append(~number[energy.pairs[couplings]].ravel())
        lengths.append(np.full(len(couplings), 2))
        for state in range(4):
            ends = number[energy.pairs[pairs[forbidden & (1 << state) != 0]]]
            bits = np.array([state >> 1, state & 1]) == 1
            literals.append(np.where(bits, ~ends, ends).ravel())
            lengths.append(np.full(len(ends), 2))
        sizes = np.concatenate(lengths)
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        flags: Bools = np.ones(len(sizes), np.bool_)
        flags[: len(chosen)] = False
        flags[np.searchsorted(chosen, hard)] = True
        flags[len(chosen) : len(chosen) + len(couplings)] = False
        blocks = components.blocks
        structure = structure_of(
            k,
            Lists(starts, np.concatenate(literals).astype(np.int32)),
            flags,
            Lists.of(blocks.row, number[blocks.variable], len(blocks.starts)),
        )
        return cls(structure, atoms, couplings, np.searchsorted(chosen, soft), soft, len(chosen))

    def rewards(self, coefficients: Coefficients) -> Floats:
        """`[k + clauses]` what each variable adds if it is true, given unaries `[n]`, up to a constant."""
        k = self.structure.atoms
        rewards = np.zeros(k + len(self.structure.hard))
        rewards[:k] = coefficients.unary[self.atoms]
        rewards[k + self.costly] = coefficients.clause[self.weights]
        pair = coefficients.pair[self.couplings]
        rewards[k + self.first : k + self.first + len(pair)] = -pair
        return rewards
