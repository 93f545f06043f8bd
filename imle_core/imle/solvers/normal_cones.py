"""NormalCones: for which objectives a solution is best, as far as linear constraints tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class NormalCones:
    """For each of N solutions, a cone of scores for which it is best: that of the constraints that bind it.

    Scores theta, to be maximised, are in the cone of z if they are a sum of nonnegative multiples of its inequalities,
    of any multiples of its equations, and of entries of any size: not above 0 where z is at its lower bound, not below
    0 where it is at its upper one. Then no z' that keeps the constraints has <theta, z'> above <theta, z>. For solvers
    that minimise it is the same cone, of scores as well: minus costs.

    Where the constraints describe all solutions, as for linear programs, paths and assignments, z is best for no other
    scores. Of integer programs, whose relaxation has further corners, the cone is smaller.

    Attributes:
        inequalities: `[N, m, *shape]` normals a of ``<a, z> <= b`` that hold with equality; zeros stand for none.
        equations: `[N, q, *shape]` normals a of ``<a, z> = b``, likewise; broadcast where all solutions share them.
        at_lower: `[N, *shape]` whether an entry is as small as it may be.
        at_upper: `[N, *shape]` whether it is as large as it may be; both, where it has no choice.
    """

    inequalities: Any
    equations: Any
    at_lower: Any
    at_upper: Any


FindsNormalCones = Callable[..., NormalCones]
"""`normal_cones(solutions, **rows) -> NormalCones`; see `PreparedSolver`."""
