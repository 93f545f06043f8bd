"""The table, of one checkout or of two side by side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.house.source import CORE, Checkout, circles, shared_class_names

SPINE = ("layers", "estimators", "solvers", "execution", "plugins")
LONG = 60
Figures = dict[str, float]


def measure(root: Path) -> tuple[Figures, dict[str, list[str]]]:
    """All figures of a checkout by name, and what stands behind those that count things."""
    checkout = Checkout(root)
    figures, names = _static(checkout)
    probed = probe(checkout)
    for solver, frames in probed["frames"].items():
        own = [frame for frame in frames if not frame.startswith(("modules/", "autograd/"))]
        figures[f"frames to solve, {solver}"] = len(own)
        figures[f"  with torch's own, {solver}"] = len(frames)
        names[f"frames to solve, {solver}"] = frames
    return figures | probed["steps"], names


def probe(checkout: Checkout) -> Any:
    """What `probe.py` prints about this checkout.

    Raises:
        subprocess.CalledProcessError: it failed; its message is on stderr.
    """
    sources = [str(source) for source in checkout.sources.values()]
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("probe.py")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sources), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def _static(checkout: Checkout) -> tuple[Figures, dict[str, list[str]]]:
    modules = checkout.modules.values()
    figures: Figures = {"files": len(modules), "lines": sum(module.lines for module in modules)}
    by_distribution = Counter[str]()
    by_package = Counter[str]()
    for module in modules:
        by_distribution[module.distribution] += module.lines
        if module.distribution == CORE:
            by_package[module.package if module.package != CORE else f"{CORE}.__init__"] += module.lines
    figures |= {f"  {name}": lines for name, lines in sorted(by_distribution.items())}
    spine = [f"{CORE}.{name}" for name in SPINE]
    figures["spine"] = sum(by_package[package] for package in spine)
    figures |= {f"  {package}": by_package[package] for package in spine if package in by_package}
    figures["the core's other parts"] = by_distribution[CORE] - figures["spine"]
    figures |= {f"  {package}": lines for package, lines in sorted(by_package.items()) if package not in spine}
    for what, folders in {
        "tests": ("tests", "plugins/*/tests"),
        "benchmarks": ("benchmarks",),
        "examples": ("examples",),
        "docs' extension": ("docs/_ext",),
    }.items():
        figures[f"{what}: lines"] = checkout.lines(*folders)[1]
    names = {
        "circles of modules": [" - ".join(circle) for circle in circles(checkout.imports)],
        "circles of packages": [" - ".join(circle) for circle in circles(checkout.package_imports)],
        f"functions over {LONG} lines": [
            f"{name} ({length})" for module in modules for name, length in module.functions() if length > LONG
        ],
        "class names of several classes": [
            f"{name} ({', '.join(homes)})" for name, homes in shared_class_names(checkout).items()
        ],
    }
    return figures | {name: len(found) for name, found in names.items()}, names


def table(columns: dict[str, Figures]) -> str:
    """Figures of checkouts by their names, as a table of Markdown."""
    figures = list(columns.values())
    rows = list(dict.fromkeys(name for column in figures for name in column))
    if len(figures) == 2:  # a part that one of them lacks stands where its like stands
        rows.sort(key=_place(figures))
    lines = ["| | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for row in rows:
        cells = [_shown(column.get(row)) for column in figures]
        name = "&nbsp;&nbsp;" + row.strip() if row.startswith(" ") else row
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _place(columns: list[Figures]) -> Callable[[str], tuple[int, str]]:
    """Sort indented rows by name below their own heading, headings as they come."""
    heading_of: dict[str, int] = {}
    headings: list[str] = []
    for column in columns:
        heading = ""
        for name in column:
            if not name.startswith(" "):
                heading = name
                if name not in headings:
                    headings.append(name)
            heading_of.setdefault(name, headings.index(heading))
    return lambda name: (heading_of[name], name if name.startswith(" ") else "")


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
