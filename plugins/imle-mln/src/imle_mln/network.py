"""The ground network: what grounding makes of a program and its evidence, and all that inference sees.

Weights are not part of it. Ground once, solve for any weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int32]
Index = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lists:
    """A list of lists of whole numbers in CSR form: list k is `items[starts[k]:starts[k + 1]]`."""

    starts: NDArray[np.int64]
    items: Ints

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, eq=False)
class GroundNetwork:
    """A Boolean network over A atoms, C clauses and F formulas.

    A literal is `v` if it is positive and `~v` (that is `-v - 1`) if it is negated, where v < A is an atom and v >= A
    is the truth of clause v - A, which comes earlier in the list. So clauses nest, and any formula can be written.

    With t(y) in {0, 1}^C, the truths of the clauses in state y, the number of true groundings of formula i is
    `n_i(y) = constants_i + sum_c counts[c, i] t_c(y)`; counts are negative where a grounding is true unless the clause
    is. Equal clauses are merged; groundings decided by the evidence are in the constants. No clause is empty or always
    true.

    Attributes:
        atoms: A, the number of atoms evidence leaves open.
        clauses: C disjunctions of literals, each sorted, without doubles.
        counts: the sparse matrix `[C, F]` as three equally long arrays.
        constants: `[F]`.
        groundings: `[F]` how many groundings each formula has, decided ones included.
        hard: `[C]` True where the clause must hold.
        blocks: lists of atoms of which exactly one is true; each atom is in one of them at most.
        conflict: what evidence and hard formulas contradict each other in, for people; "" if nothing is known to.
    """

    atoms: int
    clauses: Lists
    count_clauses: Ints
    count_formulas: Ints
    count_values: Floats
    constants: Floats
    groundings: Floats
    hard: NDArray[np.bool_]
    blocks: Lists
    conflict: str = ""
