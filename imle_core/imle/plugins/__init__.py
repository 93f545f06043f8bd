"""What plugins are made of, and how they are found. Importing this package never imports torch."""

from imle.plugins.hookspecs import ENTRY_POINT_GROUP, hookimpl
from imle.plugins.records import PluginState, SolverRecord
from imle.plugins.registry import find, refresh, solvers
from imle.plugins.spec import API_VERSION, REQUIRED, Capabilities, Parameter, SolverSpec

__all__ = [
    "API_VERSION",
    "ENTRY_POINT_GROUP",
    "REQUIRED",
    "Capabilities",
    "Parameter",
    "PluginState",
    "SolverRecord",
    "SolverSpec",
    "find",
    "hookimpl",
    "refresh",
    "solvers",
]
