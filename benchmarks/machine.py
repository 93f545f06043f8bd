"""The machine and the software that figures were measured on; nothing that names the machine or its folders."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "imle",
    "torch",
    "numpy",
    "scipy",
    "numba",
    "networkx",
    "highspy",
    "ortools",
    "PuLP",
    "cvxpy",
    "gurobipy",
    "python-sat",
    "scikit-learn",
    "distributed",
    "pyepo",
    "pyomo",
    "matplotlib",
)


def machine() -> dict[str, str]:
    """Processor, cores, memory, system."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Python, and the packages of `PACKAGES` that are installed."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def load_average() -> float | None:
    """Processes that ran or waited during the last minute, on average."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _processor() -> str:
    """The model, as Linux names it; elsewhere what Python knows."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
