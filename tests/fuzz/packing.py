"""Knapsacks, assignments, subsets, flows and CP-SAT models, all listed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from fuzz.case import Case, Floats, literal
from fuzz.exact.model import Program, Row
from fuzz.journeys import journey
from fuzz.programs import drawing
from fuzz.programs.points import box, listed
from fuzz.sets import ROWS, case, senses

Generator = np.random.Generator
Ints = NDArray[np.int64]


def knapsack(target: str, rng: Generator) -> Case:
    """Weights of all kinds, capacities that some subset meets, or misses by one unit; some rows with capacities, or
    with weights, of their own."""
    n, m = int(rng.integers(1, 9)), int(rng.integers(1, 4))
    style = drawing.STYLES[int(rng.integers(len(drawing.STYLES)))]
    weights = [[abs(c) for c in style(rng, n)] for _ in range(m)]
    if rng.random() < 0.5:
        kinds = [weights] * 3
    else:
        styles = [style, *(drawing.STYLES[int(number)] for number in rng.integers(0, len(drawing.STYLES), 2))]
        kinds = [[[abs(c) for c in own(rng, n)] for _ in range(m)] for own in styles]
    capacities = [[_capacity(rng, row) for row in own] for own in kinds]
    truths = []
    for heavy, own in zip(kinds, capacities, strict=True):
        rows = tuple(Row(tuple(row), right) for row, right in zip(heavy, own, strict=True))
        program = Program(rows, (Fraction(0),) * n, (Fraction(1),) * n, (True,) * n)
        truths.append(listed(program, list(range(n)), [0.0] * n, -1))
    which = rng.integers(0, 3, ROWS) if rng.random() < 0.5 else None
    given = {
        "weights": [[[float(w) for w in row] for row in own] for own in kinds],
        "capacity": [[float(right) for right in own] for own in capacities],
    }
    instance = {name: literal(values[0]) for name, values in given.items() if which is None or rng.random() < 0.7}
    own_rows = [name for name in given if name not in instance or name == "capacity" or kinds[1] is not kinds[0]]
    attractive = np.array([float(w) for w in kinds[0][0]])
    attractive = attractive / (attractive.max() or 1.0) * 64
    objectives = journey(rng, n, ROWS, best=lambda c: np.ones(n), attractive=attractive, sign=-1)
    return Case(
        solver=target.split("/")[1],
        options={},
        instance=instance,
        objectives=objectives,
        truths=truths,
        which=which,
        rows={} if which is None else {name: [given[name][kind] for kind in which.tolist()] for name in own_rows},
        way="layer" if rng.random() < 0.25 else "prepared",
    )


def _capacity(rng: Generator, weights: list[Fraction]) -> Fraction:
    chosen = [w for w in weights if rng.random() < 0.5]
    unit = min([w for w in weights if w], default=Fraction(1)) / 1000
    unit = Fraction(1) if all(w.denominator == 1 for w in weights) else unit
    total = sum(chosen, Fraction(0)) + int(rng.choice([-1, 0, 0, 1])) * unit
    return drawing.plain(max(total, Fraction(0)))


def assignment(target: str, rng: Generator) -> Case:
    """Complete ones; some with prices for objects left unmatched, some with sizes per row."""
    n, m = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    allowed = rng.random((n, m)) < rng.choice([0.7, 1.0])
    options = senses(rng)
    instance = {} if allowed.all() and rng.random() < 0.7 else {"allowed": f"np.array({literal(allowed)})"}
    prices = None
    if rng.random() < 0.4:
        prices = rng.integers(-4, 5, int(rng.choice([1, 2, n + m]))).astype(float)
        instance["unmatched"] = literal(prices)
    padded = rng.random() < 0.4
    sizes = [(int(rng.integers(0, n + 1)), int(rng.integers(0, m + 1))) for _ in range(3)] if padded else [(n, m)]
    found = [_matchings(rows, columns, allowed, prices) for rows, columns in sizes]
    sets = [pairs for pairs, _ in found]
    which = rng.integers(0, 3, ROWS) if padded else None
    return case(
        rng,
        target.split("/")[1],
        options,
        instance,
        sets,
        shape=(n, m),
        fixed=None if prices is None else [terms for _, terms in found],
        which=which,
        rows=None if which is None else {"sizes": [sizes[kind] for kind in which.tolist()]},
    )


def _matchings(rows: int, columns: int, allowed: NDArray[np.bool_], prices: Floats | None) -> tuple[Floats, Floats]:
    """Matchings of the first rows and columns, complete where there are no prices, and what unmatched objects add."""
    (n, m), few = allowed.shape, min(rows, columns)
    if prices is not None:
        ends = prices if len(prices) > 2 else np.repeat(prices[[0, -1]], (n, m))
    points, terms = [], []
    for pairs in range(few if prices is None else 0, few + 1):
        for first in itertools.combinations(range(rows), pairs):
            for second in itertools.permutations(range(columns), pairs):
                chosen = np.zeros((n, m))
                chosen[first, second] = 1
                if (chosen > allowed).any():
                    continue
                points.append(chosen)
                alone = np.concatenate([1 - chosen.sum(axis=1), 1 - chosen.sum(axis=0)])
                alone[[*range(rows, n), *range(n + columns, n + m)]] = 0
                terms.append(0.0 if prices is None else float(alone @ ends))
    return np.array(points).reshape(-1, n, m), np.array(terms)


def topk(target: str, rng: Generator) -> Case:
    """Of vectors, or of each column of a matrix."""
    n, columns = int(rng.integers(1, 8)), 1 if rng.random() < 0.7 else 2
    n = min(n, 4) if columns > 1 else n
    every = np.array(list(itertools.product([0.0, 1.0], repeat=n)))
    sizes = rng.integers(0, n + 1, 3).tolist()
    sets, options = [every[every.sum(axis=1) == size] for size in sizes], {}
    if columns > 1:
        sets, options = (
            [np.array([np.stack(pair, axis=1) for pair in itertools.product(s, s)]) for s in sets],
            {"dim": -2},
        )
    if rng.random() < 0.5:
        return case(rng, target.split("/")[1], options, {"k": str(sizes[0])}, sets[:1])
    which = rng.integers(0, 3, ROWS)
    rows = {"k": [sizes[kind] for kind in which.tolist()]}
    return case(rng, target.split("/")[1], options, {}, sets, which=which, rows=rows)


def subset(target: str, rng: Generator) -> Case:
    n = int(rng.integers(1, 8))
    every = np.array(list(itertools.product([0.0, 1.0], repeat=n)))
    limits = [sorted(ends) for ends in rng.integers(0, n + 1, (3, 2)).tolist()]
    sets = [every[(every.sum(axis=1) >= low) & (every.sum(axis=1) <= high)] for low, high in limits]
    if rng.random() < 0.5:
        instance = dict(zip(("at_least", "at_most"), map(str, limits[0]), strict=True))
        return case(rng, target.split("/")[1], {}, instance, sets[:1])
    which = rng.integers(0, 3, ROWS)
    rows = {name: [limits[kind][end] for kind in which.tolist()] for end, name in enumerate(("at_least", "at_most"))}
    return case(rng, target.split("/")[1], {}, {}, sets, which=which, rows=rows)


def ranking(target: str, rng: Generator) -> Case:
    """Some rows with lengths of their own."""
    n, options = int(rng.integers(1, 6)), senses(rng)
    lengths = rng.integers(0, n + 1, 3).tolist() if rng.random() < 0.5 else [n]
    sets = [
        np.array([[*order, *[0.0] * (n - length)] for order in itertools.permutations(np.arange(1.0, length + 1))])
        for length in lengths
    ]
    if len(lengths) == 1:
        return case(rng, target.split("/")[1], options, {}, sets)
    which = rng.integers(0, 3, ROWS)
    rows = {"lengths": [lengths[kind] for kind in which.tolist()]}
    return case(rng, target.split("/")[1], options, {}, sets, which=which, rows=rows)


def ranking_matrix(target: str, rng: Generator) -> Case:
    n = int(rng.integers(1, 5))
    orders = np.array(list(itertools.permutations(range(n))))
    points = np.concatenate([orders + 1, np.eye(n)[orders].reshape(-1, n * n)], axis=1)
    drawn = case(rng, target.split("/")[1], {}, {"n": str(n)}, [points])
    return replace(drawn, way="prepared")  # a layer takes blocks


def flow(target: str, rng: Generator) -> Case:
    """Some rows with capacities and supplies of their own."""
    nodes, arcs = int(rng.integers(2, 5)), int(rng.integers(1, 7))
    tails, heads = rng.integers(0, nodes, (2, arcs))
    networks = [_network(rng, nodes, tails, heads) for _ in range(3)]
    ends = {"tails": literal(tails), "heads": literal(heads)}
    given = {"capacities": [own[0] for own in networks], "supplies": [own[1] for own in networks]}
    points = [own[2] for own in networks]
    if rng.random() < 0.5:
        instance = ends | {name: literal(values[0]) for name, values in given.items()}
        return case(rng, target.split("/")[1], {}, instance, points[:1], shape=(arcs,))
    which = rng.integers(0, 3, ROWS)
    instance = ends | {name: literal(values[0]) for name, values in given.items() if rng.random() < 0.5}
    rows = {name: [values[kind].tolist() for kind in which.tolist()] for name, values in given.items()}
    return case(rng, target.split("/")[1], {}, instance, points, shape=(arcs,), which=which, rows=rows)


def _network(rng: Generator, nodes: int, tails: Ints, heads: Ints) -> tuple[Ints, Ints, Floats]:
    """Capacities, supplies that mostly can be met, and all flows that do so."""
    capacities = rng.integers(0, 4, len(tails))
    every = np.array(list(itertools.product(*(range(int(most) + 1) for most in capacities))))
    net = np.zeros((len(every), nodes), np.int64)
    for arc in range(len(tails)):
        net[:, tails[arc]] += every[:, arc]
        net[:, heads[arc]] -= every[:, arc]
    supplies = net[int(rng.integers(len(every)))]
    if rng.random() < 0.1:
        supplies = rng.permutation(supplies)
    return capacities, supplies, every[(net == supplies).all(axis=1)].astype(float)


def cp_sat(target: str, rng: Generator) -> Case:
    """Linear constraints and implications; some variables have coefficients that are not learned."""
    n = int(rng.integers(2, 6))
    options = senses(rng)
    lower = [int(v) for v in rng.integers(-3, 2, n)]
    upper = [low + int(v) for low, v in zip(lower, rng.integers(0, 5, n), strict=True)]
    program = Program((), tuple(map(Fraction, lower)), tuple(map(Fraction, upper)), (True,) * n)
    points = box(program)
    lines = ["from ortools.sat.python import cp_model", "model = cp_model.CpModel()"]
    ends = list(zip(lower, upper, strict=True))
    lines.append(f'x = [model.new_int_var(low, high, f"x{{i}}") for i, (low, high) in enumerate({ends!r})]')
    inside = points[int(rng.integers(len(points)))]
    for _ in range(int(rng.integers(1, 4))):
        coefficients = rng.integers(-9, 10, n)
        right = int(coefficients @ inside) + int(rng.integers(-1, 3))
        lines.append(f"model.add(sum(c * v for c, v in zip({coefficients.tolist()}, x)) <= {right})")
        points = points[points @ coefficients <= right]
    if rng.random() < 0.3:
        lines.append("model.add_all_different(x[:2])")
        points = points[points[:, 0] != points[:, 1]]
    learned = sorted(rng.permutation(n)[: int(rng.integers(1, n + 1))].tolist())
    costs = rng.integers(-9, 10, n)
    costs[learned] = 0
    if costs.any():
        to = "minimize" if options["sense"] == "min" else "maximize"
        lines.append(f"model.{to}(sum(c * v for c, v in zip({costs.tolist()}, x)))")
    lines.append(f"learned = [x[i] for i in {learned}]")
    shown, fixed = _projected(points, learned, (points @ costs).astype(float), 1 if options["sense"] == "min" else -1)
    return case(
        rng,
        target.split("/")[1],
        options,
        {"model": "model", "variables": "learned"},
        [shown],
        shape=(len(learned),),
        fixed=[fixed],
        setup="\n".join(lines),
    )


def _projected(points: Floats, learned: list[int], fixed: Floats, sign: int) -> tuple[Floats, Floats]:
    """Learned parts of points, each once, with its best fixed term."""
    order = np.argsort(sign * fixed, kind="stable")
    shown, first = np.unique(points[order][:, learned], axis=0, return_index=True)
    return shown.astype(float), fixed[order][first]


DRAWS: dict[str, Callable[[str, Generator], Case]] = {
    "packing/knapsack": knapsack,
    "packing/assignment": assignment,
    "packing/scipy-assignment": assignment,
    "packing/topk": topk,
    "packing/subset": subset,
    "packing/ranking": ranking,
    "packing/ranking-matrix": ranking_matrix,
    "packing/ortools-min-cost-flow": flow,
    "packing/ortools-cp-sat": cp_sat,
}
