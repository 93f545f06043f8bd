"""Markov Logic Networks: MAP of a ground network again and again, for new unaries, against plain MIPs

Values are compared before anything is timed. A bound on solves per second is shown as seconds.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Claim, race
from benchmarks.mln_models import ADVISORS, ISING, LINKS, POTTS, RECORDS, department, grid, lines, random_clauses
from benchmarks.mln_references import PlainMIP, bound
from imle_mln.solver import MLNSolver, PreparedMLN

Floats = NDArray[np.float64]


def objectives(solver: PreparedMLN, means: Floats | float, noise: float, rows: int) -> Floats:
    """The program's weights, and unaries with logistic noise."""
    rng = np.random.default_rng(0)
    made = np.empty((rows, *solver.objective_shape))
    made[:, : solver.formulas] = solver.grounding.formulas.weights
    made[:, solver.formulas :] = means + noise * rng.logistic(size=made[:, solver.formulas :].shape)
    return made


def resolves(
    name: str,
    program: str,
    evidence: str | None,
    per_second: float,
    means: Floats | float = 0.0,
    *,
    noise: float = 1.0,
    rebuilt: float | None = 10.0,
    rows: int = 16,
    few: int = 2,
) -> list[Claim]:
    """Solves per row with new unaries, against a bound, a MIP built for each row, and one that is kept."""
    solver = MLNSolver().prepare(program, evidence)
    network, weights = solver.grounding.network, solver.grounding.formulas.weights
    given = objectives(solver, means, noise, rows)
    unary = given[:few, solver.formulas :]
    values = solver.solve(given).values
    assert values is not None
    kept = PlainMIP(network, weights)
    generic = MLNSolver(engine="highs").prepare(program, evidence)

    def scratch() -> list[float]:
        return [PlainMIP(network, weights).solve(row) for row in unary]

    def generic_scratch() -> list[float]:
        clause = generic.grounding.network.clause_weights(weights)
        return [generic.engine().solve(row, clause).objective + float(network.constants @ weights) for row in unary]

    for reference in (scratch(), generic_scratch(), [kept.solve(row) for row in unary]):
        np.testing.assert_allclose(values[:few] + solver.decided @ weights, reference, rtol=1e-4)
    times = race(
        {
            "ours": lambda: solver.solve(given),
            "scratch": scratch,
            "generic": generic_scratch,
            "kept": lambda: [kept.solve(row) for row in unary],
        },
        rounds=3,
        warmups=0,
    )
    ours = times.pop("ours") / rows
    results = [bound(f"{name}: re-solve", ours, 1 / per_second, f"bound {per_second:g}/s, now {1 / ours:.0f}/s")]
    if rebuilt is not None:
        results += [
            Claim(f"{name}: vs {what}", ours, times[key] / few, target=target, note="per row")
            for key, what, target in (
                ("scratch", "a plain MIP, rebuilt", rebuilt),
                ("kept", "a plain MIP, new costs", 5.0),
                ("generic", 'engine="highs", rebuilt', 1.0),
            )
        ]
    return results


def similarity(n: int) -> Floats:
    """Unaries of `Same`: groups of three."""
    group = np.arange(n) // 3
    return np.where(group[:, None] == group, 1.0, -1.0).ravel()


def all_resolves() -> list[Claim]:
    before = lines("Before", itertools.combinations(range(1, 17), 2))
    return [
        *resolves("Ising 64x64", ISING.format(n=4096), grid(64), 150),
        *resolves("Potts 16x16x4", POTTS.format(n=256), grid(16), 50, few=4),
        *resolves("entity resolution, 15 records", RECORDS.format(n=15), None, 100, similarity(15), few=8),
        *resolves("links, soft transitivity, 16 people", LINKS.format(n=16), before, 30, -0.5, rebuilt=None),
        *resolves("advisors, 20 people, 400 atoms", ADVISORS, department(20), 30, rebuilt=None),
    ]


def cutting_planes() -> Claim:
    """The first solve of 30 records, engine included: rows when they are broken, against all of them at once."""
    solver = MLNSolver().prepare(RECORDS.format(n=30))
    network, weights = solver.grounding.network, np.zeros(0)
    unary = objectives(solver, similarity(30), 0.5, 1)[0]
    clause = solver.grounding.network.clause_weights(weights)
    value = solver.engine().solve(unary, clause).objective
    assert np.isclose(value, PlainMIP(network, weights).solve(unary), rtol=1e-4)
    times = race(
        {
            "cuts": lambda: solver.engine().solve(unary, clause),
            "full": lambda: PlainMIP(network, weights).solve(unary),
        },
        rounds=3,
        warmups=0,
    )
    return Claim("entity resolution, 30 records, cutting planes vs all rows", times["cuts"], times["full"], target=4)


def frustrated() -> Claim:
    """Clauses of random signs and weights: where nodes on the relaxation do not do, "auto" asks CP-SAT."""
    rng = np.random.default_rng(0)
    text = random_clauses(rng, 100, [3] * 300)
    problem = MLNSolver().prepare(text)
    weights = problem.grounding.formulas.weights
    unary, clause = rng.normal(size=(3, 100)), problem.grounding.network.clause_weights(weights)
    generic = MLNSolver(engine="highs").prepare(text)
    solvers = {"auto": problem.engine(), "highs": generic.engine()}
    values = {name: engine.solve_rows(unary, clause).objective for name, engine in solvers.items()}
    np.testing.assert_allclose(values["auto"], values["highs"], rtol=1e-7)
    times = race({name: lambda e=engine: e.solve_rows(unary, clause) for name, engine in solvers.items()}, rounds=3)
    return Claim('frustrated 3-clauses, 100 atoms: auto vs engine="highs"', times["auto"], times["highs"], target=1.5)


def claims() -> list[Claim]:
    return [*all_resolves(), cutting_planes(), frustrated()]
