"""Random programs, of the shapes in which solvers were found to be wrong."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Literal

import numpy as np

from fuzz.exact.model import Program, Row

Kind = Literal["boxed", "infinite", "mixed", "continuous"]
Numbers = list[Fraction]
Generator = np.random.Generator
_POINTS = 6000
"""How many points a box may have."""


def program(rng: Generator, kind: Kind) -> Program:
    """A random program: bounds first, then rows that a random point within them satisfies, mostly."""
    n = int(rng.integers(2, 7))
    integer = [kind in ("boxed", "infinite") or (kind == "mixed" and bool(rng.random() < 0.6)) for _ in range(n)]
    if kind == "mixed":
        first, other = rng.permutation(n)[:2].tolist()
        integer[first], integer[other] = True, False
    lower, upper = _bounds(rng, n, infinite=kind != "boxed")
    if kind == "boxed":
        _narrow(lower, upper)
    inside = [_inside(rng, low, high, whole) for low, high, whole in zip(lower, upper, integer, strict=True)]
    style = STYLES[int(rng.integers(len(STYLES)))]
    ray = _ray(rng, lower, upper) if kind != "boxed" and rng.random() < 0.4 else None
    rows = []
    for _ in range(int(rng.integers(1, 5))):
        if rng.random() < 0.15:
            style = STYLES[int(rng.integers(len(STYLES)))]
        coefficients = style(rng, n)
        rows.append(_row(rng, coefficients if ray is None else _turned(coefficients, ray), inside))
    rows += _redundant(rng, rows)
    order = rng.permutation(len(rows)).tolist()
    return Program(tuple(rows[place] for place in order), tuple(lower), tuple(upper), tuple(integer))


def _bounds(rng: Generator, n: int, *, infinite: bool) -> tuple[list[Fraction | None], list[Fraction | None]]:
    style = rng.choice(["binary", "small", "fractional", "shared", "fixed"])
    lower: list[Fraction | None] = [Fraction(0)] * n
    upper: list[Fraction | None] = [Fraction(1)] * n
    shared = int(rng.integers(1, 7))
    for place in range(n):
        if style == "shared":
            upper[place] = Fraction(shared)
        elif style in ("small", "fixed"):
            low = int(rng.integers(-6, 3))
            lower[place], upper[place] = Fraction(low), Fraction(low + int(rng.integers(0, 8)))
            if style == "fixed" and rng.random() < 0.4:
                upper[place] = lower[place]
        elif style == "fractional":
            low = round(float(rng.uniform(-6, 2)), 1)
            lower[place], upper[place] = Fraction(low), Fraction(round(low + float(rng.uniform(0.1, 7)), 1))
        if infinite and rng.random() < 0.35:
            lower[place] = None
        if infinite and rng.random() < 0.45:
            upper[place] = None
    return lower, upper


def _ray(rng: Generator, lower: list[Fraction | None], upper: list[Fraction | None]) -> list[int]:
    """A direction of two variables, without bounds on its way."""
    ray = [0] * len(lower)
    for place in rng.permutation(len(lower))[:2].tolist():
        ray[place] = int(rng.choice([-3, -2, -1, 1, 2, 3]))
        if ray[place] < 0:
            lower[place] = None
        else:
            upper[place] = None
    return ray


def _turned(coefficients: Numbers, ray: list[int]) -> Numbers:
    """A row that does not grow along a ray."""
    grows = sum((c * step for c, step in zip(coefficients, ray, strict=True)), Fraction(0)) > 0
    return [-c for c in coefficients] if grows else coefficients


def _narrow(lower: list[Fraction | None], upper: list[Fraction | None]) -> None:
    """Pull upper bounds down until the box can be listed."""
    while True:
        sizes = [int(high - low) + 1 for low, high in zip(lower, upper, strict=True)]  # type: ignore[operator]
        if np.prod(sizes) <= _POINTS:
            return
        widest = int(np.argmax(sizes))
        upper[widest] = upper[widest] - 1  # type: ignore[operator]


def _inside(rng: Generator, low: Fraction | None, high: Fraction | None, whole: bool) -> Fraction:
    """A number between bounds; whole if there is one."""
    least = float(low) if low is not None else (float(high) - 5 if high is not None else -5.0)
    most = float(high) if high is not None else least + 8
    value = float(rng.uniform(least, most))
    return Fraction(round(value)) if whole else Fraction(round(value, 2))


def _small(rng: Generator, n: int) -> Numbers:
    return [Fraction(int(v)) for v in rng.integers(-9, 10, n)]


def _positive(rng: Generator, n: int) -> Numbers:
    return [Fraction(int(v)) for v in rng.integers(1, 13, n)]


def _fractions(rng: Generator, n: int) -> Numbers:
    return [Fraction(int(v), int(rng.choice([3, 6, 7, 9]))) for v in rng.integers(-9, 12, n)]


def _one_denominator(rng: Generator, n: int) -> Numbers:
    below = int(rng.choice([3, 6, 7, 9]))
    return [Fraction(int(v), below) for v in rng.integers(-9, 12, n)]


def _decimals(rng: Generator, n: int) -> Numbers:
    return [Fraction(int(v), int(rng.choice([10, 100]))) for v in rng.integers(-99, 100, n)]


def _huge(rng: Generator, n: int) -> Numbers:
    """Whole, 1e6 to 1e9."""
    size = 10.0 ** rng.uniform(6, 9)
    signs = rng.choice([-1, 1], n) if rng.random() < 0.3 else np.ones(n)
    return [Fraction(int(v)) for v in rng.uniform(0.3, 1.0, n) * size * signs]


def _wide(rng: Generator, n: int) -> Numbers:
    """1e-10 to 1e8, within one row."""
    found = 10.0 ** rng.uniform(-10, 8, n) * rng.choice([-1.0, 1.0], n)
    return [Fraction(float(f"{v:.3g}")) for v in found]


def _tiny(rng: Generator, n: int) -> Numbers:
    """All of one size, far from 1."""
    size = 10.0 ** float(rng.choice([-10, -9, -8, -7, -6, 7, 8]))
    return [Fraction(float(f"{v * size:.3g}")) for v in rng.uniform(-9, 9, n)]


def _real(rng: Generator, n: int) -> Numbers:
    return [Fraction(float(v)) for v in rng.normal(size=n)]


STYLES: list[Callable[[Generator, int], Numbers]] = [
    _small, _positive, _fractions, _one_denominator, _one_denominator, _decimals, _huge, _huge, _wide, _tiny, _real
]  # fmt: skip


def _row(rng: Generator, coefficients: Numbers, inside: Numbers) -> Row:
    """A row whose right side lies at, above or just below what the point adds up to."""
    sparse = rng.random(len(coefficients)) < rng.choice([0.0, 0.0, 0.3])
    kept = [Fraction(0) if left_out else c for c, left_out in zip(coefficients, sparse, strict=True)]
    if not any(kept):
        kept = coefficients if any(coefficients) else [Fraction(1)] * len(coefficients)
    total = sum((c * x for c, x in zip(kept, inside, strict=True)), Fraction(0))
    unit = min(abs(c) for c in kept if c)
    unit = min(unit, Fraction(1, max(c.denominator for c in kept)) if unit.denominator < 2**20 else unit)
    if rng.random() < 0.15:
        return Row(tuple(kept), plain(total), equal=True)
    slack = rng.choice(["tight", "below", "above", "wide", "infeasible"], p=[0.3, 0.3, 0.2, 0.15, 0.05])
    size = max(abs(c) for c in kept)
    moved = {
        "tight": Fraction(0),
        "below": -unit,
        "above": unit,
        "wide": size * Fraction(int(rng.integers(1, 8)), 2),
        "infeasible": -size * int(rng.integers(3, 30)),
    }[str(slack)]
    return Row(tuple(kept), plain(total + moved))


def plain(value: Fraction) -> Fraction:
    """A number that users write: a small fraction, or a float."""
    return value if value.denominator <= 1000 else Fraction(float(value))


def _redundant(rng: Generator, rows: list[Row]) -> list[Row]:
    """Now and then a multiple of a row, a row that is implied, or the sum of two."""
    found = []
    if rng.random() < 0.2:
        row = rows[int(rng.integers(len(rows)))]
        factor = Fraction(int(rng.choice([1, 2, 3])), int(rng.choice([1, 1, 3])))
        coefficients = tuple(factor * c for c in row.coefficients)
        if all(c.denominator <= 1000 or c == Fraction(float(c)) for c in coefficients):
            found.append(Row(coefficients, plain(factor * row.right), row.equal))
    if rng.random() < 0.1 and len(rows) > 1:
        one, two = rows[0], rows[-1]
        total = tuple(a + b for a, b in zip(one.coefficients, two.coefficients, strict=True))
        right = one.right + two.right
        if all(c.denominator <= 1000 for c in (*total, right)) and any(total):
            found.append(Row(total, right, one.equal and two.equal))
    return found
