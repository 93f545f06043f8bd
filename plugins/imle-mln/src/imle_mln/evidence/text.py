"""Alchemy's `.db` files: one ground literal a line."""

from __future__ import annotations

import re
from collections.abc import Iterable

from imle.errors import InstanceError
from imle_mln.errors import did_you_mean
from imle_mln.evidence.tables import ASKED, Literals, Origin
from imle_mln.logic import Program
from imle_mln.source import Source
from imle_mln.syntax.trees import Node, capitalise, constant_name, is_constant, misplaced, nodes, parse_tree, token_of

_TRUTH = {"": 1, "!": 0, "?": ASKED}
# Nearly all lines look like this; lark reads the others, and finds what is wrong with them. Possessive (`*+`): no blank
# or letter is ever tried twice.
_CONSTANT = r'(?:[A-Z]\w*+|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|"[^"\\]*+")'
_LITERAL = re.compile(rf"\s*+([!?]?)\s*+([^\W\d]\w*+)\s*+\(\s*+({_CONSTANT}(?:\s*+,\s*+{_CONSTANT})*+)\s*+\)\s*+")
_CONSTANTS = re.compile(_CONSTANT)


class Text(Origin):
    def __init__(self, source: Source, program: Program) -> None:
        self._source = source
        self._predicates = program.predicates

    def tables(self) -> Iterable[Literals]:
        """The literals, read but not checked."""
        tables = {name: Literals(predicate) for name, predicate in self._predicates.items()}
        lines: dict[str, list[int]] = {name: [] for name in tables}
        for number, line in enumerate(self._source.code.split("\n"), 1):
            found = _LITERAL.fullmatch(line)
            if found is not None:
                sign, name, arguments = found.groups()
                row = tuple(_split(arguments))
            elif line and not line.isspace():
                sign, name, row = self._carefully(number)
            else:
                continue
            if name not in tables:
                raise self._undeclared(number, name)
            tables[name].rows.append(row)
            tables[name].truth.append(_TRUTH[sign])
            lines[name].append(number)
        for name, table in tables.items():
            table.places = lines[name]
        return tables.values()

    def _carefully(self, number: int) -> tuple[str, str, tuple[str, ...]]:
        source = self._source.only_line(number)
        weight = re.match(r"\s*([+-]?\.?\d\S*)\s", source.code)
        if weight is not None:
            hint = "fuzzy truth values are not supported: write A(X), !A(X) or ?A(X)"
            problem = f"expected a ground literal, found the number {weight[1]!r}"
            raise source.error(problem, weight.start(1), found=weight[1], expected="a ground literal", hint=hint)
        prefix = re.match(r"\s*([^\W\d]\w*)\s*:(?!-)", source.code)
        if prefix is not None:
            hint = "weights per ground atom (RockIt's 'conf:') go into the layer's unary, or unary= of map_inference"
            problem = f"expected a ground literal, found {prefix[1]!r}"
            raise source.error(problem, prefix.start(1), found=prefix[1], expected="a ground literal", hint=hint)
        sign, atom = self._literal(source)
        name, *arguments = atom.children
        tokens = [token_of(argument) for argument in arguments]
        for argument, token in zip(nodes(atom)[1:], tokens, strict=True):
            if argument.data != "term" or not is_constant(token):
                raise misplaced(source, token, "a constant", hint=capitalise(token))
        return sign, str(name), tuple(map(constant_name, tokens))

    def _literal(self, source: Source) -> tuple[str, Node]:
        *sign, atom = nodes(parse_tree(source, "literal"))
        return "".join(map(str, sign)), atom

    def _undeclared(self, number: int, name: str) -> InstanceError:
        line = self._source.only_line(number)
        problem = f"evidence on the undeclared predicate {name!r}"
        hint = did_you_mean(name, self._predicates)
        return line.error(problem, line.code.index(name), found=name, expected="a declared predicate", hint=hint)

    def name(self, place: int) -> str:
        return f"line {place}"

    def error(
        self,
        table: Literals,
        row: int,
        problem: str,
        *,
        argument: int | None = None,
        expected: str = "",
        hint: str = "",
    ) -> InstanceError:
        source = self._source.only_line(table.places[row])
        _, atom = self._literal(source)
        token = token_of(atom.children[0 if argument is None else argument + 1])
        found = str(token) if argument is not None else source.code.strip()
        return source.error(problem, token.start_pos or 0, found=found, expected=expected, hint=hint)


def _split(arguments: str) -> list[str]:
    if '"' in arguments:
        return [constant.strip('"') for constant in _CONSTANTS.findall(arguments)]
    parts = arguments.split(",")
    return [part.strip() for part in parts] if " " in arguments or "\t" in arguments else parts
