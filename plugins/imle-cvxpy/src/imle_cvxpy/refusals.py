"""Why a problem cannot be read: which term, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cvxpy as cp

from imle.errors import InstanceError

_LONGEST = 80
"""Characters of a term that are shown."""
_CONES = (cp.SOC, cp.PSD, cp.ExpCone, cp.PowCone3D, cp.PowConeND)


def parts(problem: Any) -> Iterator[tuple[str, Any]]:
    """The objective and the constraints of a problem, each with what messages call it."""
    yield "objective", problem.objective
    for number, constraint in enumerate(problem.constraints):
        yield f"constraint number {number}", constraint


def shown(term: Any) -> str:
    """A term as cvxpy writes it, cut where that is long."""
    text = str(term)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def culprit(term: Any, allowed: Callable[[Any], bool]) -> Any:
    """The innermost term that is not allowed."""
    for inner in term.args:
        if not allowed(inner):
            return culprit(inner, allowed)
    return term


def refuse_unruly(where: str, problem: Any) -> None:
    """Refuse what is not convex by cvxpy's rules, and Parameters that do not stand affinely.

    Bounds of 0/1 variables that have Parameters do not: the tighter of them and 0 or 1 holds.

    Raises:
        InstanceError: names the term.
    """
    for variable in problem.variables():
        for bound in variable.attributes["bounds"] or ():
            if variable.attributes["boolean"] and isinstance(bound, cp.Expression):
                raise InstanceError(
                    f"{where}: variable {variable.name()!r}: expected numbers as bounds of 0/1 variables, found "
                    f"{shown(bound)}",
                    hint="give such bounds as constraints",
                )
    for place, part in parts(problem):
        if not part.is_dcp():
            term = culprit(part, lambda inner: bool(inner.is_dcp()))
            raise InstanceError(
                f"{where}: {place}: expected what is convex by cvxpy's rules (DCP), found {shown(term)}",
                hint="where a Parameter's sign decides, Parameter(..., nonneg=True) tells it",
            )
        if not part.is_dpp():
            term = culprit(part, lambda inner: bool(inner.is_dpp()))
            raise InstanceError(
                f"{where}: {place}: expected Parameters that stand affinely (DPP), found {shown(term)}",
                hint="make a Parameter of the product, or add a variable that is equal to one factor; cvxpy takes a "
                "Variable whose bounds= have Parameters for one of them: give such bounds as constraints",
            )


def nonlinear(where: str, problem: Any, said: str) -> InstanceError:
    """The error for a problem that no linear or quadratic program is the same as. It is returned, not raised.

    Args:
        where: what the message begins with.
        problem: that cvxpy does not make linear.
        said: by cvxpy.
    """
    hint = (
        "norm1, norm_inf, abs, max and sum_largest become linear; quadratic terms may stand in the objective, where no "
        "variable is an integer; other cones are not solved"
    )
    whole = any(variable.attributes["integer"] or variable.attributes["boolean"] for variable in problem.variables())
    for place, part in parts(problem):
        allowed = _becomes_linear if whole or place != "objective" else _becomes_quadratic
        if isinstance(part, _CONES):
            found = f"a cone, {type(part).__name__}: {shown(part)}"
            return InstanceError(f"{where}: {place}: expected a linear constraint, found {found}", hint=hint)
        for term in part.args:
            if not allowed(term):
                found = shown(culprit(term, allowed))
                return InstanceError(f"{where}: {place}: expected linear terms, found {found}", hint=hint)
    for variable in problem.variables():
        for name in ("PSD", "NSD", "hermitian"):
            if variable.attributes[name]:
                return InstanceError(
                    f"{where}: variable {variable.name()!r}: expected linear constraints, found {name}=True", hint=hint
                )
    return InstanceError(
        f"{where}: expected a problem that becomes a linear program, found one of which cvxpy says: {said}"
    )


def _becomes_linear(term: Any) -> bool:
    return bool(term.is_affine() or term.is_pwl())


def _becomes_quadratic(term: Any) -> bool:
    return _becomes_linear(term) or bool(term.is_quadratic() or term.is_qpwa())
