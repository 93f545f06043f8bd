"""Programs and evidence as text that reads back as the same: the inverse of `syntax` and `evidence`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from imle_mln import logic

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NAME = re.compile(r"[^\W\d_]\w*")
_SIGNS = {1: "", 0: "!", -1: "?"}

# How tightly an operator binds.
_IFF, _IMPLIES, _OR, _AND, _UNARY = range(5)


def program_text(program: logic.Program) -> str:
    """A program as text: domains, predicates, rules; `parse_program` reads an equal program from it.

    That holds for programs such as `parse_program` returns: conjunctions and disjunctions have two parts or more, names
    are legal, and `plus` is in the order of first occurrence.

    Raises:
        ValueError: a constant has a line end in its name.
    """
    domains = [f"{name} = {{{_elements(domain)}}}" for name, domain in program.domains.items()]
    return _lines([*domains, *map(declaration_text, program.predicates.values()), *map(rule_text, program.rules)])


def _elements(domain: tuple[str, ...]) -> str:
    """The constants of a domain; as a range if they are one, which is read a thousand times faster than its list."""
    if len(domain) > 2 and re.fullmatch(r"-?\d{1,18}", domain[0]):
        first = int(domain[0])
        if all(name == str(number) for number, name in enumerate(domain, first)):
            return f"{domain[0]},...,{domain[-1]}"
    return ", ".join(map(constant_text, domain))


def database_text(database: logic.Database) -> str:
    """Evidence as text, one literal a line; `parse_database` reads an equal database from it.

    Raises:
        ValueError: a constant has a line end in its name.
    """
    domains = [f"{name} = {{{_elements(domain)}}}" for name, domain in database.domains.items()]
    literals = (
        literal_text(predicate, atom, truth, probability)
        for predicate, atoms in database.atoms.items()
        for atom, truth, probability in zip(
            atoms,
            database.truth[predicate],
            database.probability.get(predicate) or (None,) * len(atoms),
            strict=True,
        )
    )
    return _lines([*domains, *literals])


def literal_text(predicate: str, atom: Iterable[str], truth: int, probability: float | None) -> str:
    """A line of evidence."""
    sign = _SIGNS[truth] if probability is None else f"{probability!r} "
    return f"{sign}{ground_atom_text(predicate, atom)}"


def rule_text(rule: logic.Rule) -> str:
    """A rule on one line: the weight in front, or a period at the end."""
    plus = [name for name in rule.plus if name != rule.weight_variable]
    text = formula_text(rule.formula, plus=plus, where=rule.where)
    if rule.weight_variable is not None:
        return f"{rule.weight_variable}: {text}"
    if rule.unweighted:
        return text
    if rule.weight is not None:
        text = f"({text})" if text.startswith("-") else text  # or it would be read as a part of the weight
        return f"{repr(float(rule.weight)).removesuffix('.0')} {text}"
    # A number in front would be read as a weight.
    return f"({text})." if text[0] in "-0123456789" else f"{text}."


def formula_text(
    formula: logic.Formula,
    *,
    plus: Collection[str] = (),
    values: Mapping[str, str] | None = None,
    where: Iterable[logic.Formula] = (),
) -> str:
    """A formula with no more parentheses than it needs.

    Args:
        formula: the formula.
        plus: variables to write with a `+` in front.
        values: constants to write instead of variables.
        where: definitions of variables, to write instead of these; each uses those before it.
    """
    written = {name: f"+{name}" for name in plus}
    written |= {name: constant_text(constant) for name, constant in (values or {}).items()}
    for definition in where:
        match definition:
            case logic.Atom(function, (*arguments, logic.Variable(name))):
                written[name] = f"{function}({','.join(_term(term, written) for term in arguments)})"
            case logic.Compare("=", logic.Variable(name), value):
                written[name] = _value(value, written)
    return _text(formula, _IFF, last=True, written=written)


def ground_atom_text(predicate: str, constants: Iterable[str]) -> str:
    """A ground atom as programs and evidence write it."""
    return f"{predicate}({','.join(map(constant_text, constants))})"


def constant_text(name: str) -> str:
    """A constant as programs write it: in quotes unless it is a number or a name that is no variable's."""
    if _NUMBER.fullmatch(name) or (_NAME.fullmatch(name) and not name[0].islower()):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(formula: logic.Formula, level: int, *, last: bool, written: Mapping[str, str]) -> str:
    """The text of an operand.

    Args:
        formula: the operand.
        level: what binds less tightly than this needs parentheses here.
        last: nothing follows before the next closing parenthesis: a quantifier, which takes all that follows, is safe.
        written: texts for variables, where that is not their name.
    """
    match formula:
        case logic.Atom(predicate, arguments):
            return f"{predicate}({','.join(_term(term, written) for term in arguments)})"
        case logic.Equal(left, right):
            return f"{_side(left, written)} = {_side(right, written)}"
        case logic.Compare(operator, low, high):
            return f"{_value(low, written)} {operator} {_value(high, written)}"
        case logic.Not(logic.Equal(left, right)):
            return f"{_side(left, written)} != {_side(right, written)}"
        case logic.Not(logic.Compare("=", low, high)):
            return f"{_value(low, written)} != {_value(high, written)}"
        case logic.Not(body):
            return f"!{_text(body, _UNARY, last=last, written=written)}"
        case logic.ForAll(variables, body) | logic.Exists(variables, body):
            word = "FORALL" if isinstance(formula, logic.ForAll) else "EXIST"
            inner = {name: text for name, text in written.items() if name not in variables}
            text = f"{word} {','.join(variables)} {_text(body, _IFF, last=True, written=inner)}"
            return text if last else f"({text})"
    own, sign, operands = _operation(formula)
    if own < level:
        return f"({_text(formula, _IFF, last=True, written=written)})"
    end = len(operands) - 1
    return sign.join(_text(f, lv, last=last and k == end, written=written) for k, (f, lv) in enumerate(operands))


