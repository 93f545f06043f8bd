"""Who takes part in which workload, and who cannot because something is not installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from benchmarks.peers import rows
from benchmarks.peers.by_pyepo import PyEPO
from benchmarks.peers.loop import Loop
from benchmarks.peers.ours import Ours
from benchmarks.peers.peer import Peer
from benchmarks.peers.workloads import Knapsack, Paths, Workload


@dataclass(frozen=True)
class Entry:
    """A contestant not yet built.

    Attributes:
        name: as shown.
        requires: importable names.
        make: builds it for a workload.
    """

    name: str
    requires: tuple[str, ...]
    make: Callable[[Workload], Peer]

    @property
    def missing(self) -> list[str]:
        return [name for name in self.requires if importlib.util.find_spec(name) is None]

    @property
    def excuse(self) -> str:
        """Why it does not take part."""
        return (
            f"skipped: {self.name}: not installed: {', '.join(self.missing)}; "
            "`pip install -r benchmarks/requirements.txt` (or `make bench`) installs the peers"
        )


PYEPO_ORTOOLS = Entry("PyEPO, OR-Tools", ("pyepo", "ortools"), partial(PyEPO, backend="ortools"))
PYEPO_HIGHS = Entry("PyEPO, HiGHS", ("pyepo", "pyomo", "highspy"), partial(PyEPO, backend="pyomo"))
NETWORKX = Entry("NetworkX per row", ("networkx",), partial(Loop, "NetworkX per row", rows.networkx))
PULP = Entry("PuLP with CBC per row", ("pulp",), partial(Loop, "PuLP with CBC per row", rows.pulp_cbc))
ORIGINAL = Entry("original style", (), partial(Loop, "original style", rows.dijkstra))
OURS = Entry("imle", (), Ours)


def entries(work: Workload) -> list[Entry]:
    """All who can do this problem; imle comes first."""
    if isinstance(work.problem, Paths):
        return [OURS, PYEPO_ORTOOLS, PYEPO_HIGHS, NETWORKX, PULP]
    if isinstance(work.problem, Knapsack):
        return [OURS, PYEPO_ORTOOLS, PYEPO_HIGHS, PULP]
    return [OURS, ORIGINAL, NETWORKX]


def contestants(work: Workload) -> dict[str, Peer]:
    """Those whose libraries are here, built."""
    return {entry.name: entry.make(work) for entry in entries(work) if not entry.missing}


def excuses(works: list[Workload]) -> list[str]:
    """A line for each contestant that is left out."""
    return list(dict.fromkeys(entry.excuse for work in works for entry in entries(work) if entry.missing))
