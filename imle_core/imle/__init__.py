"""imle: any combinatorial solver as a differentiable torch layer.

Names load on first use, so that importing imle, or listing solvers, never imports torch.
"""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imle.calibration.calibrate import calibrate
    from imle.diagnosis.diagnose import diagnose
    from imle.layers import SolverLayer, layer
    from imle.listing import info, list_estimators, list_solvers
    from imle.plugins import Block, Capabilities, Parameter, SolverSpec, hookimpl
    from imle.solvers import PreparedSolver, Solver, SolveResult, SolveStatus

__version__ = version("imle")

_HOMES = {
    "Block": "imle.plugins",
    "Capabilities": "imle.plugins",
    "Parameter": "imle.plugins",
    "PreparedSolver": "imle.solvers",
    "SolveResult": "imle.solvers",
    "SolveStatus": "imle.solvers",
    "Solver": "imle.solvers",
    "SolverLayer": "imle.layers",
    "SolverSpec": "imle.plugins",
    "calibrate": "imle.calibration",
    "diagnose": "imle.diagnosis",
    "hookimpl": "imle.plugins",
    "info": "imle.listing",
    "layer": "imle.layers",
    "list_estimators": "imle.listing",
    "list_solvers": "imle.listing",
}
_MODULES = {
    "datasets",
    "errors",
    "estimators",
    "losses",
    "metrics",
    "monitoring",
    "noise",
    "plot",
    "plugins",
    "solvers",
    "target",
}

__all__ = [
    "Block",
    "Capabilities",
    "Parameter",
    "PreparedSolver",
    "SolveResult",
    "SolveStatus",
    "Solver",
    "SolverLayer",
    "SolverSpec",
    "__version__",
    "calibrate",
    "diagnose",
    "hookimpl",
    "info",
    "layer",
    "list_estimators",
    "list_solvers",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name in _MODULES:
        return importlib.import_module(f"imle.{name}")
    raise AttributeError(f"module 'imle' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})


if "torch" in sys.modules:  # torch.export.load must find the operators of programs with layers in them
    importlib.import_module("imle.layers")
