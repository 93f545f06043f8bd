"""Linear and integer programs: one feasible set, many objectives

The references solve the same rows with scipy, with highspy rebuilt for every row, with PuLP (where it is installed; its
model is built once and only its objective replaced), and integer programs with the engines of OR-Tools run bare.
Answers are compared before anything is timed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from benchmarks.engines import engines
from benchmarks.harness import Claim, race
from imle.solvers import PreparedSolver
from imle_highs import problems
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver
from imle_highs.native import Native
from imle_linear.program import from_matrices
from imle_ortools.ilp.solver import ILPSolver

Floats = NDArray[np.float64]
ROUNDS = 5
_NOTHING: dict[str, Any] = dict.fromkeys(("A_ub", "b_ub", "A_eq", "b_eq", "integrality", "variables", "costs"))


class Workload(NamedTuple):
    """A feasible set, objectives to minimise over it, and how much faster we promise to be than which reference."""

    name: str
    instance: dict[str, Any]
    costs: Floats
    targets: Mapping[str, float]


def transport(rng: np.random.Generator, size: int = 30) -> dict[str, Any]:
    supply = rng.integers(5, 20, size).astype(np.float64)
    both = problems.assignment(size)
    return {"A_eq": both["A_eq"], "b_eq": np.concatenate([supply, rng.permutation(supply)]), "bounds": (0, None)}


def grid_paths(size: int = 12) -> dict[str, Any]:
    """Unit flows from corner to corner of a grid with diagonals: one variable per arc."""
    cells = np.arange(size * size).reshape(size, size)
    steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    arcs = [
        (cells[i, j], cells[i + down, j + right])
        for i in range(size)
        for j in range(size)
        for down, right in steps
        if 0 <= i + down < size and 0 <= j + right < size
    ]
    flow = np.zeros((size * size, len(arcs)))
    for arc, (tail, head) in enumerate(arcs):
        flow[tail, arc], flow[head, arc] = 1.0, -1.0
    balance = np.zeros(size * size)
    balance[0], balance[-1] = 1.0, -1.0
    return {"A_eq": flow, "b_eq": balance, "bounds": (0, 1)}


def dense(rng: np.random.Generator) -> dict[str, Any]:
    rows = rng.uniform(size=(100, 200))
    return {"A_ub": rows, "b_ub": 0.3 * rows.sum(axis=1), "bounds": (0, 1)}


def sparse_cover(rng: np.random.Generator) -> dict[str, Any]:
    contains = rng.uniform(size=(200, 400)) < 0.01
    for element in contains:  # every element is in at least two sets
        element[rng.choice(400, size=2, replace=False)] |= element.sum() < 2
    return problems.set_cover(contains)


def noisy(rng: np.random.Generator, n: int, rows: int = 10) -> Floats:
    """What an I-MLE layer asks for: samples around one objective."""
    return rng.uniform(0.5, 1.5, n) + 0.06 * rng.gumbel(size=(rows, n))


def linear_workloads() -> list[Workload]:
    rng = np.random.default_rng(0)
    network = {"linprog": 3.5, "highspy rebuilt": 3.0, "PuLP with CBC": 12.0, "PuLP with HiGHS": 8.0}
    packed = {"linprog": 2.5, "highspy rebuilt": 2.0, "PuLP with CBC": 10.0, "PuLP with HiGHS": 6.0}
    return [
        Workload("LP transport 30x30", transport(rng), noisy(rng, 900), network),
        Workload("LP paths 12x12", grid_paths(), noisy(rng, 1012), network),
        Workload("LP dense 200x100", dense(rng), -noisy(rng, 200), packed),
    ]


def polynomial(rng: np.random.Generator, rows: int, items: int) -> Floats:
    """Values that follow five features through a polynomial, as PyEPO's generator of knapsacks has them."""
    features, mixing = rng.normal(size=(rows, 5)), rng.binomial(1, 0.5, size=(5, items))
    values: Floats = ((features @ mixing / np.sqrt(5) + 3) ** 2 + 1) * rng.uniform(0.5, 1.5, (rows, items))
    return values * 5 / 3.5**2


def integer_workloads() -> list[Workload]:
    rng, other = np.random.default_rng(0), np.random.default_rng(1)
    knapsack = problems.knapsack(rng.integers(300, 800, size=(3, 32)) / 100, [20.0] * 3)
    large = other.integers(300, 800, size=(5, 100)) / 100
    generic = dict.fromkeys(("CP-SAT", "CP-SAT without presolve", "SCIP", "CBC"), 0.8)  # at most 1.25 times as long
    easy = {"milp": 1.4, "PuLP with CBC": 2.0, **generic}
    return [
        Workload("ILP knapsack 32x3", knapsack, -rng.uniform(0.5, 1.5, (8, 32)), easy),
        Workload("ILP cover 200x400", sparse_cover(rng), rng.uniform(0.5, 1.5, (8, 400)), easy),
        Workload(
            "ILP assignment 50x50", problems.assignment(50), rng.uniform(0.5, 1.5, (4, 2500)), {**easy, "milp": 8.0}
        ),
        Workload(
            "ILP knapsack 100x5",
            problems.knapsack(large, large.sum(axis=1) / 4),
            -polynomial(other, 6, 100),
            {"milp": 1.4, "PuLP with CBC": 0.8, **generic},
        ),
    ]


