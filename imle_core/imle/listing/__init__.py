"""What is installed: `list_solvers`, `list_estimators` and `info` of `imle`. The command line prints their objects."""

from __future__ import annotations

from imle.listing.info import EstimatorInfo, SolverInfo, info
from imle.listing.lists import EstimatorList, SolverList, list_estimators, list_solvers

__all__ = ["EstimatorInfo", "EstimatorList", "SolverInfo", "SolverList", "info", "list_estimators", "list_solvers"]
