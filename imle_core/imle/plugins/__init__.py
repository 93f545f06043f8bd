"""What plugins are made of, and how they are found. Importing this package never imports torch."""

from imle.plugins.estimator_spec import EstimatorSpec
from imle.plugins.estimators import estimators, find_estimator
from imle.plugins.hookspecs import COMMAND_GROUP, ENTRY_POINT_GROUP, ESTIMATOR_GROUP, hookimpl
from imle.plugins.records import EstimatorRecord, PluginState, SolverRecord
from imle.plugins.registry import find, refresh, solvers
from imle.plugins.spec import API_VERSION, REQUIRED, Block, Capabilities, Parameter, SolverSpec

__all__ = [
    "API_VERSION",
    "COMMAND_GROUP",
    "ENTRY_POINT_GROUP",
    "ESTIMATOR_GROUP",
    "REQUIRED",
    "Block",
    "Capabilities",
    "EstimatorRecord",
    "EstimatorSpec",
    "Parameter",
    "PluginState",
    "SolverRecord",
    "SolverSpec",
    "estimators",
    "find",
    "find_estimator",
    "hookimpl",
    "refresh",
    "solvers",
]
