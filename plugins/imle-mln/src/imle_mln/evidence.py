"""Evidence: Alchemy's `.db` files, or Python data, -> Database."""

from __future__ import annotations

import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError
from imle_mln.errors import Source, did_you_mean, read
from imle_mln.logic import Database, Predicate, Program
from imle_mln.syntax import Node, capitalise, constant_name, is_constant, misplaced, nodes, parse_tree, token_of

_ASKED = -1
_TRUTH = {"": 1, "!": 0, "?": _ASKED}
_WORDS = {1: "true", 0: "false", _ASKED: "asked for"}


def parse_database(source: str | os.PathLike[str], program: Program) -> Database:
    """Reads evidence, one ground literal a line: `A(X)` true, `!A(X)` false, `?A(X)` asked for.

    Args:
        source: a path object, a file name (one line that ends in ".db"), or the text itself.
        program: declares the predicates.

    Raises:
        MLNSyntaxError: with line, column, what was expected and the offending text.
        InstanceError: the file cannot be read.
    """
    text = _Text(read(source, kind="evidence", suffix=".db"), program)
    return _database(text.tables(), program, text)


def database_from(evidence: Mapping[str, Any], program: Program) -> Database:
    """Evidence from Python data.

    Args:
        evidence: for each predicate one of
            - an iterable of true atoms: tuples of constants, or bare constants if there is one argument;
            - a mapping of such atoms to True, False or None (asked for);
            - a pandas DataFrame with the arguments as columns, and optionally a last one with truth values;
            - a bool array with one axis per argument, as long as its domain, which must be declared: all atoms.
            Constants are strings or numbers.
        program: declares the predicates.

    Raises:
        InstanceError: with the predicate and the row, from 0.
    """
    data = _Data()
    tables = []
    for name, values in evidence.items():
        if name not in program.predicates:
            problem = f"expected evidence on declared predicates, found {name!r}"
            raise InstanceError(problem, hint=did_you_mean(name, program.predicates))
        tables.append(data.table(program.predicates[name], values, program.domains))
    return _database(tables, program, data)


@dataclass
class _Table:
    """The literals of one predicate, and the line or row each comes from."""

    predicate: Predicate
    rows: list[tuple[str, ...]] = field(default_factory=list)
    truth: list[int] = field(default_factory=list)
    places: Sequence[int] = field(default_factory=list)


class _Origin(ABC):
    """Where evidence comes from, to say so in errors."""

    @abstractmethod
    def name(self, place: int) -> str:
        """A line or a row, in words."""

    @abstractmethod
    def error(
        self, table: _Table, row: int, problem: str, *, argument: int | None = None, expected: str = "", hint: str = ""
    ) -> InstanceError:
        """An error that points at a literal, or at one argument of it."""


# Checks ---------------------------------------------------------------------------------------------------------------


def _database(tables: Iterable[_Table], program: Program, origin: _Origin) -> Database:
    kept = [table for table in tables if table.rows]
    for table in kept:
        _check_arity(table, origin)
        _check_domains(table, program.domains, origin)
        _check_once(table, origin)
        if table.predicate.unique:
            _check_blocks(table, origin)
    return Database(
        {table.predicate.name: tuple(table.rows) for table in kept},
        {table.predicate.name: tuple(table.truth) for table in kept},
    )


def _check_arity(table: _Table, origin: _Origin) -> None:
    types = table.predicate.types
    lengths = [*map(len, table.rows)]
    if set(lengths) != {len(types)}:
        row = next(k for k, length in enumerate(lengths) if length != len(types))
        name, expected = table.predicate.name, f"{len(types)} argument{'s' * (len(types) != 1)}"
        hint = f"declared as {name}({', '.join(types)})"
        raise origin.error(table, row, f"{name} has {expected}, found {lengths[row]}", expected=expected, hint=hint)


def _check_domains(table: _Table, domains: Mapping[str, tuple[str, ...]], origin: _Origin) -> None:
    for position, (type_name, column) in enumerate(
        zip(table.predicate.types, zip(*table.rows, strict=True), strict=True)
    ):
        if type_name in domains and (outside := set(column).difference(domains[type_name])):
            row = next(k for k, constant in enumerate(column) if constant in outside)
            problem = f"{column[row]!r} is not in the domain {type_name!r}"
            hint = did_you_mean(column[row], domains[type_name])
            expected = f"a constant of {type_name!r}"
            raise origin.error(table, row, problem, argument=position, expected=expected, hint=hint)


def _check_once(table: _Table, origin: _Origin) -> None:
    if len(set(table.rows)) == len(table.rows):
        return
    first, again = _first_repeated(table.rows)
    before, now = table.truth[first], table.truth[again]
    kind = "duplicate" if before == now else "contradictory"
    problem = f"{kind} evidence: {_atom(table, again)} is {_WORDS[now]} here"
    problem += f", and {_WORDS[before]} in {origin.name(table.places[first])}"
    raise origin.error(table, again, problem, expected="each atom once", hint="keep one of them")


def _check_blocks(table: _Table, origin: _Origin) -> None:
    """At most one true atom in each block of atoms of which exactly one is true."""
    others = [k for k in range(len(table.predicate.types)) if k not in table.predicate.unique]
    true = [k for k, truth in enumerate(table.truth) if truth == 1]
    blocks = [tuple(table.rows[k][position] for position in others) for k in true]
    if len(set(blocks)) < len(blocks):
        first, again = (true[k] for k in _first_repeated(blocks))
        problem = f"contradictory evidence: {_atom(table, again)} is true here"
        problem += f", and {_atom(table, first)} in {origin.name(table.places[first])}"
        arguments = ", ".join(t + "!" * (k in table.predicate.unique) for k, t in enumerate(table.predicate.types))
        hint = f"declared as {table.predicate.name}({arguments}): exactly one is true"
        raise origin.error(table, again, problem, expected="one true atom in each block", hint=hint)


