"""What HiGHS does not say of files: damage, and words where numbers belong, as it reads "x" as 0 and "1,5" as 1."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import NamedTuple

_WITH_NUMBERS = ("COLUMNS", "RHS", "RANGES", "BOUNDS")
_WITHOUT_VALUE = ("FR", "MI", "PL", "BV")


class Misread(NamedTuple):
    """A line, by its number from 1, and what it has in place of a number."""

    line: int
    found: str


def damage(path: str) -> str:
    """What is wrong with a compressed file, "" if it can be unpacked or is not compressed."""
    if not path.lower().endswith(".gz"):
        return ""
    try:
        with gzip.open(path) as file:
            while file.read(1 << 20):
                pass
    except (EOFError, OSError, zlib.error) as error:
        return str(error)
    return ""


def misread(path: str, *, spaces: bool) -> Misread | None:
    """The first word that stands where a number belongs.

    Args:
        path: of an MPS file, compressed or not; other files have no such words.
        spaces: whether names have spaces in them; then only the last word of a line is sure to be a number.
    """
    stem = path.lower().removesuffix(".gz")
    if not stem.endswith(".mps"):
        return None
    section = ""
    with (gzip.open if stem != path.lower() else open)(path, "rt", errors="replace") as file:
        for number, line in enumerate(file, 1):
            words = line.partition("$")[0].split()
            if not words or line.startswith("*"):
                continue
            if not line[0].isspace():
                section = words[0].upper()
            elif section in _WITH_NUMBERS and "'MARKER'" not in words:
                for word in _values(section, words, spaces):
                    if not _is_number(word):
                        return Misread(number, word)
    return None


def _values(section: str, words: list[str], spaces: bool) -> Iterator[str]:
    if section == "BOUNDS":
        if words[0].upper() not in _WITHOUT_VALUE:
            yield words[-1]
        return
    yield words[-1]
    if not spaces and len(words) >= 4 + (section == "COLUMNS"):
        yield words[-3]


def _is_number(word: str) -> bool:
    try:
        float(word.lower().replace("d", "e"))
    except ValueError:
        return False
    return True
