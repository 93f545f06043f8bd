"""Small linear programs by the simplex method on a dense tableau, and the proof that what it finds is optimal.

Constraint rows are variables, too: number n + i is what row i adds up to, between the row's ends. All that the rows say
is then `basic = tableau @ nonbasic`, and nonbasic variables are at one of their bounds, or at 0 where they have none.

The dual simplex method comes first, without costs that would lead to a bound that is not there; from the feasible basis
that it finds, the primal one goes on with all costs. Nothing of that is believed: point and duals are computed anew
from the basis and the data as they were given, and no point is better by more than their values differ.
"""

from __future__ import annotations

import numpy as np

from imle.solvers.compiled import Floats, Longs, compiled

FEASIBLE = 1e-9
"""How far variables may be over their bounds, relative to their size, and rows over their ends, to their terms."""
REDUCED = 1e-11
"""Reduced costs up to this size are zero, the largest cost being 1."""
PIVOT = 1e-7
"""Pivots have to be larger; coefficients are about 1."""
ROUNDING = 1e-12
"""Reduced costs that are less than this share of their terms are zero in the proof, as `imle_linear.duals` has it."""
GAP = 1e-10
"""How far the values of point and duals may be apart, relative to the largest cost, or to the value."""
STEPS = 10
"""For each row and variable; the simplex method takes two or so, unless it goes round in circles."""


@compiled
def minimise(
    matrix: Floats,
    row_factors: Floats,
    factors: Floats,
    costs: Floats,
    lower: Floats,
    upper: Floats,
    least: Floats,
    most: Floats,
    point: Floats,
    duals: Floats,
) -> bool:
    """Minimise `costs @ x` over `lower <= matrix @ x <= upper` and `least <= x <= most`.

    Args:
        matrix: `[m, n]`.
        row_factors, factors: `[m]` and `[n]` powers of two that bring rows and columns to one size.
        costs: `[n]`.
        lower, upper: `[m]`.
        least, most: `[n]`.
        point: `[n]` written.
        duals: `[m]` written: how much the optimum grows with one more unit of both ends of a row.

    Returns:
        whether the point is proven optimal. If it is not, nothing is known.
    """
    m, n = matrix.shape
    tableau, scaled = np.empty((m + 1, n)), np.zeros(n + m)
    low, high, x = np.empty(n + m), np.empty(n + m), np.empty(n + m)
    largest = 1e-300
    for j in range(n):
        scaled[j], low[j], high[j] = costs[j] * factors[j], least[j] / factors[j], most[j] / factors[j]
        largest = max(largest, abs(scaled[j]))
    for j in range(n):
        scaled[j] /= largest
    for i in range(m):
        low[n + i], high[n + i] = lower[i] * row_factors[i], upper[i] * row_factors[i]
        for j in range(n):
            tableau[i, j] = matrix[i, j] * row_factors[i] * factors[j]
    basic, nonbasic = np.arange(n, n + m), np.arange(n)
    begin(tableau, scaled, low, high, x)
    if not dual_simplex(tableau, basic, nonbasic, low, high, x):
        return False
    for j in range(n):
        tableau[m, j] = scaled[nonbasic[j]]
        for i in range(m):
            tableau[m, j] += scaled[basic[i]] * tableau[i, j]
    if not primal_simplex(tableau, basic, nonbasic, low, high, x):
        return False
    vertex(matrix, row_factors, factors, costs, lower, upper, least, most, basic, nonbasic, x, low, point, duals)
    return proven(matrix, costs, lower, upper, least, most, point, duals)


@compiled
def begin(tableau: Floats, costs: Floats, low: Floats, high: Floats, x: Floats) -> None:
    """Each variable at the bound that is best for its costs; without them, if that one is infinite.

    Args:
        tableau: `[m + 1, n]`; the last row, which are reduced costs, is written.
        costs, low, high: `[n + m]`.
        x: `[n + m]` written.
    """
    m, n = len(tableau) - 1, tableau.shape[1]
    x[n:] = 0.0
    for j in range(n):
        tableau[m, j], x[j] = costs[j], high[j] if costs[j] < 0.0 else low[j]
        if not np.isfinite(x[j]):
            tableau[m, j], x[j] = 0.0, low[j] if costs[j] < 0.0 else high[j]
        if not np.isfinite(x[j]):
            x[j] = 0.0
    for i in range(m):
        for j in range(n):
            x[n + i] += tableau[i, j] * x[j]


