"""Alchemy's `.db` files: one ground literal a line; and what others write there."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from imle.errors import InstanceError
from imle_mln.errors import did_you_mean
from imle_mln.evidence.tables import ASKED, Literals
from imle_mln.logic import Predicate, Program
from imle_mln.printing import ground_atom_text
from imle_mln.source import Source
from imle_mln.syntax.declarations import listed
from imle_mln.syntax.trees import (
    Node,
    check_domain,
    misplaced,
    nodes,
    parse_tree,
    token_of,
    tokens_in,
    trees_in,
    unquoted,
    wrong,
)

_TRUTH = {"": 1, "!": 0, "?": ASKED}
# Nearly all lines look like these; lark reads the others, and finds what is wrong with them. Possessive (`*+`): no
# blank or letter is ever tried twice. A name is what the grammar calls BARE.
_BARE = r"(?:[+-](?=\d))?\w(?:[\w.\-:/'@&#%$~+]*[\w'%$~+#])?+"
_CONSTANT = rf'(?:"(?:[^"\\]++|\\.)*+"|{_BARE})'
_FACT = rf"([^\W\d]\w*+)\s*+\(\s*+({_CONSTANT}(?:\s*+,\s*+{_CONSTANT})*+)?+\s*+\)\s*+"
_LITERAL = re.compile(
    rf"\s*+(?:([!?])\s*+|([\d.]++(?:[eE][+-]?\d++)?+)\s++)?+{_FACT}(?:=\s*+({_CONSTANT})\s*+)?+\.?+\s*+"
)
_VALUE = re.compile(rf"\s*+({_CONSTANT})\s*+=\s*+{_FACT}\.?+\s*+")
_CONSTANTS = re.compile(_CONSTANT)


class _Fact(NamedTuple):
    """One line: a literal, or the value of a function for arguments."""

    name: str
    row: tuple[str, ...]
    sign: str
    probability: str | None
    value: bool


class TextLiterals(Literals):
    """The literals of one predicate, and the line that each comes from."""

    def __init__(self, predicate: Predicate) -> None:
        super().__init__(predicate)
        self.lines: list[int] = []
        self._sources: list[Source] = []
        self._starts: list[int] = []

    def begin(self, source: Source) -> None:
        """From here on literals are of this text."""
        self._sources.append(source)
        self._starts.append(len(self.rows))

    def _line(self, row: int) -> Source:
        return self._sources[bisect_right(self._starts, row) - 1].only_line(self.lines[row])

    def place(self, row: int) -> str:
        several = len({source.name for source in self._sources}) > 1
        return f"{self._line(row).name}, line {self.lines[row]}" if several else f"line {self.lines[row]}"

    def error(
        self, row: int, problem: str, *, argument: int | None = None, expected: str = "", hint: str | None = None
    ) -> InstanceError:
        source = self._line(row)
        line = _tree(source)
        fact = next(line.find_data("fact"))
        tokens = [token_of(datum) for datum in nodes(fact)[1:]]
        tokens += [token_of(one) for one in trees_in(line) if one.data == "datum"]
        token = token_of(fact.children[0]) if argument is None else tokens[argument]
        found = str(token) if argument is not None else source.code.strip()
        return source.error(problem, token.start_pos or 0, found=found, expected=expected, hint=hint)


class TextEvidence:
    """All that texts say.

    Attributes:
        tables: the literals, by predicate.
        domains: constants of types that are listed.
    """

    def __init__(self, program: Program) -> None:
        self.tables = {name: TextLiterals(predicate) for name, predicate in program.predicates.items()}
        self.domains: dict[str, tuple[str, ...]] = {}
        self._program = program
        self._types = {kind for predicate in program.predicates.values() for kind in predicate.types}

    def read(self, source: Source) -> None:
        """Read a text, without checks of what its literals say together.

        Raises:
            MLNSyntaxError: a line that is no ground literal of a declared predicate.
        """
        for table in self.tables.values():
            table.begin(source)
        for number, line in enumerate(source.code.split("\n"), 1):
            if not line or line.isspace():
                continue
            fact = _quickly(line) or self._carefully(source.only_line(number))
            if fact is not None:
                self._add(fact, source, number)

    def _add(self, fact: _Fact, source: Source, number: int) -> None:
        table = self.tables.get(fact.name)
        if table is None or (fact.value and not table.predicate.function):
            raise self._unknown(fact, source.only_line(number))
        truth: int = _TRUTH[fact.sign]
        probability = None
        if fact.probability is not None:
            truth, probability = _soft(fact, source.only_line(number))
        if table.predicate.function and truth == ASKED:
            hint = "declare a predicate with '!' to have values that are asked for"
            own = source.only_line(number)
            raise own.error(f"{fact.name} is a function, whose values are known", 0, found=own.code.strip(), hint=hint)
        table.add(fact.row, truth, probability)
        table.lines.append(number)

    def _unknown(self, fact: _Fact, line: Source) -> InstanceError:
        place = line.code.index(fact.name)
        if fact.name in self.tables:
            problem = f"expected a function before or behind '=', found the predicate {fact.name!r}"
            return line.error(problem, place, found=fact.name, expected="a function")
        hint = did_you_mean(fact.name, self.tables)
        problem = f"evidence on the undeclared predicate {fact.name!r}"
        return line.error(problem, place, found=fact.name, expected="a declared predicate", hint=hint)

    def _carefully(self, line: Source) -> _Fact | None:
        """Any literal there may be; None for constants that are listed, which are kept."""
        tree = _tree(line)
        if tree.data == "listing":
            self._listing(line, tree)
            return None
        fact = next(tree.find_data("fact"))
        row = [unquoted(token_of(datum)) for datum in nodes(fact)[1:]]
        marks = {child.type: child for child in tokens_in(tree)}
        row += [unquoted(token_of(child)) for child in trees_in(tree) if child.data == "datum"]
        number = marks.get("BARE")
        if number is not None and not re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", number):
            hint = "a probability, '!' or '?' may stand before an atom"
            raise misplaced(line, number, "a ground literal", hint=hint)
        sign = str(marks.get("SIGN", ""))
        return _Fact(str(fact.children[0]), tuple(row), sign, number and str(number), tree.data == "value")

    def _listing(self, line: Source, tree: Node) -> None:
        name, *elements = map(token_of, tree.children)
        if name not in self._types:
            hint = did_you_mean(name, self._types)
            raise wrong(line, name, f"unknown type {str(name)!r}", expected="a type of the program", hint=hint)
        for token in elements:
            if token.type != "ELLIPSIS":
                check_domain(line, token, str(name), self._program.domains)
        constants = listed(line, name, elements)
        self.domains[str(name)] = tuple(dict.fromkeys((*self.domains.get(name, ()), *constants)))


def _soft(fact: _Fact, line: Source) -> tuple[int, float | None]:
    """Truth and probability of soft evidence."""
    assert fact.probability is not None
    try:
        probability = float(fact.probability)
    except ValueError:
        probability = -1.0
    if not 0 <= probability <= 1:
        place = line.code.index(fact.probability)
        expected = "a probability between 0 and 1"
        problem = f"expected {expected}, found {fact.probability!r}"
        raise line.error(problem, place, found=fact.probability, expected=expected)
    return (int(probability), None) if probability in (0, 1) else (ASKED, probability)


def _quickly(line: str) -> _Fact | None:
    """A literal as most are."""
    found = _LITERAL.fullmatch(line)
    if found is not None:
        sign, probability, name, arguments, value = found.groups()
        row = _split(arguments)
        if value is None:
            return _Fact(name, tuple(row), sign or "", probability, False)
        if sign or probability:
            return None
        return _Fact(name, (*row, unquoted(value)), "", None, True)
    found = _VALUE.fullmatch(line)
    if found is None:
        return None
    value, name, arguments = found.groups()
    return _Fact(name, (*_split(arguments), unquoted(value)), "", None, True)


def _tree(line: Source) -> Node:
    return nodes(parse_tree(line, "evidence"))[0]


def _split(arguments: str | None) -> Sequence[str]:
    if arguments is None:
        return ()
    if '"' in arguments:
        return list(map(unquoted, _CONSTANTS.findall(arguments)))
    parts = arguments.split(",")
    return [part.strip() for part in parts] if " " in arguments or "\t" in arguments else parts


def atom_name(text: str) -> str:
    """A ground atom as results name it, whatever its blanks and quotes; a text that is none stays as it is."""
    fact = _quickly(text)
    if fact is None or fact.sign or fact.probability or fact.value:
        return text
    return ground_atom_text(fact.name, fact.row)


def evidence_of(sources: Iterable[Source], program: Program) -> TextEvidence:
    """What texts say, all taken together."""
    evidence = TextEvidence(program)
    for source in sources:
        evidence.read(source)
    return evidence