def _first_repeated(rows: Sequence[tuple[str, ...]]) -> tuple[int, int]:
    seen: dict[tuple[str, ...], int] = {}
    return next((first, again) for again, row in enumerate(rows) if (first := seen.setdefault(row, again)) != again)


def _atom(table: _Table, row: int) -> str:
    return f"{table.predicate.name}({', '.join(table.rows[row])})"


# Text -----------------------------------------------------------------------------------------------------------------

# Nearly all lines look like this; lark reads the others, and finds what is wrong with them.
_CONSTANT = r'(?:[A-Z]\w*|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|"[^"\\]*")'
_LITERAL = re.compile(rf"\s*([!?]?)\s*([^\W\d]\w*)\s*\(\s*({_CONSTANT}(?:\s*,\s*{_CONSTANT})*)\s*\)\s*")
_CONSTANTS = re.compile(_CONSTANT)


class _Text(_Origin):
    def __init__(self, source: Source, program: Program) -> None:
        self._source = source
        self._predicates = program.predicates

    def tables(self) -> Iterable[_Table]:
        """The literals, read but not checked."""
        tables = {name: _Table(predicate) for name, predicate in self._predicates.items()}
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
        self, table: _Table, row: int, problem: str, *, argument: int | None = None, expected: str = "", hint: str = ""
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


# Python data ----------------------------------------------------------------------------------------------------------


class _Data(_Origin):
    def name(self, place: int) -> str:
        return f"row {place}"

    def error(
        self, table: _Table, row: int, problem: str, *, argument: int | None = None, expected: str = "", hint: str = ""
    ) -> InstanceError:
        return _refusal(table.predicate, problem, row=table.places[row], hint=hint)

    def table(self, predicate: Predicate, values: Any, domains: Mapping[str, tuple[str, ...]]) -> _Table:
        """The literals of one predicate, read but not checked."""
        pandas = sys.modules.get("pandas")  # who passes a DataFrame has imported it
        if pandas is not None and isinstance(values, pandas.DataFrame):
            rows, truth = _from_frame(predicate, values)
        elif isinstance(values, np.ndarray) and values.dtype.kind in "bf":
            rows, truth = _from_array(predicate, values, domains)
        elif isinstance(values, Mapping):
            rows, truth = list(values), [_truth(predicate, row, value) for row, value in enumerate(values.values())]
        else:
            rows = _listed(predicate, values)
            truth = [1] * len(rows)
        atoms = [_row(predicate, k, row) for k, row in enumerate(rows)]
        return _Table(predicate, atoms, truth, range(len(atoms)))


def _refusal(predicate: Predicate, problem: str, *, row: int | None = None, hint: str | None = None) -> InstanceError:
    place = "" if row is None else f", row {row}"
    return InstanceError(f"evidence on {predicate.name}{place}: {problem}", hint=hint)


def _listed(predicate: Predicate, values: Any) -> list[Any]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        problem = f"expected an iterable of tuples, a mapping, a DataFrame or a bool array, found {values!r}"
        raise _refusal(predicate, problem, hint=f"for one true atom write [{values!r}]")
    return list(values)


def _from_frame(predicate: Predicate, frame: Any) -> tuple[list[Any], list[int]]:
    columns = [frame.iloc[:, k].tolist() for k in range(frame.shape[1])]
    truth = [1] * len(frame)
    if len(columns) == len(predicate.types) + 1:
        truth = [_truth(predicate, row, value) for row, value in enumerate(columns.pop())]
    if len(columns) != len(predicate.types):
        problem = f"expected {len(predicate.types)} columns, found {len(columns)}"
        raise _refusal(predicate, problem, hint="one for each argument, and perhaps a last one with truth values")
    return list(zip(*columns, strict=True)), truth


def _from_array(
    predicate: Predicate, values: NDArray[Any], domains: Mapping[str, tuple[str, ...]]
) -> tuple[list[Any], list[int]]:
    if values.dtype != np.bool_:
        hint = "fuzzy truth values are not supported"
        raise _refusal(predicate, f"expected an array of dtype bool, found {values.dtype}", hint=hint)
    for name in predicate.types:
        if name not in domains:
            hint = f"declare it in the program: {name} = {{A, B, ...}}"
            raise _refusal(predicate, f"an array needs the declared domain of {name!r}, found none", hint=hint)
    sides = [domains[name] for name in predicate.types]
    shape = tuple(map(len, sides))
    if values.shape != shape:
        hint = f"one axis for each argument: {', '.join(predicate.types)}"
        raise _refusal(predicate, f"expected an array of shape {shape}, found {values.shape}", hint=hint)
    truth = values.ravel().tolist()
    if predicate.closed:  # what is not true is false anyway
        return list(compress(product(*sides), truth)), [1] * sum(truth)
    return list(product(*sides)), list(map(int, truth))


def _truth(predicate: Predicate, row: int, value: Any) -> int:
    if value is None:
        return _ASKED
    if isinstance(value, bool | np.bool_):
        return int(value)
    hint = "fuzzy truth values are not supported" if isinstance(value, int | float) else None
    raise _refusal(predicate, f"expected True, False or None, found {value!r}", row=row, hint=hint)


def _row(predicate: Predicate, row: int, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, tuple | list | np.ndarray) else (value,)
    return tuple(item if type(item) is str else _constant(predicate, row, item) for item in values)


def _constant(predicate: Predicate, row: int, value: Any) -> str:
    if isinstance(value, str | int | np.integer) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float | np.floating) and np.isfinite(value):
        return repr(float(value))
    raise _refusal(predicate, f"expected a constant (a string or a number), found {value!r}", row=row)
