"""A Pyomo model as a parametric program: read once, never changed."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import pyomo.environ as pyo
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle.solvers import Sense
from imle_linear.arrays import INFINITE
from imle_linear.parametric import Affine, InstanceParameter, LearnedTerms, ParametricProgram, QuadraticTerm
from imle_pyomo import components
from imle_pyomo.expressions import NotAffineError, Reader, Term
from imle_pyomo.params import Params, params_of

_CONVEX = 1e-9
"""How far the least eigenvalue of Q may be below 0, relative to the greatest."""


class ReadModel(NamedTuple):
    """A model, and what of it is learned.

    Attributes:
        program: without what is learned.
        learned: that.
        parameters: Params that values may be given of.
        refused: why values of others may not be given, by name.
    """

    program: ParametricProgram
    learned: LearnedTerms
    parameters: tuple[InstanceParameter, ...]
    refused: dict[str, str]


class _Row(NamedTuple):
    """A row: terms in Vars, and what they are equal to, or at most."""

    name: str
    terms: list[Term]
    side: list[Term]


class _FoldedError(Exception):
    """A Param stands where it leaves a model linear only as a constant."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name)
        self.name, self.why = name, why


def read(who: str, sense: Sense, model: Any, parameters: Any, variables: Any) -> ReadModel:
    """Check and convert a model.

    Args:
        who: the solver, for messages.
        sense: the solver's, which has to be the model's.
        model: a ConcreteModel or a constructed block.
        parameters, variables: what is learned, as given.

    Raises:
        InstanceError: it is no such model, has another sense, or holds what is not linear, but for a convex
            quadratic objective.
    """
    where = components.checked(who, model)
    objective = components.objective_of(where, sense, model)
    if parameters is not None and variables is not None:
        raise InstanceError(f"{who}: expected learned parameters or variables, found both")
    folded: dict[str, str] = {}
    while True:  # Params that do not stand affinely are constants in the next attempt
        params = params_of(who, model, objective, parameters, set(folded), learns=variables is None)
        reading = _Reading(where, sense, model, params)
        try:
            program, learned = reading.program(who, objective, variables)
        except _FoldedError as found:
            folded[found.name] = found.why
        else:
            return ReadModel(program, learned, params.as_instance(), folded)


