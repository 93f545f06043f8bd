"""The terms of one rule: variables and their types, and what stands for terms that are computed or looked up.

A term such as `meet(x, y)` or `t + 1` is replaced by a variable of its own with a definition: the function's atom
`meet(x, y, _1)`, or the comparison `_1 = t + 1`. A definition belongs to the innermost quantifier that binds one of its
variables, or else to the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from lark import Token

from imle_mln import logic
from imle_mln.errors import MLNSyntaxError, did_you_mean
from imle_mln.source import Source
from imle_mln.syntax.declarations import Declarations
from imle_mln.syntax.trees import (
    Node,
    check_arity,
    check_domain,
    is_constant,
    misplaced,
    nodes,
    token_of,
    tokens_in,
    trees_in,
    unquoted,
    wrong,
)

# What Alchemy and LoMRF know without a declaration: operator, and what is given of its two sides.
_COMPUTED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "succ": ("+", ("1",)),
    "prec": ("-", ("1",)),
    "plus": ("+", ()),
    "minus": ("-", ()),
    "times": ("*", ()),
    "dividedBy": ("/", ()),
    "mod": ("%", ()),
}
_COMPARISONS = {"lessThan": "<", "lessThanEq": "<=", "greaterThan": ">", "greaterThanEq": ">="}
# Stands in definitions for what they define.
_ITSELF = logic.Variable("")


@dataclass
class QuantifierScope:
    """A quantifier, or the rule.

    Attributes:
        variables: those it binds, those that the reader made up included.
        made_up: the names of the latter, by definition and type.
    """

    variables: set[str]
    made_up: dict[tuple[logic.Formula, str], str] = field(default_factory=dict)

    @property
    def definitions(self) -> dict[str, logic.Formula]:
        """The definitions of the variables that the reader made up, by name; each uses only those before it."""
        return {
            name: logic.substituted(shape, {_ITSELF.name: logic.Variable(name)})
            for (shape, _), name in self.made_up.items()
        }


class _Symbolic(NamedTuple):
    tokens: list[Token]
    formula: logic.Equal


class TermReader:
    """Reads the terms of one rule, and learns its variables on the way.

    Args:
        source: the text.
        declared: domains and predicates.
        free: names of variables that no quantifier binds.
        written: all names in the rule, no matter of what: made-up names avoid them.

    Attributes:
        types: of the variables so far.
        plus: the variables with `+`, where they were first met.
        scopes: the rule and the quantifiers around the place that is read.
    """

    def __init__(self, source: Source, declared: Declarations, free: set[str], written: set[str]) -> None:
        self.types: dict[str, str] = {}
        self.plus: dict[str, Token] = {}
        self.scopes: list[QuantifierScope] = [QuantifierScope(set())]
        self._source = source
        self._declared = declared
        self._written = written
        self._taken = set(free)
        self._quantified: dict[str, Token] = {}
        self._equalities: list[_Symbolic] = []
        self._compared: list[tuple[Token, str]] = []
        # Variables that only stand in computed arguments are of these arguments' types.
        self._likely: dict[str, str] = {}
        self._computed: list[logic.Compare] = []
        self._numbers = count(1)

    def quantified(self, tokens: Sequence[Token]) -> dict[str, str]:
        """Unique names for the variables of a quantifier: another one if it is free in the rule or taken."""
        own: dict[str, str] = {}
        for token in tokens:
            if is_constant(token):
                raise misplaced(self._source, token, "a variable", hint="variables are lower-case")
            if token in own:
                raise wrong(self._source, token, f"variable {str(token)!r} stands twice after its quantifier")
            own[str(token)] = self._unused(str(token), count(2)) if token in self._taken else str(token)
            self._taken.add(own[token])
            self._quantified[own[token]] = token
        return own

    def _unused(self, name: str, numbers: Iterable[int]) -> str:
        names = (f"{name}_{number}" for number in numbers)
        return next(new for new in names if new not in self._taken and new not in self._written)

    def atom(self, tree: Node, names: Mapping[str, str]) -> logic.Formula:
        """An atom; a function is one too, with its value as one argument more; `lessThan(x, y)` is a comparison."""
        name, arguments = token_of(tree.children[0]), nodes(tree)[1:]
        predicate = self._declared.predicates.get(name)
        if predicate is None and name in _COMPARISONS and len(arguments) == 2:
            return logic.Compare(_COMPARISONS[name], *(self.value(one, names) for one in arguments))
        if predicate is None:
            hint = did_you_mean(name, self._declared.predicates)
            problem = f"unknown predicate {str(name)!r}"
            raise wrong(self._source, name, problem, expected="a declared predicate", hint=hint)
        check_arity(self._source, name, len(arguments), predicate)
        return logic.Atom(predicate.name, self._arguments(arguments, predicate.types, names))

    def _arguments(
        self, arguments: Sequence[Node], types: Sequence[str], names: Mapping[str, str]
    ) -> tuple[logic.Term, ...]:
        return tuple(self._argument(*pair, names) for pair in zip(arguments, types, strict=False))

    def _argument(self, node: Node, type_name: str, names: Mapping[str, str]) -> logic.Term:
        if node.data in ("call", "sum", "scaled", "step"):
            return self._defined(node, type_name, names)
        token = token_of(node)
        term = _term(token, names)
        if node.data in ("unique", "optional"):
            mark = "!" if node.data == "unique" else "?"
            problem = f"{mark!r} marks arguments in declarations only"
            raise wrong(self._source, token, problem, expected=f"no {mark!r}")
        if node.data == "plus":
            if isinstance(term, logic.Constant):
                raise misplaced(self._source, token, "a variable after '+'", hint="variables are lower-case")
            if token in names:
                problem = f"'+' on the quantified variable {str(token)!r}"
                raise wrong(self._source, token, problem, expected="a free variable after '+'")
            self.plus.setdefault(term.name, token)
        if isinstance(term, logic.Constant):
            check_domain(self._source, token, type_name, self._declared.domains)
        else:
            self._typed(term, token, type_name)
        return term

    def _typed(self, variable: logic.Variable, token: Token, type_name: str) -> None:
        before = self.types.setdefault(variable.name, type_name)
        if before != type_name:
            problem = f"type clash: variable {str(token)!r} is a {type_name} here and a {before} before"
            raise wrong(self._source, token, problem, expected=f"a variable of type {before!r}")

    def _defined(self, node: Node, type_name: str, names: Mapping[str, str]) -> logic.Variable:
        """The variable that stands for a function's value or a computed number."""
        if node.data == "call" and not self._is_computed(node):
            found, kind = self._looked_up(node, names)
            if kind != type_name:
                token = token_of(node.children[0])
                problem = f"type clash: {token} is a {kind}, here stands a {type_name}"
                raise wrong(self._source, token, problem, expected=f"a term of type {type_name!r}")
            return found
        value = self.value(node, names)
        for name in logic.variables(logic.Compare("=", value, value)):
            self._likely.setdefault(name, type_name)
        return self._variable(type_name, logic.Compare("=", _ITSELF, value))

    def _looked_up(self, node: Node, names: Mapping[str, str]) -> tuple[logic.Variable, str]:
        """The variable that stands for a function's value, and its type."""
        function, arguments = self._function(node, names)
        kind = function.types[-1]
        return self._variable(kind, logic.Atom(function.name, (*arguments, _ITSELF))), kind

    def _function(self, node: Node, names: Mapping[str, str]) -> tuple[logic.Predicate, tuple[logic.Term, ...]]:
        name, arguments = token_of(node.children[0]), nodes(node)[1:]
        function = self._declared.predicates.get(name)
        if function is None or not function.function:
            functions = [known for known, one in self._declared.predicates.items() if one.function]
            kinds = ", ".join("..." for _ in arguments)
            declare = f"a function is declared with the type of its value in front: type {name}({kinds})"
            hint = did_you_mean(name, functions) if functions and function is None else declare
            what = "unknown function"
            if function is not None:
                what, hint = "a predicate where a term has to stand:", f"atoms are compared by <=> and =>; {hint}"
            raise wrong(self._source, name, f"{what} {str(name)!r}", expected="a declared function", hint=hint)
        check_arity(self._source, name, len(arguments), function, value=False)
        return function, self._arguments(arguments, function.types, names)

    def _variable(self, type_name: str, shape: logic.Formula) -> logic.Variable:
        """A variable with this definition: a new one, unless the same stands in the rule already."""
        used = {*logic.variables(shape)}
        scope = next((one for one in reversed(self.scopes) if used & one.variables), self.scopes[0])
        name = scope.made_up.get((shape, type_name))
        if name is None:
            name = scope.made_up[shape, type_name] = self._unused("", self._numbers)
            self._taken.add(name)
            scope.variables.add(name)
            self.types[name] = type_name
        return logic.Variable(name)

    def value(self, node: Node, names: Mapping[str, str]) -> logic.Value:
        """A number: a term, or computed from terms."""
        match node.data:
            case "call" if self._is_computed(node):
                operator, given = _COMPUTED[str(node.children[0])]
                values = [self.value(one, names) for one in trees_in(node)]
                return logic.Arithmetic(operator, *values, *map(logic.Constant, given))
            case "call":
                return self._looked_up(node, names)[0]
            case "step":
                token, step = (token_of(child) for child in node.children)
                return logic.Arithmetic(step[0], self._number(token, names), logic.Constant("1"))
            case "sum" | "scaled":
                (operator,), (left, right) = tokens_in(node), trees_in(node)
                return logic.Arithmetic(str(operator), self.value(left, names), self.value(right, names))
        return self._number(token_of(node), names)

    def _is_computed(self, node: Node) -> bool:
        """Whether this is a function of numbers that nobody has to declare."""
        name = str(node.children[0])
        arity = 2 - len(_COMPUTED[name][1]) if name in _COMPUTED else -1
        return node.data == "call" and name not in self._declared.predicates and len(node.children) - 1 == arity

    def _number(self, token: Token, names: Mapping[str, str]) -> logic.Term:
        term = _term(token, names)
        if isinstance(term, logic.Variable):
            self._compared.append((token, term.name))
        elif token.type != "NUMBER":
            raise misplaced(self._source, token, "a number", hint="only numbers are compared and computed with")
        return term

    def equal(self, tree: Node, names: Mapping[str, str]) -> logic.Formula:
        """`left = right`: the same name; the same number, if a side is computed; an atom, if one is a function's."""
        left, right = nodes(tree)
        if any(side.data in ("sum", "scaled", "step") or self._is_computed(side) for side in (left, right)):
            computed = logic.Compare("=", self.value(left, names), self.value(right, names))
            self._computed.append(computed)
            return computed
        if right.data == "call" != left.data:
            left, right = right, left
        if left.data == "call":
            function, arguments = self._function(left, names)
            return logic.Atom(function.name, (*arguments, self._argument(right, function.types[-1], names)))
        tokens = [token_of(left), token_of(right)]
        equal = logic.Equal(*(_term(token, names) for token in tokens))
        self._equalities.append(_Symbolic(tokens, equal))
        return equal

    def compare(self, tree: Node, names: Mapping[str, str]) -> logic.Compare:
        """`left < right` and so on."""
        (operator,), (left, right) = tokens_in(tree), trees_in(tree)
        return logic.Compare(str(operator), self.value(left, names), self.value(right, names))

    def completed(self, formula: logic.Formula) -> tuple[logic.Formula, tuple[logic.Formula, ...]]:
        """The formula, and the definitions of the rule's own made-up variables, each after those it uses.

        They are numbered as they occur in the formula. In reading, those of quantifiers' definitions came later than
        they are written, so that a printed rule would get other names.
        """
        definitions = self.scopes[0].definitions
        order: dict[str, None] = {}

        def visit(names: Sequence[str]) -> None:
            for name in names:
                if name in definitions and name not in order:
                    visit([one for one in logic.variables(definitions[name]) if one != name])
                    order[name] = None

        visit(_in_order(formula))
        self._taken -= definitions.keys()
        numbers = count(1)
        new = {name: self._unused("", numbers) for name in order}
        self.types = {new.get(name, name): kind for name, kind in self.types.items()}
        values = {old: logic.Variable(name) for old, name in new.items()}
        where = tuple(logic.substituted(definitions[name], values) for name in order)
        return logic.substituted(formula, values), where

    def check(self) -> None:
        """What can be said of variables only when all atoms are known.

        Raises:
            MLNSyntaxError: a variable has no type, or sides of an equality have different ones.
        """
        self.types = self._likely | self.types
        for computed in self._computed:
            names = logic.variables(computed)
            kinds = {self.types[name] for name in names if name in self.types}
            if len(kinds) == 1:
                self.types = dict.fromkeys(names, kinds.pop()) | self.types
        for tokens, equal in self._equalities:
            self._check_equality(tokens, (equal.left, equal.right))
        for token, name in self._compared:
            if name not in self.types:
                raise self._unsafe(token, "occurs only in comparisons")
        for name, token in self._quantified.items():
            if name not in self.types:
                raise self._unsafe(token, "is quantified but in no atom")

    def _check_equality(self, tokens: Sequence[Token], terms: Sequence[logic.Term]) -> None:
        for token, term in zip(tokens, terms, strict=True):
            if isinstance(term, logic.Variable) and term.name not in self.types:
                raise self._unsafe(token, "occurs only in equalities")
        types = [self.types[term.name] for term in terms if isinstance(term, logic.Variable)]
        if len(set(types)) == 2:
            problem = f"type clash: {str(tokens[0])!r} is a {types[0]}, {str(tokens[1])!r} a {types[1]}"
            raise wrong(self._source, tokens[1], problem, expected=f"a variable of type {types[0]!r}")
        for token, term in zip(tokens, terms, strict=True):
            if isinstance(term, logic.Constant) and types:
                check_domain(self._source, token, types[0], self._declared.domains)

    def _unsafe(self, token: Token, why: str) -> MLNSyntaxError:
        problem = f"unsafe variable {str(token)!r}: it {why}, so it has no type"
        return wrong(self._source, token, problem, expected="a variable of an atom", hint="use it in an atom as well")


def _in_order(formula: logic.Formula) -> list[str]:
    """The variables of a formula's atoms and comparisons, in order."""
    return [*logic.variables(formula), *(name for one in logic.children(formula) for name in _in_order(one))]


def _term(token: Token, names: Mapping[str, str]) -> logic.Term:
    return logic.Constant(unquoted(token)) if is_constant(token) else logic.Variable(names.get(token, str(token)))