@compiled
def dual_simplex(tableau: Floats, basic: Longs, nonbasic: Longs, low: Floats, high: Floats, x: Floats) -> bool:
    """Pivot from reduced costs of the right signs to a feasible basis; whether one was found.

    Args:
        tableau: `[m + 1, n]`, the last row being reduced costs. It is changed, and so is all but the bounds.
        basic, nonbasic: `[m]` and `[n]` variables.
        low, high: `[n + m]`.
        x: `[n + m]`.
    """
    m, n = len(basic), len(nonbasic)
    ratios = np.empty(n)
    for _ in range(STEPS * (m + n)):
        leaving, worst = -1, 0.0  # the row that is broken most, by the distance to where it holds
        for i in range(m):
            over = max(low[basic[i]] - x[basic[i]], x[basic[i]] - high[basic[i]])
            if over > FEASIBLE * max(1.0, abs(x[basic[i]])):
                steepness = 1.0
                for j in range(n):
                    steepness += tableau[i, j] ** 2
                if over * over > worst * steepness:
                    leaving, worst = i, over * over / steepness
        if leaving < 0:
            return True
        out = basic[leaving]
        up = x[out] < low[out]
        bound = low[out] if up else high[out]
        for j in range(n):
            k, slope = nonbasic[j], tableau[leaving, j] if up else -tableau[leaving, j]
            helps = (slope > PIVOT and x[k] < high[k]) or (slope < -PIVOT and x[k] > low[k])
            ratios[j] = abs(tableau[m, j] / slope) if helps else np.inf
        while True:  # variables go from bound to bound, the cheapest first, as long as that does not mend the row
            j = cheapest(ratios, tableau[leaving])
            if j < 0:
                return False
            k = nonbasic[j]
            end = high[k] if x[k] == low[k] else low[k]
            if not abs((end - x[k]) * tableau[leaving, j]) < abs(bound - x[out]) - FEASIBLE * max(1.0, abs(x[out])):
                break
            move(tableau, basic, nonbasic, x, j, end - x[k])
            x[k], ratios[j] = end, np.inf
        move(tableau, basic, nonbasic, x, j, (bound - x[out]) / tableau[leaving, j])
        x[out] = bound
        exchange(tableau, basic, nonbasic, leaving, j)
    return False


@compiled
def cheapest(ratios: Floats, row: Floats) -> int:
    """Where the least ratio is, -1 if all are infinite; of several, where the row is steepest, for large pivots."""
    best = -1
    for j in range(len(ratios)):
        if ratios[j] < np.inf:
            equal = best >= 0 and abs(ratios[j] - ratios[best]) <= REDUCED
            if best < 0 or (abs(row[j]) > abs(row[best]) if equal else ratios[j] < ratios[best]):
                best = j
    return best


@compiled
def primal_simplex(tableau: Floats, basic: Longs, nonbasic: Longs, low: Floats, high: Floats, x: Floats) -> bool:
    """Pivot from a feasible basis to an optimal one; whether one was found. See `dual_simplex`."""
    m, n = len(basic), len(nonbasic)
    for _ in range(STEPS * (m + n)):
        entering, best = -1, REDUCED
        for j in range(n):
            reduced, k = tableau[m, j], nonbasic[j]
            if abs(reduced) > best and (x[k] < high[k] if reduced < 0.0 else x[k] > low[k]):
                entering, best = j, abs(reduced)
        if entering < 0:
            return True
        k = nonbasic[entering]
        sign = 1.0 if tableau[m, entering] < 0.0 else -1.0
        leaving, room, pivot = -1, high[k] - low[k], np.inf
        for i in range(m):
            slope, own = sign * tableau[i, entering], basic[i]
            if abs(slope) > PIVOT:
                left = max(high[own] - x[own] if slope > 0.0 else x[own] - low[own], 0.0) / abs(slope)
                if left < room - FEASIBLE or (left <= room + FEASIBLE and abs(slope) > pivot):
                    leaving, room, pivot = i, left, abs(slope)
        if room == np.inf:
            return False
        move(tableau, basic, nonbasic, x, entering, sign * room)
        if leaving < 0:
            x[k] = high[k] if sign > 0.0 else low[k]
        else:
            out = basic[leaving]
            x[out] = high[out] if sign * tableau[leaving, entering] > 0.0 else low[out]
            exchange(tableau, basic, nonbasic, leaving, entering)
    return False


@compiled
def move(tableau: Floats, basic: Longs, nonbasic: Longs, x: Floats, j: int, step: float) -> None:
    """Move a nonbasic variable, and basic ones with it."""
    x[nonbasic[j]] += step
    for i in range(len(basic)):
        x[basic[i]] += tableau[i, j] * step


@compiled
def exchange(tableau: Floats, basic: Longs, nonbasic: Longs, i: int, j: int) -> None:
    """Make a basic variable nonbasic, and the other way round."""
    basic[i], nonbasic[j] = nonbasic[j], basic[i]
    row = tableau[i]
    pivot = row[j]
    row[j] = -1.0
    for k in range(len(row)):
        row[k] /= -pivot
    for at in range(len(tableau)):
        other = tableau[at]
        factor = other[j]
        if at != i and factor != 0.0:
            other[j] = 0.0
            for k in range(len(row)):
                other[k] += factor * row[k]


