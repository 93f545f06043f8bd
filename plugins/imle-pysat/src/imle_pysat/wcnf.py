"""WCNF and CNF as text: the formats before and since 2022, and files that hold them."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import os
import re
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from imle.errors import InstanceError
from imle_pysat.formula import MOST, Formula, literals, shown, weight, whole

_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".lzma": lzma.open}
_LINE_ENDS = re.compile(r"\r\n|\r|\n")


class _Header(NamedTuple):
    """The line `p wcnf VARIABLES CLAUSES [TOP]`; before it is met, and in files without it, the kind is "".

    Attributes:
        line: its number.
        top: the weight from which on clauses are hard.
    """

    kind: str = ""
    variables: int = 0
    clauses: int = 0
    top: Fraction | None = None
    line: int = 0


def read_file(who: str, given: str | os.PathLike[str]) -> str:
    """The text of a file, unpacked if it ends in .gz, .bz2, .xz or .lzma. Comments may be in any encoding.

    Raises:
        InstanceError: it cannot be read.
    """
    path = Path(given)
    try:
        with _OPENERS.get(path.suffix.lower(), open)(path, "rb") as file:
            raw: bytes = file.read()
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InstanceError(
            f"{who}: wcnf: cannot read {shown(str(path), 300)}: {reason}",
            hint="a string without line breaks is taken for a path" if isinstance(given, str) else None,
        ) from None
    return raw.removeprefix(codecs.BOM_UTF8).decode("latin-1")  # one character for each byte, whatever it stands for


def parse(where: str, text: str, *, plain: str = "soft") -> Formula:
    """WCNF as written before 2022 (a line `p wcnf VARIABLES CLAUSES [TOP]`) or since (hard clauses start with h).

    Args:
        where: for messages.
        text: a file's.
        plain: what clauses of plain CNF (`p cnf`) are: "soft", of weight 1, or "hard".

    Raises:
        InstanceError: not that, or not as many clauses as the header declares; names the line.
    """
    formula = Formula(weights=[])
    header = _Header()
    pending: list[str] = []
    last = ended = 0
    for number, line in enumerate(_LINE_ENDS.split(text.removeprefix("\ufeff")), 1):
        words = line.split()
        if not words or words[0].startswith("c"):
            continue
        place = f"{where}: line {number}"
        if words[0] == "%" and not pending:  # how files of SATLIB end, before a last 0
            ended = number
        elif ended and words != ["0"]:
            raise InstanceError(f"{place}: expected nothing after the % of line {ended}, found {shown(line.strip())}")
        elif words[0] == "p":
            if header.kind or formula.hard or formula.soft or pending:
                raise InstanceError(f"{place}: expected one line 'p ...', before all clauses, found another")
            header = _header(place, words, number)
        elif not ended:
            for word in words:
                if word != "0" or (not pending and header.kind != "cnf"):
                    pending.append(word)
                    last = number
                    continue
                _add(place, formula, pending, header, plain)
                pending = []
    if pending:
        raise InstanceError(f"{where}: line {last}: expected 0 at the end of the last clause, found none")
    _check_count(where, formula, header)
    return formula.count_variables(header.variables)


def _check_count(where: str, formula: Formula, header: _Header) -> None:
    found = len(formula.hard) + len(formula.soft)
    if header.kind and found != header.clauses:
        raise InstanceError(
            f"{where}: expected {header.clauses:,} clauses, as line {header.line} declares, found {found:,}",
            hint="the file may have been cut short" if found < header.clauses else "correct the line, or the clauses",
        )
    if not found:
        raise InstanceError(f"{where}: expected clauses, found none")


def _header(where: str, words: list[str], line: int) -> _Header:
    numbers = [whole(word) for word in words[2:4]]
    variables, clauses = numbers if len(numbers) == 2 else (None, None)
    if (
        words[1:2] not in (["cnf"], ["wcnf"])
        or len(words) > (5 if words[1] == "wcnf" else 4)
        or variables is None
        or clauses is None
        or not 0 <= variables < MOST
        or clauses < 0
    ):
        raise InstanceError(
            f"{where}: expected 'p wcnf VARIABLES CLAUSES [TOP]' or 'p cnf VARIABLES CLAUSES', "
            f"found {shown(' '.join(words))}"
        )
    return _Header(words[1], variables, clauses, weight(where, words[4]) if len(words) == 5 else None, line)


def _add(where: str, formula: Formula, words: list[str], header: _Header, plain: str) -> None:
    assert formula.weights is not None
    value: Fraction | None
    if header.kind == "cnf":
        value = Fraction(1) if plain == "soft" else None
    else:
        first, *words = words
        value = None if first == "h" else weight(where, first)
    if value is None or (header.top is not None and value >= header.top):
        formula.hard.append(literals(where, words))
    else:
        formula.soft.append(literals(where, words))
        formula.weights.append(value)
