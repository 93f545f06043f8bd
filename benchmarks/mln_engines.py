"""Markov Logic Networks: milliseconds per MAP by engine, to choose one by

Each number is the median over new unaries of a network that is grounded once, to proven optimality; the optima are
compared. A dash stands for no proof within the limit. "auto" is what a user gets who does not choose.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from benchmarks.harness import Claim
from benchmarks.mln_models import ADVISORS, ISING, LINKS, POTTS, RECORDS, department, grid, lines, random_clauses
from benchmarks.mln_resolves import similarity
from imle_mln.engines import AUTO, engines
from imle_mln.solver import MLNSolver, PreparedMLN

Floats = NDArray[np.float64]
ENGINES = (AUTO, *(engine.name for engine in engines() if engine.general))
LIMIT = 6.0
ROWS = 3
GLASS = """
cell = {{1,...,{n}}}
*Same(cell, cell)
*Apart(cell, cell)
On(cell)
0.8 Same(x,y) => (On(x) <=> On(y))
0.8 Apart(x,y) => !(On(x) <=> On(y))
"""


def glass(side: int) -> str:
    """A grid whose neighbours want to be equal or different, at random."""
    rng = np.random.default_rng(0)
    return "".join(line.replace("Next", rng.choice(["Same", "Apart"])) + "\n" for line in grid(side).splitlines())


def models() -> Iterator[tuple[str, str, str | None, Floats | float]]:
    """Name, program, evidence, and means of the unaries."""
    rng = np.random.default_rng(0)
    before = lines("Before", itertools.combinations(range(1, 17), 2))
    yield "Ising 64x64", ISING.format(n=4096), grid(64), 0.0
    yield "spin glass 14x14", GLASS.format(n=196), glass(14), 0.0
    yield "Potts 16x16, 4 labels", POTTS.format(n=256), grid(16), 0.0
    yield "entity resolution, 15 records", RECORDS.format(n=15), None, similarity(15)
    yield "soft transitivity, 16 people", LINKS.format(n=16), before, -0.5
    yield "advisors, 20 people", ADVISORS, department(20), 0.0
    yield "clauses of 3, both signs, 60 atoms", random_clauses(rng, 60, [3] * 180), None, 0.0
    yield "clauses of 3 to 9, both signs, 60 atoms", random_clauses(rng, 60, [*range(3, 10)] * 17), None, 0.0


def timed(problem: PreparedMLN, unary: Floats) -> tuple[float | None, list[float]]:
    """Median seconds, or None if one was not proven; and the optima."""
    weights = problem.grounding.network.clause_weights(problem.grounding.formulas.weights)
    engine = problem.engine()
    engine.solve(unary[0], weights)  # builds what is kept
    seconds, values = [], []
    for row in unary[1:]:
        start = time.perf_counter()
        found = engine.solve(row, weights)
        seconds.append(time.perf_counter() - start)
        if found.status.name != "OPTIMAL":
            return None, values
        values.append(found.objective)
    return statistics.median(seconds), values


def shown(milliseconds: float) -> str:
    """Three digits."""
    return f"{milliseconds:.3g}" if milliseconds < 1000 else f"{milliseconds:,.0f}"


def tables() -> Iterator[Table]:
    """Models by engines."""
    table = Table("model", "atoms", *ENGINES, title="ms per MAP")
    for name, program, evidence, means in models():
        cells, optima = [], []
        for engine in ENGINES:
            problem = MLNSolver(engine=engine, time_limit=LIMIT).prepare(program, evidence)
            assert isinstance(problem, PreparedMLN)
            noise = np.random.default_rng(0).logistic(size=(ROWS + 1, problem.grounding.network.atoms))
            seconds, values = timed(problem, means + noise)
            cells.append("-" if seconds is None else shown(1000 * seconds))
            optima += [values] if seconds is not None else []
        np.testing.assert_allclose(optima, np.broadcast_to(optima[0], np.shape(optima)), rtol=1e-7)
        table.add_row(name, f"{problem.grounding.network.atoms:,}", *cells)
    yield table


def claims() -> list[Claim]:
    """A table to read, not to pass."""
    return []
