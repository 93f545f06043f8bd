"""A calibration as text."""

from __future__ import annotations

import math

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from imle.calibration.report import Calibration

NAMES = {"entropy": "entropy of marginals, bits", "score": "mean score of samples"}


def rendered(found: Calibration) -> RenderableType:
    """For a rich console."""
    title = Text.assemble(
        (f"temperature {found.temperature:.4g}", "bold"),
        f", kappa {found.kappa:.4g}  ",
        (f"{found.rows} rows, {found.nb_samples} draws each", "dim"),
    )
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column()
    facts.add_row("noise", repr(found.noise))
    facts.add_row(NAMES[found.matched], f"{found.achieved.value:.4g}, asked for {found.target:.4g}")
    if not math.isnan(found.achieved.error):
        facts.add_row("mean error of marginals", f"{found.achieved.error:.4f}")
    errors = not math.isnan(found.achieved.error)
    curve = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in ("temperature", NAMES[found.matched], *(["error"] if errors else [])):
        curve.add_column(name, justify="right")
    for point in found.curve:
        own = point == found.achieved
        curve.add_row(
            f"{'▸ ' if own else ''}{point.temperature:.4g}",
            f"{point.value:.4g}",
            *([f"{point.error:.4f}"] if errors else []),
            style="bold" if own else "",
        )
    return Group(title, Padding(facts, (1, 0, 1, 2)), curve, Text("apply it with calibration.apply(layer)", "dim"))
