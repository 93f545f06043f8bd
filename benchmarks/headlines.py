"""Claims of `RESULTS.md` in words of their own, with its figures: three for the README, more for `README.md` here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness import Claim
from benchmarks.render import grid, quantity, times
from benchmarks.results import FOLDER, Section

README, RULES = FOLDER.parent / "README.md", FOLDER / "README.md"
BEGIN, END = "<!-- measured: written by `python -m benchmarks --render` -->", "<!-- end of measured -->"


class Headline(NamedTuple):
    """What the claim of a module is called elsewhere.

    Attributes:
        what: was measured.
        reference: what it is compared with.
        module: of the claim.
        claim: its name.
    """

    what: str
    reference: str
    module: str
    claim: str


FRONT = (
    Headline(
        "faster training step, PyEPO's 5x5 shortest paths",
        "PyEPO with OR-Tools",
        "peers",
        "shortest path 5x5: step, over PyEPO, OR-Tools",
    ),
    Headline(
        "faster shortest path, 12x12 grid, in a batch",
        "NetworkX",
        "shortest_path",
        "12x12 grid, 320 rows vs networkx bidirectional_dijkstra",
    ),
    Headline(
        "of the regret, knapsacks under real electricity prices",
        "predict, then optimise",
        "energy",
        "knapsack 120: imle (default) vs two-stage",
    ),
)
"""The numbers of the first screens of the README and of `RESULTS.md`."""

HEADLINES = (
    Headline(
        "whole I-MLE training step, PyEPO's 5x5 shortest path, 640 solves",
        "PyEPO with OR-Tools",
        "peers",
        "shortest path 5x5: step, over PyEPO, OR-Tools",
    ),
    Headline(
        "the same, PyEPO's knapsack, 128 solves",
        "PyEPO with OR-Tools",
        "peers",
        "knapsack 32x2: step, over PyEPO, OR-Tools",
    ),
    Headline(
        "the same, 12x12 8-neighbour grid, 640 solves",
        "torch-imle's style",
        "peers",
        "8-neighbour grid 12x12: step, over original style",
    ),
    Headline(
        "shortest path, 12x12 8-neighbour grid, per row",
        "Dijkstra in plain Python",
        "shortest_path",
        "12x12 grid, 320 rows vs heapq in Python",
    ),
    Headline(
        "the same",
        "NetworkX, bidirectional Dijkstra",
        "shortest_path",
        "12x12 grid, 320 rows vs networkx bidirectional_dijkstra",
    ),
    Headline(
        "shortest path, 30x30, per row",
        "NetworkX, bidirectional Dijkstra",
        "shortest_path",
        "30x30 grid, 320 rows vs networkx bidirectional_dijkstra",
    ),
    Headline(
        "shortest path, 10k nodes, 50k edges, per row",
        "SciPy",
        "shortest_path",
        "10k nodes, 50k edges vs scipy.sparse.csgraph.dijkstra",
    ),
    Headline(
        "sum-of-gamma noise, 320x1000, 100 terms",
        "a gamma draw per term",
        "noise",
        "sum-of-gamma noise, 320x1000, 100 terms",
    ),
    Headline(
        "LP, transport 30x30, per row (`highs-lp`)",
        "SciPy's linprog",
        "linear",
        "LP transport 30x30: highs-lp, over linprog",
    ),
    Headline(
        "LP, paths 12x12 (1012 arcs), per row",
        "PuLP with HiGHS",
        "linear",
        "LP paths 12x12: highs-lp, over PuLP with HiGHS",
    ),
    Headline(
        "ILP, set cover 200x400, per row (`ortools-ilp`)",
        "SCIP, model kept",
        "linear",
        "ILP cover 200x400: ortools-ilp, over SCIP",
    ),
    Headline(
        "ILP, knapsack 100x5, per row (`ortools-ilp`)",
        "CP-SAT, model kept",
        "linear",
        "ILP knapsack 100x5: ortools-ilp, over CP-SAT",
    ),
    Headline(
        "ILP, knapsack 32x3, per row (`highs-ilp`)",
        "SciPy's milp",
        "linear",
        "ILP knapsack 32x3: highs-ilp, over milp",
    ),
    Headline(
        "knapsack 32x3, per row (`knapsack`)",
        "SCIP, model kept",
        "combinatorial",
        "knapsack 32 x 3",
    ),
    Headline(
        "assignment 50x50, per row",
        "SCIP, model kept",
        "combinatorial",
        "assignment 50 x 50",
    ),
    Headline(
        "MLN: smokers, 100 people, text to MAP",
        "pracmln",
        "mln_grounding",
        "smokers, 100 people, text to MAP, vs pracmln",
    ),
    Headline(
        "MLN: Ising 64x64, new unaries (min-cut)",
        "HiGHS, model kept",
        "mln_resolves",
        "Ising 64x64: vs a plain MIP, new costs",
    ),
    Headline(
        "ILP, knapsack 32x3, 96 rows on two threads",
        "one thread",
        "parallel",
        "two threads, highs-ilp",
    ),
    Headline(
        "1 ms of Python a row, 320 rows in two processes",
        "one process",
        "parallel",
        "two processes, 1 ms of Python",
    ),
)


def front(sections: Sequence[Section]) -> str:
    """The three numbers, side by side: ratios, and what they are of."""
    measured = _measured(FRONT, sections)
    ratios = [f"{100 * claim.ratio:.0f} %" if claim.at_most else times(claim.ratio) for _, claim in measured]
    said = []
    for line, claim in measured:
        ours, reference = quantity(claim.ours, claim.unit), quantity(claim.reference, claim.unit)
        said.append(f"{line.what}: {ours}; {line.reference}: {reference}")
    return grid([f"**{ratio}**" for ratio in ratios], [said])


def table(sections: Sequence[Section]) -> str:
    """The lines, from results on file; those whose claim has not been measured yet are left out."""
    return grid(("", "ours", "reference", "ratio"), [_cells(*found) for found in _measured(HEADLINES, sections)])


def _measured(lines: Sequence[Headline], sections: Sequence[Section]) -> list[tuple[Headline, Claim]]:
    claims = {(section.module, claim.name): claim for section in sections for claim in section.claims}
    return [(line, claims[line.module, line.claim]) for line in lines if (line.module, line.claim) in claims]


def _cells(line: Headline, claim: Claim) -> tuple[str, str, str, str]:
    ours, reference = quantity(claim.ours, claim.unit), quantity(claim.reference, claim.unit)
    return line.what, ours, f"{line.reference}, {reference}", times(claim.ratio)


def inserted(page: str, measured: str) -> str:
    """A page with what was measured between its marks.

    Raises:
        LookupError: the marks are not in it.
    """
    between = re.compile(rf"{re.escape(BEGIN)}\n.*?{re.escape(END)}\n", flags=re.DOTALL)
    if len(between.findall(page)) != 1:
        raise LookupError(f"headlines: expected one part from {BEGIN!r} to {END!r}")
    return between.sub(lambda _: f"{BEGIN}\n{measured}\n{END}\n", page)


def pages(sections: Sequence[Section]) -> dict[Path, str]:
    """The pages that show them, brought up to date."""
    shown = {README: front(sections), RULES: table(sections)}
    return {page: inserted(page.read_text(encoding="utf-8"), measured) for page, measured in shown.items()}
