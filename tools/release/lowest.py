"""The lowest versions of other packages that the distributions declare to work with: `make lowest` tests these."""

from __future__ import annotations

from collections import defaultdict

from packaging.requirements import Requirement

from tools.release.projects import FOLDERS, project


def declared() -> dict[str, set[str]]:
    """What the distributions and their extras ask of other packages, such as {"numpy": {">=2.0.2"}}."""
    found = defaultdict(set)
    for folder in FOLDERS.values():
        metadata = project(folder)
        extras = metadata.get("optional-dependencies", {}).values()
        for needed in map(Requirement, [*metadata["dependencies"], *(line for extra in extras for line in extra)]):
            if needed.name not in FOLDERS:
                found[needed.name].add(str(needed.specifier))
    return found


def constraints() -> list[str]:
    """Every package at its lower bound."""
    return sorted(f"{name}{bound.replace('>=', '==')}" for name, bounds in declared().items() for bound in bounds)