def _operation(
    formula: logic.And | logic.Or | logic.Implies | logic.Iff,
) -> tuple[int, str, list[tuple[logic.Formula, int]]]:
    """How tightly an operation binds, its sign, and its operands, each with the least level it may have bare."""
    match formula:
        case logic.And(parts):
            return _AND, " ^ ", [(part, _UNARY) for part in parts]
        case logic.Or(parts):
            return _OR, " v ", [(part, _AND) for part in parts]
        case logic.Implies(left, right):
            return _IMPLIES, " => ", [(left, _IMPLIES), (right, _OR)]
        case logic.Iff(left, right):
            return _IFF, " <=> ", [(left, _IFF), (right, _IMPLIES)]


def _term(term: logic.Term, written: Mapping[str, str]) -> str:
    return constant_text(term.name) if isinstance(term, logic.Constant) else written.get(term.name, term.name)


def _value(value: logic.Value, written: Mapping[str, str], level: int = 0) -> str:
    """A number; computed ones in parentheses where `level`, of + or * around it, asks for them."""
    if not isinstance(value, logic.Arithmetic):
        return _side(value, written)
    own = 1 if value.operator in "+-" else 2
    left, right = _value(value.left, written, own), _value(value.right, written, own + 1)
    text = f"{left} {value.operator} {right}"
    return f"({text})" if own < level else text


def _side(term: logic.Term, written: Mapping[str, str]) -> str:
    """A side of an equality or a comparison, where no `+` may stand."""
    return _term(term, written).removeprefix("+")


def declaration_text(predicate: logic.Predicate) -> str:
    """The declaration of a predicate or a function."""
    marks = dict.fromkeys(predicate.unique, "!") | dict.fromkeys(predicate.optional, "?")
    arguments = [name + marks.get(k, "") for k, name in enumerate(predicate.types)]
    if predicate.function:
        return f"{predicate.types[-1]} {predicate.name}({', '.join(predicate.types[:-1])})"
    return f"{'*' * predicate.closed}{predicate.name}({', '.join(arguments)})"


def _lines(lines: Iterable[str]) -> str:
    listed = list(lines)
    for line in listed:
        if "\n" in line or "\r" in line:
            raise ValueError(f"expected constants without line ends, found one in {line!r}")
    return "".join(f"{line}\n" for line in listed)
