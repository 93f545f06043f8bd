"""Which package may import which: only one that stands on a lower floor."""

from __future__ import annotations

import math

from tools.house.source import CORE, Checkout

FLOORS = (
    ("imle.cli",),
    ("imle.testing",),
    ("imle", "imle.aimle", "imle.sfe"),
    ("imle.calibration", "imle.diagnosis", "imle.metrics", "imle.monitoring", "imle.imle", "imle.ste"),
    ("imle.plot", "imle.losses", "imle.wrapper"),
    ("imle.layers",),
    ("imle.estimators",),
    ("imle.execution",),
    ("imle.solvers", "imle.datasets", "imle.listing"),
    ("imle.plugins", "imle.noise", "imle.target"),
    ("imle.errors", "imle.progress"),
)
"""The public packages of the core, from the roof down. What is left out here stands where its imports let it: private
files right above those they use, and distributions on top, each above the others that it imports."""


def floors(checkout: Checkout) -> list[list[str]]:
    """All packages of a checkout, from the roof down.

    Raises:
        ValueError: a public package of the core has no floor, or packages that stand by themselves import each other.
    """
    packages = {module.package for module in checkout.modules.values()}
    levels: dict[str, float] = {
        package: n for n, floor in enumerate(FLOORS) for package in floor if package in packages
    }

    def place(package: str, waiting: tuple[str, ...] = ()) -> float:
        if package in waiting:
            raise ValueError(f"packages import each other: {' -> '.join((*waiting, package))}")
        if package not in levels:
            below = [place(other, (*waiting, package)) for other in sorted(checkout.package_imports.get(package, ()))]
            if _is_plugin(package):  # a floor of its own height, above all of the core
                levels[package] = min([level for level in below if level < 0], default=0) - 1
            elif _is_private(package):  # between the floor it stands on and the next
                levels[package] = (min(below) + math.ceil(min(below)) - 1) / 2 if below else len(FLOORS)
            else:
                raise ValueError(f"no floor for {package}: give it one in tools/house/floors.py")
        return levels[package]

    for package in sorted(packages):
        place(package)
    return [_on(level, levels) for level in sorted(set(levels.values()))]


def _on(level: float, levels: dict[str, float]) -> list[str]:
    return [package for package, own in levels.items() if own == level]


def _is_plugin(package: str) -> bool:
    return package.split(".")[0] != CORE


def _is_private(package: str) -> bool:
    return package.startswith(f"{CORE}._")


def upward(checkout: Checkout) -> list[str]:
    """Imports of a package that does not stand on a lower floor, `package -> package (by module, ...)`."""
    level = {package: number for number, floor in enumerate(floors(checkout)) for package in floor}
    found: dict[tuple[str, str], list[str]] = {}
    for name, targets in checkout.imports.items():
        package = checkout.modules[name].package
        for other in {checkout.modules[target].package for target in targets} - {package}:
            if level[other] <= level[package]:
                found.setdefault((package, other), []).append(name)
    return [f"{package} -> {other} (by {', '.join(by)})" for (package, other), by in sorted(found.items())]