@compiled
def vertex(
    matrix: Floats,
    row_factors: Floats,
    factors: Floats,
    costs: Floats,
    lower: Floats,
    upper: Floats,
    least: Floats,
    most: Floats,
    basic: Longs,
    nonbasic: Longs,
    x: Floats,
    low: Floats,
    point: Floats,
    duals: Floats,
) -> None:
    """Point and duals of a basis, from the data: of a singular one, whatever comes out."""
    n = matrix.shape[1]
    columns, rows, size = np.empty(n, np.int64), np.empty(n, np.int64), 0
    for k in basic:
        if k < n:
            columns[size] = k
            size += 1
    size = 0
    for k in nonbasic:
        if k < n:
            point[k] = least[k] if x[k] == low[k] else (most[k] if np.isfinite(most[k]) else 0.0)
        else:  # as many rows are at one of their ends as there are basic variables to solve them for
            rows[size] = k - n
            size += 1
    system, transposed = np.empty((size, size + 1)), np.empty((size, size + 1))
    for a in range(size):
        i = rows[a]
        side = lower[i] if x[n + i] == low[n + i] else upper[i]
        for k in nonbasic:
            if k < n:
                side -= matrix[i, k] * point[k]
        system[a, size] = side * row_factors[i]
        transposed[a, size] = costs[columns[a]] * factors[columns[a]]
        for b in range(size):
            transposed[b, a] = system[a, b] = matrix[i, columns[b]] * row_factors[i] * factors[columns[b]]
    eliminate(system)
    eliminate(transposed)
    duals[:] = 0.0
    largest = 0.0
    for a in range(size):
        largest = max(largest, abs(transposed[a, size]))
    for a in range(size):
        point[columns[a]] = system[a, size] * factors[columns[a]]
        if abs(transposed[a, size]) > ROUNDING * largest:  # what is less than that is nothing but round-off
            duals[rows[a]] = transposed[a, size] * row_factors[rows[a]]


@compiled
def eliminate(system: Floats) -> None:
    """Solve `system[:, :-1] @ x = system[:, -1]` by Gaussian elimination with partial pivoting; x is written there."""
    size = len(system)
    for a in range(size):
        best = a
        for b in range(a + 1, size):
            if abs(system[b, a]) > abs(system[best, a]):
                best = b
        if system[best, a] == 0.0:
            system[0, size] = np.nan
            return
        for c in range(a, size + 1):
            system[a, c], system[best, c] = system[best, c], system[a, c]
        for b in range(a + 1, size):
            factor = system[b, a] / system[a, a]
            for c in range(a, size + 1):
                system[b, c] -= factor * system[a, c]
    for a in range(size - 1, -1, -1):
        for b in range(a + 1, size):
            system[a, size] -= system[a, b] * system[b, size]
        system[a, size] /= system[a, a]


@compiled
def proven(
    matrix: Floats,
    costs: Floats,
    lower: Floats,
    upper: Floats,
    least: Floats,
    most: Floats,
    point: Floats,
    duals: Floats,
) -> bool:
    """Whether a point is feasible, and the value of duals says that none is better. Both are cleared of round-off."""
    m, n = matrix.shape
    for j in range(n):
        inside = min(max(point[j], least[j]), most[j])
        if not abs(point[j] - inside) <= FEASIBLE * max(1.0, abs(inside)):  # nan is not, either
            return False
        point[j] = inside
    gap, value, largest = 0.0, 0.0, 0.0
    for i in range(m):
        total, slack = 0.0, 0.0
        for j in range(n):
            total += matrix[i, j] * point[j]
            slack = max(slack, FEASIBLE * abs(matrix[i, j] * point[j]), ROUNDING * abs(matrix[i, j]))
        if not (lower[i] - total <= slack and total - upper[i] <= slack):
            return False
        end = lower[i] if duals[i] > 0.0 else upper[i]
        if np.isinf(end):
            duals[i] = 0.0
        elif duals[i] != 0.0:
            gap += abs(duals[i] * (total - end))
    for j in range(n):
        reduced, size = costs[j], abs(costs[j])
        for i in range(m):
            reduced -= matrix[i, j] * duals[i]
            size += abs(matrix[i, j] * duals[i])
        if abs(reduced) > ROUNDING * size:
            gap += abs(reduced * (point[j] - (least[j] if reduced > 0.0 else most[j])))  # endless without a bound there
        value += costs[j] * point[j]
        largest = max(largest, abs(costs[j]))
    return gap <= GAP * max(largest, abs(value))
