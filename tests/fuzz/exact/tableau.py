"""The simplex method over whole numbers (Edmonds' fraction-free pivots) with Bland's rule: always exact, always ends.

Basic variables are `b - A x` of the others, all at least 0. Rows hold A and then b, times the common denominator.
"""

from __future__ import annotations


class Tableau:
    """A dictionary of a linear program.

    Args:
        rows: `A` and `b` of each row, whole numbers.
        width: how many variables the rows are over; they are 0 to width - 1, the rows' own follow.
    """

    def __init__(self, rows: list[list[int]], width: int) -> None:
        self.rows = rows
        self.denominator = 1
        self.outside = list(range(width))
        self.basis = list(range(width, width + len(rows)))
        self.costs = [0] * (width + 1)
        self._labels = width + len(rows)

    def copy(self) -> Tableau:
        """One that can be changed on its own."""
        twin = object.__new__(Tableau)
        twin.rows = [row[:] for row in self.rows]
        twin.denominator = self.denominator
        twin.outside, twin.basis, twin.costs = self.outside[:], self.basis[:], self.costs[:]
        twin._labels = self._labels
        return twin

    def expression(self, weights: dict[int, int]) -> list[int]:
        """`b - A x` of a weighted sum of variables, as a row."""
        found = [0] * (len(self.outside) + 1)
        for place, label in enumerate(self.outside):
            found[place] = -weights.get(label, 0) * self.denominator
        for label, row in zip(self.basis, self.rows, strict=True):
            weight = weights.get(label, 0)
            if weight:
                found = [old + weight * new for old, new in zip(found, row, strict=True)]
        return found

    def add(self, row: list[int]) -> None:
        """A row in terms of the variables that are outside now."""
        self.rows.append(row)
        self.basis.append(self._labels)
        self._labels += 1

    def price(self, weights: dict[int, int]) -> None:
        """The objective: a weighted sum of variables, to be minimised."""
        self.costs = self.expression(weights)

    def repair(self) -> bool:
        """The dual simplex method, from a dictionary whose costs are optimal (or 0); False if nothing is feasible."""
        while True:
            broken = [(label, place) for place, label in enumerate(self.basis) if self.rows[place][-1] < 0]
            if not broken:
                return True
            leaving = min(broken)[1]
            row, costs, best = self.rows[leaving], self.costs, -1
            for place, entry in enumerate(row[:-1]):
                if entry < 0 and (best < 0 or self._closer(costs[place], entry, place, costs[best], row[best], best)):
                    best = place
            if best < 0:
                return False
            self._pivot(leaving, best)

    def _closer(self, cost: int, entry: int, place: int, best_cost: int, best_entry: int, best: int) -> bool:
        """Whether cost / entry is less than that of the best so far; the smaller label decides ties."""
        one, other = cost * best_entry, best_cost * entry
        return one < other or (one == other and self.outside[place] < self.outside[best])

    def improve(self) -> bool:
        """The primal simplex method, from a feasible dictionary; False if there is no limit."""
        while True:
            better = [(label, place) for place, label in enumerate(self.outside) if self.costs[place] > 0]
            if not better:
                return True
            entering = min(better)[1]
            best = -1
            for place, row in enumerate(self.rows):
                if row[entering] > 0 and (best < 0 or self._first(place, best, entering)):
                    best = place
            if best < 0:
                return False
            self._pivot(best, entering)

    def _first(self, place: int, best: int, column: int) -> bool:
        row, other = self.rows[place], self.rows[best]
        one, two = row[-1] * other[column], other[-1] * row[column]
        return one < two or (one == two and self.basis[place] < self.basis[best])

    def _pivot(self, leaving: int, entering: int) -> None:
        pivot_row, old = self.rows[leaving], self.denominator
        pivot = pivot_row[entering]
        rows = [
            row if place == leaving else _changed(row, pivot_row, pivot, entering, old)
            for place, row in enumerate(self.rows)
        ]
        costs = _changed(self.costs, pivot_row, pivot, entering, old)
        rows[leaving] = pivot_row[:]
        rows[leaving][entering] = old
        if pivot < 0:  # the denominator stays positive
            rows = [[-entry for entry in row] for row in rows]
            costs = [-entry for entry in costs]
        self.rows, self.costs, self.denominator = rows, costs, abs(pivot)
        self.basis[leaving], self.outside[entering] = self.outside[entering], self.basis[leaving]


def _changed(row: list[int], pivot_row: list[int], pivot: int, column: int, old: int) -> list[int]:
    factor = row[column]
    if factor:
        found = [(entry * pivot - factor * other) // old for entry, other in zip(row, pivot_row, strict=True)]
    else:
        found = [entry * pivot // old for entry in row]
    found[column] = -factor
    return found
