"""Which package may import which: only one that stands on a lower floor."""

from __future__ import annotations

from tools.house.source import CORE, Checkout

FLOORS = (
    ("imle.cli",),
    ("imle.testing",),
    ("imle", "imle.aimle"),
    ("imle.calibration", "imle.diagnosis", "imle.metrics", "imle.imle"),
    ("imle.plot", "imle.losses", "imle.wrapper"),
    ("imle._borrow",),
    ("imle.layers",),
    ("imle.estimators",),
    ("imle.execution",),
    ("imle.solvers", "imle.datasets"),
    ("imle.plugins", "imle.noise", "imle.target", "imle._generators"),
    ("imle._checks", "imle._sum_of_gamma", "imle._zeros"),
    ("imle.errors",),
    ("imle._text",),
)
"""The packages of the core, from the roof down. Distributions stand on top, each above the others that it imports."""


def floors(checkout: Checkout) -> list[list[str]]:
    """All packages of a checkout, from the roof down.

    Raises:
        ValueError: a package of the core has no floor; names it.
    """
    packages = {module.package for module in checkout.modules.values()}
    core = {package for package in packages if package.split(".")[0] == CORE}
    homeless = core - {package for floor in FLOORS for package in floor}
    if homeless:
        raise ValueError(f"no floor for {', '.join(sorted(homeless))}: give it one in tools/house/floors.py")
    plugins = sorted(packages - core)
    imports = {package: checkout.package_imports.get(package, set()) & set(plugins) for package in plugins}
    heights: dict[str, int] = {}

    def height(package: str, above: tuple[str, ...] = ()) -> int:
        if package in above:
            raise ValueError(f"distributions import each other: {' -> '.join((*above, package))}")
        if package not in heights:
            heights[package] = 1 + max((height(lower, (*above, package)) for lower in imports[package]), default=-1)
        return heights[package]

    top = max(map(height, plugins), default=-1)
    rows = [[package for package in plugins if heights[package] == level] for level in range(top, -1, -1)]
    return rows + [[package for package in floor if package in core] for floor in FLOORS if core & set(floor)]


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
