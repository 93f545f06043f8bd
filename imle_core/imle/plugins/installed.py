"""What is installed, read from metadata alone: entry points and modules are found without importing anything."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.abc import InspectLoader
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution, EntryPoint, distributions, requires
from typing import NamedTuple

from imle._text import printable

_REQUIREMENT = re.compile(r"\s*([\w.-]+)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w.-]+)['\"]")


class Requirement(NamedTuple):
    """What a distribution needs.

    Attributes:
        name: of another distribution, in its normal spelling.
        extras: of that one.
        extra: of the first distribution, if only that needs it; "" else. Other conditions are not read.
    """

    name: str
    extras: tuple[str, ...]
    extra: str


def requirements(distribution: str) -> Iterator[Requirement]:
    """What an installed distribution says that it needs; nothing, if that cannot be read."""
    try:
        lines = requires(distribution) or []
    except Exception:  # of no such distribution, or one whose metadata cannot be read: discovery tells of that
        return
    for line in lines:
        if needed := _REQUIREMENT.match(line):
            extra = _EXTRA.search(line)
            extras = tuple(part.strip() for part in (needed[2] or "").split(",") if part.strip())
            yield Requirement(normal(needed[1]), extras, extra[1] if extra else "")


class Unreadable(NamedTuple):
    """A distribution whose entry points cannot be read.

    Entry points and distributions are not told apart by their type: once the package `importlib_metadata` is
    imported (Dask does that), the standard library returns its types instead of its own.
    """

    distribution: Distribution


def points_of(group: str) -> Iterator[EntryPoint | Unreadable]:
    """The entry points of a group, one distribution per name as on `sys.path`.

    The standard look-up parses the metadata of everything installed, which takes longer than reading all plugins, and
    fails for all where one cannot be read. A distribution whose part in the group cannot be told is `Unreadable`.
    """
    seen: set[str] = set()
    for distribution in distributions():
        if not _may_belong(distribution, group):
            continue
        name, _ = name_and_version(distribution)
        if normal(name) in seen or _shadowed(distribution, name):
            continue
        seen.add(normal(name))
        try:
            yield from distribution.entry_points.select(group=group)
        except Exception:
            yield Unreadable(distribution)


def _shadowed(distribution: Distribution, name: str) -> bool:
    """Whether an earlier directory of `sys.path` has a distribution of that name."""
    try:
        first = Distribution.from_name(name)
    except Exception:  # one without a name
        return False
    return first.locate_file("") != distribution.locate_file("")


def _may_belong(distribution: Distribution, group: str) -> bool:
    try:
        return group in (distribution.read_text("entry_points.txt") or "")
    except Exception:
        return True


@lru_cache(maxsize=1024)
def name_and_version(distribution: Distribution | None) -> tuple[str, str]:
    """Both as text, whatever the metadata lacks. Kept: each look parses the whole description of a distribution."""
    try:
        metadata = distribution.metadata if distribution else None
        name, version = (None, None) if metadata is None else (metadata["Name"], metadata["Version"])
    except Exception:  # no METADATA file: half-removed distributions exist
        return "unknown", ""
    return printable(str(name or "unknown"), keep=""), printable(str(version or ""), keep="")


def normal(name: str) -> str:
    """A distribution name in the one spelling that all its spellings share."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locate(module: str) -> ModuleSpec | None:
    """Find a module without importing it, nor its parents (`importlib.util.find_spec` imports those)."""
    first, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(first)
        for name in rest:
            if spec is None or spec.submodule_search_locations is None:
                return None
            spec = PathFinder.find_spec(f"{spec.name}.{name}", spec.submodule_search_locations)
    except (ImportError, ValueError):  # a half-removed module
        return None
    return spec


def source_of(module: str) -> str:
    """The source of a module that is not imported for that; "" where it cannot be read."""
    spec = locate(module)
    if spec is None or not isinstance(spec.loader, InspectLoader):
        return ""
    try:
        return spec.loader.get_source(module) or ""
    except (ImportError, SyntaxError):  # a file that cannot be read, or not be decoded
        return ""
