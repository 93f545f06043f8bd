"""Plugins of third parties: a file each in `docs/directory/`, checked, so that a mistake names its file and its key."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from imle.errors import ImleError
from imle.plugins import API_VERSION
from imle.plugins.estimators import OWN
from imle.plugins.known import KNOWN, KNOWN_COMMANDS
from imle_docs.links import DOCS

FOLDER = DOCS / "directory"
PARTS = ("solvers", "estimators", "commands")
_TAKEN = {"solvers": {*KNOWN}, "estimators": {spec.id for spec in OWN}, "commands": {*KNOWN_COMMANDS}}
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_URL = re.compile(r"https://[^\s<>`\\|]+\Z")


class EntryError(ImleError):
    """A file of the directory is not what it should be."""


@dataclass(frozen=True)
class Entry:
    """One plugin.

    Attributes:
        name: of the distribution, which is that of the file.
        summary: what it brings, in a sentence.
        url: where it is developed.
        licence: its name, as SPDX spells it.
        api_version: the `imle_api_version` of its light module.
        solvers: what each id solves.
        estimators: what each id computes.
        commands: what each does.
    """

    name: str
    summary: str
    url: str
    licence: str
    api_version: int
    solvers: Mapping[str, str] = field(default_factory=dict)
    estimators: Mapping[str, str] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)


def entries(folder: Path = FOLDER) -> list[Entry]:
    """All of them, by name.

    Raises:
        EntryError: a file is not what it should be, or two bring the same id.
    """
    found = [read(path) for path in sorted(folder.glob("*.toml"))]
    owners = {part: dict.fromkeys(taken, "this repository") for part, taken in _TAKEN.items()}
    for entry in found:
        for part in PARTS:
            for known in getattr(entry, part):
                if known in owners[part]:
                    raise _error(entry.name, f"{part}: {known!r} is taken by {owners[part][known]}")
                owners[part][known] = entry.name
    return found


def read(path: Path) -> Entry:
    """One file.

    Raises:
        EntryError: what is wrong with it, and where.
    """
    name = path.stem
    if not _NAME.match(name):
        raise _error(name, "the file has the name of the distribution: small letters, digits and single hyphens")
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except ValueError as error:  # of the syntax or the encoding
        raise _error(name, str(error)) from error
    allowed = [key.name for key in fields(Entry) if key.name != "name"]
    for key in values:
        if key not in allowed:
            close = difflib.get_close_matches(key, allowed, n=1)
            raise _error(name, f"unknown key {key!r}{f'; did you mean {close[0]!r}?' if close else ''}")
    for key in ("summary", "url", "licence"):
        _check_line(name, key, values.get(key))
    if not _URL.match(values["url"]):
        raise _error(name, f"url: expected an address that begins with https://, found {values['url']!r}")
    version = values.get("api_version")
    if type(version) is not int or not 1 <= version <= API_VERSION:
        raise _error(name, f"api_version: expected a number from 1 to {API_VERSION}, found {version!r}")
    for part in PARTS:
        _check_part(name, part, values.get(part, {}))
    if not any(values.get(part) for part in PARTS):
        raise _error(name, "expected a table [solvers], [estimators] or [commands] with an id in it, found none")
    return Entry(name, **values)


def _check_part(name: str, part: str, table: Any) -> None:
    if not isinstance(table, dict):
        raise _error(name, f"{part}: expected a table of ids and what each is for, found {table!r}")
    for known, summary in table.items():
        if not _NAME.match(known):
            raise _error(name, f"{part}: {known!r}: an id has small letters, digits and single hyphens")
        _check_line(name, f"{part}.{known}", summary)


def _check_line(name: str, key: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip() or "\n" in value or len(value) > 160:
        raise _error(name, f"{key}: expected a line of 1 to 160 letters, found {value!r}")


def _error(name: str, what: str) -> EntryError:
    return EntryError(
        f"docs/directory/{name}.toml: {what}", hint='"Be found" in docs/write-a-plugin.md shows a whole file'
    )