class _Reading:
    """Reads a model with some Params as parameters.

    Args:
        where: what messages begin with.
        sense: of the objective.
        model: the model.
        params: the Params.
    """

    def __init__(self, where: str, sense: Sense, model: Any, params: Params) -> None:
        self._sign = 1.0 if sense == "min" else -1.0
        self._where, self._model, self._params = where, model, params
        self._reader = Reader(params.entries)
        self._width = params.count + 1
        self._variables = components.variables(model)
        self._column = {id(variable): column for column, variable in enumerate(self._variables)}

    def program(self, who: str, objective: Any, variables: Any) -> tuple[ParametricProgram, LearnedTerms]:
        """The program, and what is learned of it."""
        below, equal = self._rows()
        rows = [*below, *equal]
        costs, products, own = [], [], defaultdict(list)
        for term in self._terms("objective", objective, products=True):
            if term.other is not None:
                products.append(term)
            elif term.place is not None and term.place >= self._params.count:
                own[term.place - self._params.count].append(term)
            else:
                costs.append(term)
        learned = self._learned_params(own) if self._params.learned else self._learned_variables(who, variables)
        entries = [(row, term) for row, own_row in enumerate(rows) for term in own_row.terms]
        n = len(self._variables)
        if n == 0:
            raise InstanceError(f"{self._where}: expected at least one Var that is not fixed, found none")
        kept = set() if self._params.learned else set(learned.column.tolist())
        cost_terms = [
            (n if term.variable is None else self._column[id(term.variable)], self._placed(term), term.factor)
            for term in costs
        ]
        ends = [self._ends(variable) for variable in self._variables]
        integer = np.array([self._is_integer(variable) for variable in self._variables], np.bool_)
        program = ParametricProgram(
            names=tuple(variable.name for variable in self._variables),
            row_names=tuple(row.name for row in rows),
            row=np.array([row for row, _ in entries], np.int64),
            column=np.array([self._column[id(term.variable)] for _, term in entries], np.int64),
            entries=self._affine([[term] for _, term in entries]),
            sides=self._affine([row.side for row in rows]),
            equalities=len(equal),
            lower=self._affine([lower for lower, _ in ends]),
            upper=self._affine([upper for _, upper in ends]),
            integer=integer,
            costs=Affine.of([cost for cost in cost_terms if cost[2] and cost[0] not in kept], n + 1, self._width),
            quadratic=self._quadratic(products, integer) if products else None,
        )
        return program, learned

    def _quadratic(self, products: list[Term], integer: NDArray[np.bool_]) -> QuadraticTerm:
        """Products of Vars in the objective, as x'Qx/2.

        Raises:
            InstanceError: there are integer Vars, or it is not convex.
        """
        where = f"{self._where}: objective"
        first = products[0]
        if integer.any():
            name = self._variables[int(integer.argmax())].name
            raise InstanceError(
                f"{where}: expected linear terms beside integer Vars such as {name!r}, found "
                f"{first.variable.name}*{first.other.name}",
                hint="HiGHS solves no quadratic programs with integers: leave integrality out, or linearise the term",
            )
        one, other = (
            np.array([self._column[id(v)] for v in pair])
            for pair in zip(*((t.variable, t.other) for t in products), strict=True)
        )
        factor = self._sign * np.array([term.factor for term in products])
        row, column = np.append(one, other), np.append(other, one)
        quadratic = QuadraticTerm(row, column, Affine.constant(np.append(factor, factor), self._width))
        least, most = np.linalg.eigvalsh(quadratic.at(np.eye(self._width)[-1], len(self._variables)))[[0, -1]]
        if least < -_CONVEX * most or most <= 0:
            expected = "a convex objective" if self._sign > 0 else "a concave objective, since it is maximised"
            raise InstanceError(
                f"{where}: expected {expected}, found a quadratic part that is none, with "
                f"{first.variable.name}*{first.other.name} in it"
            )
        return quadratic

    def _rows(self) -> tuple[list[_Row], list[_Row]]:
        """Rows `terms <= side` and `terms == side`."""
        below: list[_Row] = []
        equal: list[_Row] = []
        for constraint in components.constraints(self._model):
            at = f"constraint {constraint.name!r}"
            body = self._terms(at, constraint.body)
            terms = [term for term in body if term.variable is not None]
            constants = _negated([term for term in body if term.variable is None])
            if constraint.equality:
                equal.append(_Row(at, terms, self._terms(at, constraint.upper) + constants))
                continue
            upper = self._side(at, constraint.upper)
            if upper:
                below.append(_Row(at, terms, upper + constants))
            lower = self._side(at, constraint.lower)
            if lower:
                below.append(_Row(at, _negated(terms), _negated(lower + constants)))
        return below, equal

    def _side(self, at: str, expression: Any) -> list[Term]:
        """The terms of an end of a row; none if there is no end."""
        if expression is None:
            return []
        terms = self._terms(at, expression)
        infinite = all(term.place is None for term in terms) and abs(sum(term.factor for term in terms)) >= INFINITE
        return [] if infinite else terms

    def _ends(self, variable: Any) -> tuple[list[Term], list[Term]]:
        """The bounds of a Var."""
        at = f"bounds of {variable.name!r}"
        lower, upper = self._side(at, variable.lower), self._side(at, variable.upper)
        return lower or [Term(-np.inf)], upper or [Term(np.inf)]

    def _is_integer(self, variable: Any) -> bool:
        if not (variable.is_integer() or variable.is_continuous()):
            raise InstanceError(
                f"{self._where}: Var {variable.name!r}: expected a domain of real or whole numbers without gaps, found "
                f"{variable.domain}",
                hint="model it with 0/1 variables",
            )
        return bool(variable.is_integer())

    def _terms(self, at: str, expression: Any, *, products: bool = False) -> list[Term]:
        """The terms of an expression.

        Raises:
            InstanceError: it is not linear in Vars, or has no value.
            _FoldedError: it is, once a Param is a constant.
        """
        try:
            found = list(self._reader.terms(expression, products=products))
        except NotAffineError as error:
            learned = {id(entry) for entries in self._params.learned for entry in entries}
            for param in error.params:
                if id(param) not in learned:
                    raise _FoldedError(
                        param.parent_component().name, f"which does not stand affinely in {at}: {error.term}"
                    ) from None
            expected = "linear terms"
            if error.params:
                expected = "learned Params that multiply what is linear in Vars"
            raise InstanceError(f"{self._where}: {at}: expected {expected}, found {error.term}") from None
        except ValueError as error:
            raise InstanceError(
                f"{self._where}: {at}: expected values of fixed Vars and Params, found {error}"
            ) from None
        for term in found:
            for variable in (term.variable, term.other):
                if variable is not None and id(variable) not in self._column:
                    raise InstanceError(
                        f"{self._where}: {at}: expected Vars of the model, found {variable.name!r} of another block"
                    )
            if np.isnan(term.factor) or (term.variable is not None and np.isinf(term.factor)):
                raise InstanceError(f"{self._where}: {at}: expected finite numbers, found {term.factor:g}")
        return found

    def _placed(self, term: Term) -> int:
        """The place in p of what a term depends on."""
        return self._width - 1 if term.place is None else term.place

    def _affine(self, numbers: list[list[Term]]) -> Affine:
        terms = [(row, self._placed(term), term.factor) for row, own in enumerate(numbers) for term in own]
        return Affine.of([term for term in terms if term[2]], len(numbers), self._width)

    def _learned_params(self, own: dict[int, list[Term]]) -> LearnedTerms:
        names = tuple(entry.name for entries in self._params.learned for entry in entries)
        constants = np.zeros(len(names))
        row, column, factor = [], [], []
        for number, terms in own.items():
            for term in terms:
                if term.variable is None:
                    constants[number] += term.factor
                elif term.factor:
                    row.append(number)
                    column.append(self._column[id(term.variable)])
                    factor.append(term.factor)
        parts = np.array(row, np.int64), np.array(column, np.int64), np.array(factor, np.float64)
        return LearnedTerms((len(names),), names, *parts, constants)

    def _learned_variables(self, who: str, given: Any) -> LearnedTerms:
        found = self._variables
        if given is not None:
            parts = components.chosen(who, "variables", self._model, given, pyo.Var)
            found = [entry for part in parts for entry in (part.values() if part.is_indexed() else [part])]
        columns: dict[int, None] = {}
        for variable in found:
            column = self._column.get(id(variable))
            if column is None:
                why = "is fixed" if variable.fixed else "is of another block"
                raise InstanceError(
                    f"{who}: variables: expected Vars that are free, found {variable.name!r}, which {why}"
                )
            if column in columns:
                raise InstanceError(f"{who}: variables: expected each once, found {variable.name!r} twice")
            columns[column] = None
        k, numbers = len(columns), np.array(list(columns), np.int64)
        names = tuple(self._variables[column].name for column in columns)
        return LearnedTerms((k,), names, np.arange(k), numbers, np.ones(k), np.zeros(k))


def _negated(terms: list[Term]) -> list[Term]:
    return [term._replace(factor=-term.factor) for term in terms]