def complete(instance: Mapping[str, Any]) -> dict[str, Any]:
    """All the keywords of `from_matrices`."""
    return {**_NOTHING, "integrality": 0, **instance}


def by_linprog(work: Workload) -> Callable[[], Floats]:
    return lambda: np.array([linprog(row, **work.instance).fun for row in work.costs])


def by_rebuilding(work: Workload) -> Callable[[], Floats]:
    """What a straightforward loop over highspy does: a new model per row, default options."""

    def solve() -> Floats:
        values = []
        for row in work.costs:
            program = from_matrices("benchmark", **complete(work.instance))
            native = Native(program, {"threads": 1}, integer=False)
            native.set_costs(row)
            native.run(None)
            values.append(native.point() @ row)
        return np.array(values)

    return solve


def by_milp(work: Workload) -> Callable[[], Floats]:
    part = work.instance
    if "A_ub" in part:
        rows = LinearConstraint(part["A_ub"], -np.inf, part["b_ub"])
    else:
        rows = LinearConstraint(part["A_eq"], part["b_eq"], part["b_eq"])

    def solve(row: Floats) -> float:
        found = milp(row, constraints=rows, bounds=Bounds(*part["bounds"]), integrality=1, options={"mip_rel_gap": 0.0})
        return float(found.fun)

    return lambda: np.array([solve(row) for row in work.costs])


def by_pulp(work: Workload, solver_name: str, category: str) -> Callable[[], Floats]:
    """A PuLP model built once; every row replaces its objective."""
    import pulp

    part = work.instance
    lower, upper = part["bounds"]
    problem = pulp.LpProblem("benchmark", pulp.LpMinimize)
    variables = [pulp.LpVariable(f"x{j}", lower, upper, cat=category) for j in range(work.costs.shape[1])]
    sense, left, right = ("<=", part["A_ub"], part["b_ub"]) if "A_ub" in part else ("==", part["A_eq"], part["b_eq"])
    for row, side in zip(left, right, strict=True):
        sum_ = pulp.LpAffineExpression([(variables[j], float(row[j])) for j in np.flatnonzero(row)])
        problem += (sum_ <= float(side)) if sense == "<=" else (sum_ == float(side))
    options: dict[str, Any] = {"msg": False, "threads": 1}
    if category == "Binary":
        options["gapRel"] = 0.0
    solver = getattr(pulp, solver_name)(**options)

    def solve() -> Floats:
        values = []
        for row in work.costs:
            problem.setObjective(pulp.LpAffineExpression(list(zip(variables, row.tolist(), strict=True))))
            problem.solve(solver)
            values.append(float(problem.objective.value()))
        return np.array(values)

    return solve


def compare(
    work: Workload, solvers: Mapping[str, PreparedSolver], references: Mapping[str, Callable[[], Floats]]
) -> list[Claim]:
    """Time per row of each solver against each reference."""
    ours = {name: by_ours(solver, work) for name, solver in solvers.items()}
    candidates = {**ours, **references}
    expected = next(iter(candidates.values()))()
    for solve in candidates.values():
        np.testing.assert_allclose(solve(), expected, rtol=1e-6)
    times = race(candidates, rounds=ROUNDS)
    rows = len(work.costs)
    return [
        Claim(
            f"{work.name}: {name}, over {reference}",
            times[name] / rows,
            times[reference] / rows,
            work.targets[reference],
            note="per row",
        )
        for name in ours
        for reference in references
    ]


def by_ours(solver: PreparedSolver, work: Workload) -> Callable[[], Floats]:
    def solve() -> Floats:
        values = solver.solve(work.costs).values
        assert values is not None
        return values

    return solve


def pulp_references(work: Workload, category: str) -> dict[str, Callable[[], Floats]]:
    if importlib.util.find_spec("pulp") is None:
        return {}
    solvers = {"PuLP with CBC": "PULP_CBC_CMD", "PuLP with HiGHS": "HiGHS"}
    return {name: by_pulp(work, solver, category) for name, solver in solvers.items() if name in work.targets}


def claims() -> list[Claim]:
    lines = []
    for work in linear_workloads():
        references = {"linprog": by_linprog(work), "highspy rebuilt": by_rebuilding(work)}
        references.update(pulp_references(work, "Continuous"))
        lines += compare(
            work,
            {
                "highs-lp": HighsLPSolver().prepare(**work.instance),
                "warm": HighsLPSolver(warm=True).prepare(**work.instance),
            },
            references,
        )
    for work in integer_workloads():
        references = {
            "milp": by_milp(work),
            **pulp_references(work, "Binary"),
            **engines(work.instance, work.costs),
        }
        ours = {
            "highs-ilp": HighsILPSolver().prepare(**work.instance),
            "ortools-ilp": ILPSolver().prepare(**work.instance),
        }
        lines += compare(work, ours, references)
    return lines
