"""Environments: where licences are looked for, and what to do where there is none, or it is too small."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import gurobipy
from gurobipy import GRB

from imle.errors import InstanceError, OptionError, SolverUnavailableError

Settings = Mapping[str, Any]
"""Parameters by Gurobi's names."""

_OWN = {"OutputFlag": 0, "GURO_PAR_NOSIGNALS": 1}
"""Gurobi would catch Ctrl-C itself, and keep it from Python for good once two models were solved at the same time."""

_LICENCE = (
    "gurobipy finds a licence by the file gurobi.lic in your home directory, by GRB_LICENSE_FILE, or by parameters, "
    'options={"WLSAccessID": ..., "WLSSecret": ..., "LicenseID": ...}; academic ones are free. Without any, the one '
    "that comes with gurobipy solves up to 2,000 variables and 2,000 constraints, until it expires with its version. "
    "highs-ilp solves the same instances, without a licence"
)
_SIZE = (
    "expected a model of up to 2,000 variables and 2,000 constraints, since Gurobi has found no licence but the one "
    "that comes with gurobipy"
)


def started(who: str, settings: Settings) -> gurobipy.Env:
    """A new environment. One belongs to one thread at a time.

    Args:
        who: the solver, for messages.
        settings: parameters; those of licences have to be known before it starts.

    Raises:
        OptionError: Gurobi has no such parameter, or refuses the value.
        SolverUnavailableError: no licence, or an expired one.
    """
    environment = gurobipy.Env(empty=True)
    for name, value in {**_OWN, **settings}.items():
        try:
            environment.setParam(name, value)
        except (gurobipy.GurobiError, TypeError) as error:
            raise OptionError(f"{who}: options: {name}={value!r}: {error}") from None
    try:
        environment.start()
    except gurobipy.GurobiError as error:
        raise SolverUnavailableError(
            f"{who}: Gurobi {_version()} has no licence to start: {error}", hint=_LICENCE
        ) from None
    return environment


@contextmanager
def licensed(who: str, variables: int, constraints: int) -> Iterator[None]:
    """Say in words that a model is too large for the licence, for what runs inside.

    Args:
        who: the solver, for messages.
        variables, constraints: how many the model has.

    Raises:
        InstanceError: it is.
    """
    try:
        yield
    except gurobipy.GurobiError as error:
        if error.errno != GRB.Error.SIZE_LIMIT_EXCEEDED:
            raise
        found = f"found {variables} variables and {constraints} constraints"
        raise InstanceError(f"{who}: {_SIZE}, {found}", hint=_LICENCE) from None


def _version() -> str:
    return ".".join(map(str, gurobipy.gurobi.version()))
