"""Convex quadratic programs of whole numbers in a box, by trying which rows and bounds hold with equality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fuzz.case import Case, literal
from fuzz.judging import Expected
from fuzz.running import Draw
from fuzz.sets import senses
from imle.solvers import SolveStatus
from imle_highs.conformance import least_value

Floats = np.ndarray[Any, np.dtype[np.float64]]
ROWS, PRECISION = 4, 1e-7


@dataclass(frozen=True)
class Curved:
    """What enumeration knows of one program, all of whose variables are learned.

    Attributes:
        program: as `least_value` takes it.
    """

    program: dict[str, Any]

    def expected(self, objectives: Floats, sign: int) -> list[Expected]:
        least = [least_value(sign * objective, **self.program) for objective in objectives]
        return [Expected("infeasible" if np.isinf(one) else "optimal", sign * one) for one in least]

    def fault(self, solution: Floats) -> str:
        low, high = self.program["bounds"]
        if not ((solution >= low) & (solution <= high)).all():
            return "a variable is out of bounds"
        over = self.program["A_ub"] @ solution - self.program["b_ub"]
        return "a row is broken" if (over > PRECISION).any() else ""

    def value(self, objective: Floats, solution: Floats, sign: int) -> float:
        return float(objective @ solution + sign * (solution @ self.program["Q"] @ solution) / 2)

    def pardons(self, objective: Floats, status: SolveStatus, sign: int) -> bool:
        return False

    def slack(self, objective: Floats, solution: Floats) -> float:
        return PRECISION * float(np.abs(objective).max() + np.abs(self.program["Q"]).max())


def case(target: str, rng: np.random.Generator) -> Case:
    """Squares of whole numbers, of any rank; rows that whole points meet; Q or right sides of rows' own."""
    n, m = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    left, inside = rng.integers(-3, 4, size=(m, n)).astype(float), rng.integers(0, 3, size=n)
    programs = []
    for _ in range(3):
        factor = rng.integers(-2, 3, size=(int(rng.integers(0, n + 1)), n)).astype(float)
        size = float(rng.choice([1e-4, 1.0, 2.0**10]))
        right = left @ inside + rng.integers(-1, 2, size=m)
        programs.append({"Q": size * factor.T @ factor, "A_ub": left, "b_ub": right, "bounds": (0, 2)})
    which = rng.integers(0, 3, ROWS) if rng.random() < 0.5 else None
    kinds = programs[:1] if which is None else programs
    whole = rng.integers(-4, 5, size=(ROWS, n)).astype(float)
    return Case(
        solver=target.split("/")[1],
        options=senses(rng),
        instance={name: literal(value) for name, value in programs[0].items()},
        objectives=whole if rng.random() < 0.5 else rng.normal(size=(ROWS, n)),
        truths=[Curved(program) for program in kinds],
        which=which,
        rows={} if which is None else {name: [kinds[kind][name] for kind in which] for name in ("Q", "b_ub")},
        way="layer" if rng.random() < 0.25 else "prepared",
    )


DRAWS: dict[str, Draw] = {"quadratic/highs-qp": case}
