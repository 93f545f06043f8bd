"""SolverSpec: what a plugin says about a solver before the solver (or torch) is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from imle.errors import PluginError

API_VERSION = 1
"""Version of the plugin contract. A plugin for another version is listed as `incompatible api`."""

ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")


class Required:
    """The default of a parameter that has none."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED = Required()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One instance parameter or option of a solver.

    Args:
        name: the keyword users write in `imle.layer(id, name=...)`.
        type: shown to users; `int`, `float`, `bool`, `str` and unions of them with `None` are checked.
        default: `REQUIRED` if there is none.
        doc: one line, no full stop needed.
        choices: the allowed values, if they can be listed.
        per_row: the solver takes this instance parameter as a sequence of length N in `solve` too, so rows
            that differ in it are still solved together. Other instance parameters can also differ per row,
            but then rows are solved in groups that share them.
        forbids: this instance parameter says which entries no solution uses: users who try infinite costs are
            pointed to it.
    """

    name: str
    type: str
    default: Any = REQUIRED
    doc: str = ""
    choices: tuple[Any, ...] = ()
    per_row: bool = False
    forbids: bool = False

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do; checked by the conformance kit, relied upon by the core.

    Args:
        array: arrays `solve` takes: "numpy" (float64, C-contiguous) or "torch" (the user's device and dtype).
        thread_safe: one prepared solver may solve in several threads at once.
        releases_gil: threads speed it up.
        warm_start: `hint` is used.
        negative_objectives: entries of any sign are solved exactly.
    """

    array: Literal["numpy", "torch"] = "numpy"
    thread_safe: bool = False
    releases_gil: bool = False
    warm_start: bool = False
    negative_objectives: bool = True


@dataclass(frozen=True, slots=True)
class SolverSpec:
    """A solver as its plugin announces it. Frozen and light: making one imports nothing.

    Args:
        id: lower-case words joined by dashes, e.g. "grid-shortest-path".
        summary: one line for `imle list-solvers`.
        problem: problem kind: "shortest path", "k-subset", "ilp", "lp", ...
        sense: how objectives are read: "max" (scores) or "min" (costs).
        target: the solver class as "package.module:Class", imported when a layer is built.
        exact: whether `optimal` rows are proven optimal, up to `tolerances`.
        instance: parameters that fix the feasible set.
        options: parameters of the backend (fields of the solver class).
        requires: importable module names, looked up but never imported.
        capabilities: see `Capabilities`.
        layer: a subclass of `imle.layers.SolverLayer` as "package.module:Class", for solvers whose layer takes or
            returns more than one tensor; "" for the usual one.
        example: a few runnable lines, shown by `imle info`.
        licence: licence of the backend that does the solving.
        url: home page of the backend.
        api_version: version of this contract the plugin was written for; state it once there is more than one.
        tolerances: what the proof is up to where the engine computes in floating point, such as "constraints to 1e-6";
            "" for engines that only add and compare.

    Raises:
        PluginError: a field does not have the form described here.
    """

    id: str
    summary: str
    problem: str
    sense: Literal["max", "min"]
    target: str
    exact: bool = True
    instance: tuple[Parameter, ...] = ()
    options: tuple[Parameter, ...] = ()
    requires: tuple[str, ...] = ()
    capabilities: Capabilities = field(default_factory=Capabilities)
    layer: str = ""
    example: str = ""
    licence: str = ""
    url: str = ""
    api_version: int = 1
    tolerances: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not ID.match(self.id):
            raise PluginError(f"solver id: expected lower-case words joined by dashes, found {self.id!r}")
        self._check_types()
        if not TARGET.match(self.target):
            raise PluginError(f"{self.id}: target: expected 'package.module:Class', found {self.target!r}")
        if self.layer and not TARGET.match(self.layer):
            raise PluginError(f"{self.id}: layer: expected 'package.module:Class' or '', found {self.layer!r}")
        if self.sense not in ("max", "min"):
            raise PluginError(f"{self.id}: sense: expected 'max' or 'min', found {self.sense!r}")
        names = [parameter.name for parameter in self.parameters]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise PluginError(f"{self.id}: parameters declared more than once: {', '.join(twice)}")

    def _check_types(self) -> None:
        """Plugins are strangers' code: a wrong type is named here, before a listing or a layer trips over it."""
        texts = ("summary", "problem", "target", "layer", "example", "licence", "url", "tolerances")
        wanted: dict[str, type] = {**dict.fromkeys(texts, str), "capabilities": Capabilities, "api_version": int}
        for name, kind in wanted.items():
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise PluginError(f"{self.id}: {name}: expected {kind.__name__}, found {value!r}")
        for name, kind in {"instance": Parameter, "options": Parameter, "requires": str}.items():
            value = getattr(self, name)
            if not isinstance(value, tuple) or not all(isinstance(entry, kind) for entry in value):
                raise PluginError(f"{self.id}: {name}: expected a tuple of {kind.__name__}, found {value!r}")
        if "\n" in self.summary:
            raise PluginError(f"{self.id}: summary: expected one line, found {self.summary!r}")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Instance parameters, then options."""
        return self.instance + self.options

    @property
    def forbidding(self) -> str:
        """The instance parameter that says which entries no solution uses, or ""."""
        return next((parameter.name for parameter in self.instance if parameter.forbids), "")
