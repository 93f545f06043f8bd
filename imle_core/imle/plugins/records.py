"""What discovery found: one record per solver or estimator (or per plugin, where none could be read)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from imle.plugins.estimator_spec import EstimatorSpec
from imle.plugins.spec import SolverSpec


class PluginState(StrEnum):
    """The state every discovered solver ends in."""

    OK = "ok"
    MISSING = "missing dependency"
    BROKEN = "broken"
    DISABLED = "disabled"
    CONFLICT = "conflict"
    INCOMPATIBLE = "incompatible api"


@dataclass(frozen=True)
class Record:
    """A plugin's contribution as found on this machine.

    Attributes:
        id: the spec's id, or the entry point's name where the plugin could not be read.
        state: see `PluginState`.
        distribution, version: the installed distribution that contributes it.
        entry_point: "name = module", as in its metadata.
        spec: None where the plugin could not be read.
        reason: why it is not ok, else "".
        fix: the command or setting that mends it, else "".
        load_seconds: what reading the plugin's light module took.
        heavy_imports: libraries that reading it imported, though a light module must not.
    """

    id: str
    state: PluginState
    distribution: str
    version: str
    entry_point: str
    spec: Any = None
    reason: str = ""
    fix: str = ""
    load_seconds: float = 0.0
    heavy_imports: tuple[str, ...] = ()

    @property
    def qualified_id(self) -> str:
        """`distribution/id`: works even where two plugins share an id."""
        return f"{self.distribution}/{self.id}"


@dataclass(frozen=True)
class SolverRecord(Record):
    """A solver as found on this machine."""

    spec: SolverSpec | None = None

    def as_json(self) -> dict[str, Any]:
        """The row of `imle list-solvers --json`."""
        spec = self.spec
        return {
            "id": self.id,
            "qualified_id": self.qualified_id,
            "status": self.state.value,
            "reason": self.reason,
            "fix": self.fix,
            "summary": spec.summary if spec else None,
            "problem": spec.problem if spec else None,
            "sense": spec.sense if spec else None,
            "exact": spec.exact if spec else None,
            "array": spec.capabilities.array if spec else None,
            "distribution": self.distribution,
            "version": self.version,
            "entry_point": self.entry_point,
        }


@dataclass(frozen=True)
class EstimatorRecord(Record):
    """A gradient rule as found on this machine."""

    spec: EstimatorSpec | None = None

    def as_json(self) -> dict[str, Any]:
        """The row of `imle list-estimators --json`."""
        spec = self.spec
        return {
            "id": self.id,
            "qualified_id": self.qualified_id,
            "status": self.state.value,
            "reason": self.reason,
            "fix": self.fix,
            "summary": spec.summary if spec else None,
            "solves": spec.solves if spec else None,
            "stochastic": spec.stochastic if spec else None,
            "problem": spec.problem if spec else None,
            "source": spec.source if spec else None,
            "distribution": self.distribution,
            "version": self.version,
            "entry_point": self.entry_point,
        }
