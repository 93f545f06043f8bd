"""Duals by the names of instance parameters, as `SolveResult` has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imle_linear.arrays import Floats
from imle_linear.duals import Duals
from imle_linear.program import LinearProgram


class DualArrays:
    """How much values change with entries of instance parameters, collected row by row.

    Args:
        program: the feasible set.
        names: of the parameters, as `from_matrices` takes them; and "Q" of a quadratic term.
        count: N, how many rows there are.

    Attributes:
        arrays: `[N, *shape]` by name, zeros until written.
    """

    def __init__(self, program: LinearProgram, names: Sequence[str], count: int) -> None:
        n = len(program.costs)
        below = slice(0, program.b_ub_rows)
        equal = slice(program.b_ub_rows, program.b_ub_rows + program.b_eq_rows)
        self._rows = {"ub": below, "eq": equal}
        self._free = np.ones(n)  # costs of learned variables come with objectives
        self._free[program.learned] = 0.0
        shapes = {"bounds": (n, 2), "costs": (n,), "Q": (n, n)}
        for side, rows in self._rows.items():
            shapes |= {f"b_{side}": (rows.stop - rows.start,), f"A_{side}": (rows.stop - rows.start, n)}
        self.arrays = {name: np.zeros((count, *shapes[name])) for name in names}

    @property
    def need_proof(self) -> bool:
        """Whether the solution alone does not tell them."""
        return bool(self.arrays.keys() - {"costs"})

    def write(self, row: int, point: Floats, proof: Duals | None, sign: float, shift: int) -> None:
        """Those of one row.

        Args:
            row: its number.
            point: `[n]` its solution.
            proof: duals of costs to be minimised; None if there is no need.
            sign: -1.0 if the objective is to be maximised.
            shift: power of two by which costs were multiplied.
        """
        for name, found in self.arrays.items():
            found[row] = point * self._free if proof is None or name == "costs" else self._of(name, proof, sign, shift)

    def _of(self, name: str, proof: Duals, sign: float, shift: int) -> Floats:
        if name == "Q":
            return sign * np.outer(proof.point, proof.point) / 2
        y, r = (sign * np.ldexp(values, -shift) for values in (proof.rows, proof.bounds))
        if name == "bounds":
            return np.where(np.stack([proof.bounds > 0, proof.bounds < 0], axis=-1), r[:, None], 0.0)
        side = y[self._rows[name[2:]]]
        return -np.outer(side, proof.point) if name.startswith("A") else side
