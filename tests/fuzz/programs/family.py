"""Cases of all solvers of programs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fuzz.case import Case, Floats
from fuzz.exact.model import Program, Row
from fuzz.journeys import journey
from fuzz.judging import Truth
from fuzz.programs import drawing, writing
from fuzz.programs.points import listed
from fuzz.programs.solved import Solved

Generator = np.random.Generator
_LISTED_ROWS, _SOLVED_ROWS, _SLOW_ROWS = 20, 5, 4

TARGETS: dict[str, tuple[str, dict[str, Any]]] = {
    "programs/highs-ilp": ("highs-ilp", {}),
    "programs/ortools-ilp": ("ortools-ilp", {}),
    "programs/ortools-ilp/cp-sat": ("ortools-ilp", {"backend": "cp-sat"}),
    "programs/ortools-ilp/scip": ("ortools-ilp", {"backend": "scip"}),
    "programs/ortools-ilp/cbc": ("ortools-ilp", {"backend": "cbc"}),
    "programs/scipy-milp": ("scipy-milp", {}),
    "programs/pulp-ilp": ("pulp-ilp", {}),
    "programs/gurobi-ilp": ("gurobi-ilp", {}),
    "programs/pyomo": ("pyomo", {}),
    "programs/highs-lp": ("highs-lp", {}),
    "programs/pulp-lp": ("pulp-lp", {}),
    "programs/cvxpy": ("cvxpy", {}),
    "programs/cvxpy/auto": ("cvxpy", {"engine": "auto"}),
}
"""Solver and options by the name of what is tried."""

MODELS = {"pulp-ilp": writing.in_pulp, "pulp-lp": writing.in_pulp, "cvxpy": writing.in_cvxpy}
"""What writes the models of solvers that take no matrices."""


def case(target: str, rng: Generator) -> Case:
    """A random case of one of the targets."""
    solver, options = TARGETS[target]
    kind = _kind(rng, solver, options)
    if options.get("backend") in ("scip", "cbc"):
        options = {**options, "time_limit": 1.0}  # some programs of this size take them minutes
    options = {**options, "sense": str(rng.choice(["min", "max"])), **_tuning(rng, solver)}
    sign = 1 if options["sense"] == "min" else -1
    if kind in ("infinite", "mixed"):
        options["time_limit"] = 1.0  # there are whole lattices to search in vain
    program = drawing.program(rng, kind)
    n = len(program.lower)
    learned, costs = list(range(n)), [0.0] * n
    if kind == "boxed" and solver != "scipy-milp" and rng.random() < 0.25 and _all_whole(program):
        learned = sorted(rng.permutation(n)[: int(rng.integers(1, n))].tolist())
        costs = [0.0 if place in learned else float(rng.integers(-30, 31)) / 2 for place in range(n)]
    if solver in MODELS or kind in ("mixed", "continuous") or rng.random() < 0.8:
        programs = [program]
    else:
        moves = solver in ("highs-ilp", "gurobi-ilp") and rng.random() < 0.5
        programs = [program, *(_shifted(rng, program, bounds=moves) for _ in range(2))]
    truths: list[Truth] = [listed(own, learned, costs, sign) if kind == "boxed" else Solved(own) for own in programs]
    slow = options.get("backend") in ("scip", "cbc")
    rows = _SLOW_ROWS if slow else _LISTED_ROWS if kind == "boxed" else _SOLVED_ROWS
    objectives = _objectives(rng, program, truths[0], learned, rows, sign)
    which = rng.integers(0, len(programs), rows) if len(programs) > 1 else None
    return Case(
        solver=solver,
        options=options,
        objectives=objectives,
        truths=truths,
        which=which,
        refusable=True,  # engines have limits: of coefficients, of bounds
        way="layer" if rng.random() < 0.2 else "prepared",
        **_written(rng, solver, options, programs, which, learned, costs),
    )


def _kind(rng: Generator, solver: str, options: dict[str, Any]) -> drawing.Kind:
    if solver.endswith("-lp") or (options.get("engine") == "auto" and rng.random() < 0.5):
        return "continuous"
    if options.get("backend") == "cp-sat":
        return "boxed"
    return rng.choice(["boxed", "infinite", "mixed"], p=[0.5, 0.25, 0.25])  # type: ignore[no-any-return]


def _tuning(rng: Generator, solver: str) -> dict[str, Any]:
    """Options that change how a problem is solved, and not what is right."""
    if rng.random() < 0.5:
        return {}
    if solver in ("highs-ilp", "pulp-ilp"):
        return {"tuning": str(rng.choice(["auto", "default", "lean"]))}
    if solver in ("highs-lp", "pulp-lp"):
        return {"method": str(rng.choice(["auto", "primal", "dual"])), "warm": bool(rng.random() < 0.5)}
    if solver == "gurobi-ilp":
        return {"warm": True}
    if solver == "pyomo":
        return {"engine": "auto"}
    return {"presolve": bool(rng.random() < 0.5)} if solver == "scipy-milp" else {}


def _all_whole(program: Program) -> bool:
    return all(c.denominator == 1 for row in program.rows for c in row.coefficients)


def _shifted(rng: Generator, program: Program, *, bounds: bool) -> Program:
    """The same with other right sides, and perhaps with other bounds."""
    if bounds:
        upper = [
            None if high is None else max(high + int(rng.integers(-1, 3)), high if low is None else low)
            for low, high in zip(program.lower, program.upper, strict=True)
        ]
        program = replace(program, upper=tuple(upper))
    rows = []
    for row in program.rows:
        sizes = [abs(c) for c in row.coefficients if c]
        moved = row.right + sizes[int(rng.integers(len(sizes)))] * int(rng.integers(-2, 4))
        rows.append(Row(row.coefficients, moved if moved.denominator <= 1000 else drawing.plain(moved), row.equal))
    return replace(program, rows=tuple(rows))


def _objectives(rng: Generator, program: Program, truth: Truth, learned: list[int], rows: int, sign: int) -> Floats:
    row = program.rows[int(rng.integers(len(program.rows)))]
    attractive = np.array([float(row.coefficients[place]) for place in learned])
    attractive = attractive / (2.0 ** np.frexp(np.abs(attractive).max() or 1.0)[1]) * 64

    def best(objective: Floats) -> Floats:
        places = getattr(truth, "best", None)
        if places is None or truth.expected(objective[None], sign)[0].kind != "optimal":
            return np.ones(len(learned))
        return truth.points[places(objective[None], sign)[0]]  # type: ignore[attr-defined, no-any-return]

    return journey(rng, len(learned), rows, best=best, attractive=attractive, sign=sign)


def _written(
    rng: Generator,
    solver: str,
    options: dict[str, Any],
    programs: list[Program],
    which: NDArray[np.int64] | None,
    learned: list[int],
    costs: list[float],
) -> dict[str, Any]:
    """The instance in the solver's form, and what differs per row."""
    if solver in MODELS:
        setup = MODELS[solver](programs[0], learned, costs, options["sense"])
        return {"setup": setup, "instance": {"problem": "problem", "variables": "learned"}}
    if solver == "pyomo":
        setup = writing.in_pyomo(programs[0], learned, costs, options["sense"])
        rights = [[float(row.right) for row in own.rows] for own in programs]
        values = {} if which is None else {"values": [rights[kind] for kind in which.tolist()]}
        return {"setup": setup, "instance": {"model": "model", "variables": "learned"}, "rows": values}
    instance = writing.matrices(rng, programs[0], linear=solver == "highs-lp")
    if any(costs) or len(learned) < len(costs):
        instance |= {"variables": repr(learned), "costs": repr(costs)}
    rows: dict[str, Any] = {}
    if which is not None:
        for name, equal in (("b_ub", False), ("b_eq", True)):
            if name in instance:
                rights = [[float(row.right) for row in own.rows if row.equal == equal] for own in programs]
                rows[name] = [rights[kind] for kind in which.tolist()]
                if rng.random() < 0.5:
                    del instance[name]
        if any(own.upper != programs[0].upper for own in programs):
            bounds = [writing.bounds(own) for own in programs]
            rows["bounds"] = [bounds[kind] for kind in which.tolist()]
    return {"setup": "from scipy import sparse", "instance": instance, "rows": rows}
