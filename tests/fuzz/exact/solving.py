"""Linear and integer programs solved exactly: a simplex method, and branch and bound on top of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from fuzz.exact.model import Program, scaled
from fuzz.exact.tableau import Tableau


@dataclass(frozen=True)
class Answer:
    """How a program ends; "open" if the search was given up."""

    kind: Literal["optimal", "infeasible", "unbounded", "open"]
    value: Fraction | None = None
    point: tuple[Fraction, ...] = ()


class Solver:
    """Many objectives over one program; each call starts from the basis the call before ended with.

    Args:
        program: rows, bounds, integrality.
        nodes: of branch and bound, per call.
    """

    def __init__(self, program: Program, nodes: int = 120) -> None:
        self._program = program = program.inwards()
        self._nodes = nodes
        self._parts: list[tuple[Fraction, tuple[tuple[int, int], ...]]] = []  # x_j = shift + sum of sign * variable
        ends = []
        width = 0
        for lower, upper in zip(program.lower, program.upper, strict=True):
            if lower is not None:
                self._parts.append((lower, ((width, 1),)))
                if upper is not None:
                    ends.append((width, upper - lower))
            elif upper is not None:
                self._parts.append((upper, ((width, -1),)))
            else:
                self._parts.append((Fraction(0), ((width, 1), (width + 1, -1))))
                width += 1
            width += 1
        rows = [self._end(width, *end) for end in ends]
        for row in program.rows:
            rows.append(self._row(width, row.coefficients, row.right))
            if row.equal:
                rows.append(self._row(width, [-c for c in row.coefficients], -row.right))
        self._root = Tableau(rows, width)
        self.feasible = self._root.repair()

    def _end(self, width: int, label: int, most: Fraction) -> list[int]:
        row = [0] * (width + 1)
        row[label], row[-1] = most.denominator, most.numerator
        return row

    def _row(self, width: int, coefficients: Sequence[Fraction], right: Fraction) -> list[int]:
        found = [Fraction(0)] * width
        for coefficient, (shift, parts) in zip(coefficients, self._parts, strict=True):
            right -= coefficient * shift
            for label, sign in parts:
                found[label] = sign * coefficient
        return scaled([*found, right])[0]

    def minimise(self, costs: Sequence[Fraction], *, relaxed: bool = False) -> Answer:
        """The best point for the costs `[n]`; `relaxed` leaves integrality out."""
        if not self.feasible:
            return Answer("infeasible")
        whole, factor = scaled(costs)
        weights: dict[int, int] = {}
        for cost, (_, parts) in zip(whole, self._parts, strict=True):
            for label, sign in parts:
                weights[label] = cost * sign
        self._root.price(weights)
        limited = self._root.improve()
        integers = [] if relaxed else [j for j, integer in enumerate(self._program.integer) if integer]
        if not limited:
            found = self.minimise([Fraction(0)] * len(costs)).kind if integers else "optimal"
            return Answer(
                "unbounded" if found == "optimal" else found
            )  # the data are rational: the ray has whole points
        constant = sum((c * shift for c, (shift, _) in zip(costs, self._parts, strict=True)), Fraction(0))
        if not integers:
            value = Fraction(self._root.costs[-1], self._root.denominator * factor) + constant
            return Answer("optimal", value, self._point(self._root))
        best, ended = self._search(integers)
        if best is None:
            return Answer("infeasible" if ended else "open")
        point = self._point(best)
        value = sum((c * x for c, x in zip(costs, point, strict=True)), Fraction(0))
        return Answer("optimal" if ended else "open", value, point)

    def _search(self, integers: list[int]) -> tuple[Tableau | None, bool]:
        """Depth first. The best dictionary, and whether the search came to its end."""
        best: Tableau | None = None
        todo = [self._root.copy()]
        for _ in range(self._nodes):
            if not todo:
                return best, True
            node = todo.pop()
            if not node.repair():
                continue
            if best is not None and node.costs[-1] * best.denominator >= best.costs[-1] * node.denominator:
                continue
            branches = self._branches(node, integers)
            if branches:
                todo += branches
            else:
                best = node
        return best, not todo

    def _branches(self, node: Tableau, integers: list[int]) -> list[Tableau]:
        """Both sides of the variable furthest from a whole number, the nearer one last; none if all are whole."""
        point = self._point(node)
        away = [abs(point[j] - round(point[j])) for j in integers]
        most = max(range(len(integers)), key=away.__getitem__)
        if away[most] == 0:
            return []
        variable = integers[most]
        floor = math.floor(point[variable])
        sides = [self._side(node, variable, -1, -floor), self._side(node, variable, 1, floor + 1)]
        return sides if point[variable] - floor >= Fraction(1, 2) else sides[::-1]

    def _side(self, node: Tableau, variable: int, sign: int, least: int) -> Tableau:
        """A copy with `sign * x >= least`."""
        side = node.copy()
        shift, parts = self._parts[variable]
        row = side.expression({label: sign * own for label, own in parts})
        row[-1] += int(sign * shift - least) * side.denominator  # bounds of integer variables are whole
        side.add(row)
        return side

    def _point(self, tableau: Tableau) -> tuple[Fraction, ...]:
        values = {
            label: Fraction(row[-1], tableau.denominator)
            for label, row in zip(tableau.basis, tableau.rows, strict=True)
        }
        return tuple(
            shift + sum((sign * values.get(label, Fraction(0)) for label, sign in parts), Fraction(0))
            for shift, parts in self._parts
        )
