"""Blueprint: a linear program as PuLP problems, one for every objective, that share nothing with the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import numpy as np
import pulp  # type: ignore[import-untyped]

from imle.solvers import Sense
from imle_linear.arrays import Floats
from imle_linear.program import LinearProgram, Rows


class Blueprint:
    """Builds the same problem again and again, with other costs.

    PuLP's solvers leave values, statuses, native models and even half a model of the row before on what they are
    given. A problem made from nothing for each row is the one start that does not depend on what was solved before.

    Args:
        program: the feasible set, as read from a PuLP problem.
        sense: which sense the problems are to have.
        name: theirs begin with it.
        constraints: names of the rows; None where a row has none.
    """

    def __init__(self, program: LinearProgram, sense: Sense, name: str, constraints: Sequence[str | None]) -> None:
        self._name = name
        self._maximise = sense == "max"
        lower = [None if np.isneginf(end) else end for end in program.lower.tolist()]
        upper = [None if np.isposinf(end) else end for end in program.upper.tolist()]
        cats = [pulp.LpInteger if flag else pulp.LpContinuous for flag in program.integer.tolist()]
        self._variables = list(zip(program.names, lower, upper, cats, strict=True))
        self._rows = list(zip(_own_names(program, constraints), _terms(program), strict=True))

    def build(self, costs: Floats, rows: Rows) -> tuple[Any, list[Any]]:
        """A new problem.

        Args:
            costs: `[n]` coefficients of all variables, to be minimised.
            rows: least and greatest values of the constraint rows.

        Returns:
            The problem and its variables, in the program's order (`problem.variables()` sorts them by name). No value
            is set, and `sol_status` is None until the solver says something.
        """
        problem = pulp.LpProblem(sense=pulp.LpMaximize if self._maximise else pulp.LpMinimize)
        # solvers name files after the problem if they are told to keep them: no two rows may write to the same
        problem.name = f"{self._name}_{uuid4().hex}"
        problem.sol_status = None
        x = [problem.add_variable(*variable) for variable in self._variables]
        signed = -costs if self._maximise else costs
        # all variables are in the objective, zeros too: PuLP does not know those that are nowhere
        problem.setObjective(pulp.LpAffineExpression(dict(zip(x, (signed + 0.0).tolist(), strict=True))))
        for (name, terms), (side, end) in zip(self._rows, _sides(rows), strict=True):
            left = pulp.LpAffineExpression({x[column]: value for column, value in terms})
            problem.addConstraint(pulp.LpConstraint(left, side, rhs=end), name)
        return problem, x


def _own_names(program: LinearProgram, given: Sequence[str | None]) -> list[str]:
    """The rows' names, or numbers for all if two rows share one (they were renamed after they were added).

    Rows after the user's own have numbers: they say which values learned variables have (`fixed_terms`).
    """
    every = [*given, *[None] * (program.matrix.shape[0] - len(given))]
    names = [name or f"_C{row}" for row, name in enumerate(every)]
    return names if len(set(names)) == len(names) else [f"_C{row}" for row in range(len(names))]


def _terms(program: LinearProgram) -> list[list[tuple[int, float]]]:
    """Columns and coefficients of each row."""
    terms: list[list[tuple[int, float]]] = [[] for _ in range(program.matrix.shape[0])]
    matrix = program.matrix
    for row, column, value in zip(matrix.index.tolist(), matrix.column.tolist(), matrix.value.tolist(), strict=True):
        terms[row].append((column, value))
    return terms


def _sides(rows: Rows) -> list[tuple[int, float]]:
    """Kind and right side of each row: a constraint of PuLP's has one end, or two that are equal."""
    sides = []
    for lower, upper in zip(rows.lower.tolist(), rows.upper.tolist(), strict=True):
        if lower == upper:
            sides.append((pulp.LpConstraintEQ, lower))
        elif np.isneginf(lower):
            sides.append((pulp.LpConstraintLE, upper))
        else:
            sides.append((pulp.LpConstraintGE, lower))
    return sides
