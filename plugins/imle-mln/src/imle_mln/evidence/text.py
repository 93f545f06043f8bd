"""Alchemy's `.db` files: one ground literal a line."""

from __future__ import annotations

import re
from collections.abc import Iterable

from imle.errors import InstanceError
from imle_mln.errors import did_you_mean
from imle_mln.evidence.tables import ASKED, Literals
from imle_mln.logic import Predicate, Program
from imle_mln.source import Source
from imle_mln.syntax.trees import Node, capitalise, constant_name, is_constant, misplaced, nodes, parse_tree, token_of

_TRUTH = {"": 1, "!": 0, "?": ASKED}
# Nearly all lines look like this; lark reads the others, and finds what is wrong with them. Possessive (`*+`): no blank
# or letter is ever tried twice.
_CONSTANT = r'(?:[A-Z]\w*+|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|"[^"\\]*+")'
_LITERAL = re.compile(rf"\s*+([!?]?)\s*+([^\W\d]\w*+)\s*+\(\s*+({_CONSTANT}(?:\s*+,\s*+{_CONSTANT})*+)\s*+\)\s*+")
_CONSTANTS = re.compile(_CONSTANT)


class TextLiterals(Literals):
    """The literals of one predicate, and the line that each comes from."""

    def __init__(self, predicate: Predicate, source: Source) -> None:
        super().__init__(predicate)
        self.lines: list[int] = []
        self._source = source

    def place(self, row: int) -> str:
        return f"line {self.lines[row]}"

    def error(
        self, row: int, problem: str, *, argument: int | None = None, expected: str = "", hint: str | None = None
    ) -> InstanceError:
        source = self._source.only_line(self.lines[row])
        _, atom = _literal(source)
        token = token_of(atom.children[0 if argument is None else argument + 1])
        found = str(token) if argument is not None else source.code.strip()
        return source.error(problem, token.start_pos or 0, found=found, expected=expected, hint=hint)


def literals_of(source: Source, program: Program) -> Iterable[TextLiterals]:
    """The literals of a text, read but not checked.

    Raises:
        MLNSyntaxError: a line that is no ground literal of a declared predicate.
    """
    tables = {name: TextLiterals(predicate, source) for name, predicate in program.predicates.items()}
    for number, line in enumerate(source.code.split("\n"), 1):
        found = _LITERAL.fullmatch(line)
        if found is not None:
            sign, name, arguments = found.groups()
            row = tuple(_split(arguments))
        elif line and not line.isspace():
            sign, name, row = _read_carefully(source.only_line(number))
        else:
            continue
        if name not in tables:
            own, hint = source.only_line(number), did_you_mean(name, tables)
            problem = f"evidence on the undeclared predicate {name!r}"
            raise own.error(problem, own.code.index(name), found=name, expected="a declared predicate", hint=hint)
        table = tables[name]
        table.rows.append(row)
        table.truth.append(_TRUTH[sign])
        table.lines.append(number)
    return tables.values()


def _read_carefully(line: Source) -> tuple[str, str, tuple[str, ...]]:
    """Sign, predicate and constants of any literal there may be."""
    weight = re.match(r"\s*([+-]?\.?\d\S*)\s", line.code)
    if weight is not None:
        hint = "fuzzy truth values are not supported: write A(X), !A(X) or ?A(X)"
        problem = f"expected a ground literal, found the number {weight[1]!r}"
        raise line.error(problem, weight.start(1), found=weight[1], expected="a ground literal", hint=hint)
    prefix = re.match(r"\s*([^\W\d]\w*)\s*:(?!-)", line.code)
    if prefix is not None:
        hint = "weights per ground atom (RockIt's 'conf:') go into the layer's unary, or unary= of map_inference"
        problem = f"expected a ground literal, found {prefix[1]!r}"
        raise line.error(problem, prefix.start(1), found=prefix[1], expected="a ground literal", hint=hint)
    sign, atom = _literal(line)
    tokens = [token_of(argument) for argument in atom.children[1:]]
    for argument, token in zip(nodes(atom)[1:], tokens, strict=True):
        if argument.data != "term" or not is_constant(token):
            raise misplaced(line, token, "a constant", hint=capitalise(token))
    return sign, str(atom.children[0]), tuple(map(constant_name, tokens))


def _literal(line: Source) -> tuple[str, Node]:
    *sign, atom = nodes(parse_tree(line, "literal"))
    return "".join(map(str, sign)), atom


def _split(arguments: str) -> list[str]:
    if '"' in arguments:
        return [constant.strip('"') for constant in _CONSTANTS.findall(arguments)]
    parts = arguments.split(",")
    return [part.strip() for part in parts] if " " in arguments or "\t" in arguments else parts
