"""Expressions: what Pyomo's trees are in Vars and mutable Params, which Pyomo itself takes for constants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyomo.environ as pyo
from pyomo.core.expr.visitor import identify_mutable_parameters, identify_variables, replace_expressions
from pyomo.repn import generate_standard_repn

_LONGEST = 80
"""Characters of a term that are shown."""


class Term(NamedTuple):
    """A factor times a Var, a Param, both, two Vars or none.

    Attributes:
        factor: the factor.
        variable: its VarData, or None.
        place: the Param's place in p, or None.
        other: the VarData of the second Var, or None.
    """

    factor: float
    variable: Any = None
    place: int | None = None
    other: Any = None


class NotAffineError(Exception):
    """An expression is not linear in Vars, or not affine in Params.

    Args:
        term: what is not, as Pyomo writes it.
        params: ParamData in it, which make it linear where they are constants.
    """

    def __init__(self, term: str, params: list[Any]) -> None:
        super().__init__(term)
        self.term, self.params = term, params


class Reader:
    """Takes expressions apart, mutable Params by the names of their places.

    Args:
        params: ParamData by their place in p; all others are constants.
    """

    def __init__(self, params: list[Any]) -> None:
        self._params = params
        self._stand_ins = pyo.ConcreteModel()
        self._stand_ins.q = pyo.Var(range(len(params)))
        variables = list(self._stand_ins.q.values())
        self._place = {id(variable): place for place, variable in enumerate(variables)}
        self._replaced = {id(param): variable for param, variable in zip(params, variables, strict=True)}

    def terms(self, expression: Any, *, products: bool) -> Iterator[Term]:
        """The terms of an expression, fixed Vars being constants.

        Args:
            expression: Pyomo's, or a number.
            products: whether products of two Vars are among them.

        Raises:
            NotAffineError: one is not linear.
        """
        if not hasattr(expression, "is_expression_type"):
            yield Term(float(expression))
            return
        if self._replaced and any(id(param) in self._replaced for param in identify_mutable_parameters(expression)):
            expression = replace_expressions(expression, self._replaced, remove_named_expressions=True)
        try:
            found = generate_standard_repn(expression, quadratic=True)
        except ValueError:
            places = [self._place.get(id(variable)) for variable in identify_variables(expression)]
            if not places or None in places:
                raise
            raise self._not_affine(expression) from None  # the tighter of a Param and an end of the domain
        if found.nonlinear_expr is not None:
            raise self._not_affine(found.nonlinear_expr)
        yield Term(float(pyo.value(found.constant)))
        for factor, variable in zip(found.linear_coefs, found.linear_vars, strict=True):
            place = self._place.get(id(variable))
            yield Term(float(factor), variable if place is None else None, place)
        for factor, (one, other) in zip(found.quadratic_coefs, found.quadratic_vars, strict=True):
            places = [self._place.get(id(variable)) for variable in (one, other)]
            if products and places == [None, None]:
                yield Term(float(factor), one, other=other)
                continue
            if (places[0] is None) == (places[1] is None):
                raise self._not_affine(one * other)
            yield Term(float(factor), *((one, places[1]) if places[0] is None else (other, places[0])))

    def _not_affine(self, term: Any) -> NotAffineError:
        places = [self._place.get(id(variable)) for variable in identify_variables(term)]
        params = [self._params[place] for place in places if place is not None]
        back = {id(variable): self._params[place] for place, variable in self._stand_ins.q.items()}
        return NotAffineError(shown(replace_expressions(term, back)), params)


def shown(term: Any) -> str:
    """A term as Pyomo writes it, cut where that is long."""
    text = str(term)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
