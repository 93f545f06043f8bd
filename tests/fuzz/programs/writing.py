"""Programs as users hand them over: matrices in all forms, or a model of PuLP, CVXPY or Pyomo."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fuzz.case import literal
from fuzz.exact.model import Program, Row


def matrices(rng: np.random.Generator, program: Program, *, linear: bool) -> dict[str, str]:
    """A_ub, b_ub, A_eq, b_eq, bounds and (but for linear programs) integrality, where they are needed."""
    found = {}
    for suffix, equal in (("ub", False), ("eq", True)):
        rows = [row for row in program.rows if row.equal == equal]
        if rows:
            found[f"A_{suffix}"] = _matrix(rng, [[float(c) for c in row.coefficients] for row in rows])
            found[f"b_{suffix}"] = literal([float(row.right) for row in rows])
    ends = bounds(program)
    alike = len(set(ends)) == 1 and program.rows
    found["bounds"] = literal(ends[0]) if alike and rng.random() < 0.7 else literal(ends)
    if not linear and (not all(program.integer) or rng.random() < 0.2):
        found["integrality"] = literal([int(whole) for whole in program.integer])
    return found


def _matrix(rng: np.random.Generator, rows: list[list[float]]) -> str:
    form = rng.choice(["list", "array", "csr", "csc", "coo"])
    if form == "list":
        return literal(rows)
    return f"np.array({literal(rows)})" if form == "array" else f"sparse.{form}_array(np.array({literal(rows)}))"


def bounds(program: Program) -> list[tuple[float | None, float | None]]:
    """Bounds of all variables."""
    return [(_end(low), _end(high)) for low, high in zip(program.lower, program.upper, strict=True)]


def _end(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]


def in_pulp(program: Program, learned: Sequence[int], costs: Sequence[float], sense: str) -> str:
    """Lines that build a PuLP problem and the list of its learned variables."""
    lines = ["import pulp", f'problem = pulp.LpProblem("fuzz", pulp.Lp{"Maximize" if sense == "max" else "Minimize"})']
    lines.append("x = [")
    for place, (low, high, whole) in enumerate(zip(program.lower, program.upper, program.integer, strict=True)):
        category = "Integer" if whole else "Continuous"
        lines.append(f'    problem.add_variable("x{place}", {_end(low)!r}, {_end(high)!r}, "{category}"),')
    lines.append("]")
    objective = [1.0 if place in learned else cost for place, cost in enumerate(costs)]
    lines.append(f"problem += pulp.lpDot({literal(objective)}, x)")  # a variable belongs to a problem once it is used
    lines += [f"problem += {_constraint(row)}" for row in program.rows]
    lines.append(f"learned = [x[place] for place in {list(learned)!r}]")
    return "\n".join(lines)


def in_cvxpy(program: Program, learned: Sequence[int], costs: Sequence[float], sense: str) -> str:
    """Lines that build a CVXPY problem and the list of its learned variables."""
    lines = ["import cvxpy as cp", "x = ["]
    for low, high, whole in zip(program.lower, program.upper, program.integer, strict=True):
        lines.append(f"    cp.Variable(integer={whole}, bounds=[{_end(low)!r}, {_end(high)!r}]),")
    lines.append("]")
    objective = [1.0 if place in learned else cost for place, cost in enumerate(costs)]
    lines.append(
        f"objective = cp.{'Maximize' if sense == 'max' else 'Minimize'}(np.array({literal(objective)}) @ cp.hstack(x))"
    )
    lines.append("constraints = [")
    for row in program.rows:
        coefficients = literal([float(c) for c in row.coefficients])
        lines.append(f"    np.array({coefficients}) @ cp.hstack(x) {'==' if row.equal else '<='} {float(row.right)!r},")
    lines += [
        "]",
        "problem = cp.Problem(objective, constraints)",
        f"learned = [x[place] for place in {list(learned)!r}]",
    ]
    return "\n".join(lines)


def in_pyomo(program: Program, learned: Sequence[int], costs: Sequence[float], sense: str) -> str:
    """Lines that build a Pyomo model, its right sides being Params, and the list of its learned Vars."""
    lines = ["import pyomo.environ as pyo", "model = pyo.ConcreteModel()", "x = []"]
    for place, (low, high, whole) in enumerate(zip(program.lower, program.upper, program.integer, strict=True)):
        domain = "Integers" if whole else "Reals"
        lines.append(f"model.x{place} = pyo.Var(domain=pyo.{domain}, bounds=({_end(low)!r}, {_end(high)!r}))")
        lines.append(f"x.append(model.x{place})")
    lines.append(f"model.right = pyo.Param(range({len(program.rows)}), mutable=True, initialize=0.0)")
    for place, row in enumerate(program.rows):
        coefficients = literal([float(c) for c in row.coefficients])
        relation = f"pyo.sum_product({coefficients}, x, index=range(len(x))) {'==' if row.equal else '<='}"
        lines.append(f"model.row{place} = pyo.Constraint(expr={relation} model.right[{place}])")
        lines.append(f"model.right[{place}] = {float(row.right)!r}")
    terms = f"pyo.sum_product({literal(list(costs))}, x, index=range(len(x)))"
    lines.append(f"model.cost = pyo.Objective(expr={terms}, sense=pyo.{sense}imize)")
    lines.append(f"learned = [x[place] for place in {list(learned)!r}]")
    return "\n".join(lines)


def _constraint(row: Row) -> str:
    coefficients = literal([float(c) for c in row.coefficients])
    return f"pulp.lpDot({coefficients}, x) {'==' if row.equal else '<='} {float(row.right)!r}"
