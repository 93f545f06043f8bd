"""SolverSpec: what a plugin says about a solver before the solver (or torch) is imported."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, Self

from imle._text import printable
from imle.errors import PluginError

API_VERSION = 1
"""Version of the plugin contract. A plugin for another version is listed as `incompatible api`."""

DECLARED = "imle_api_version"
"""The name under which a light module may say which version it was written for: known even if reading it fails."""

ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z")
TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")

_DIMENSIONS = {"number": 0, "float": 0, "int": 0, "vector": 1, "matrix": 2}
_SIZES = re.compile(r"\[([^\]]+)\]")
"""Sizes in the type of a parameter, such as those of "array [m, n] or [n]"."""


@cache
def _dimensions(declared: str) -> frozenset[int]:
    words = {dims for word, dims in _DIMENSIONS.items() if re.search(rf"\b{word}\b", declared)}
    return frozenset(words | {sizes.count(",") + 1 for sizes in _SIZES.findall(declared)})


class ApiVersionError(PluginError):
    """A plugin was written for another version of the contract.

    Args:
        version: that it says it was written for.
    """

    def __init__(self, version: int) -> None:
        super().__init__(f"made for plugin api {version}, this imle has {API_VERSION}")
        self.version = version


class Versioned:
    """A spec of a later contract may have fields that this one does not know: then its version is what to tell."""

    __slots__ = ()

    def __new__(cls, *values: Any, **fields: Any) -> Self:
        version = fields.get("api_version")
        known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]  # subclasses are dataclasses
        if isinstance(version, int) and version > API_VERSION and fields.keys() - known:
            raise ApiVersionError(version)
        return super().__new__(cls)


class Required:
    """The default of a parameter that has none."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED = Required()


def check_field(where: str, value: Any, kind: type) -> None:
    """Refuse a field of another type; True is no int.

    Raises:
        PluginError: names the field, what was expected and what was found.
    """
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise PluginError(f"{where}: expected {kind.__name__}, found {value!r}")


def check_tuple(where: str, value: Any, kind: type) -> None:
    """Refuse what is no tuple of a type.

    Raises:
        PluginError: as `check_field`.
    """
    if not isinstance(value, tuple) or not all(isinstance(entry, kind) for entry in value):
        raise PluginError(f"{where}: expected a tuple of {kind.__name__}, found {value!r}")


def check_texts(where: str, spec: Any, *names: str, keep: str = "") -> None:
    """Refuse fields that are no text or have more than one line, and make the others printable.

    Args:
        where: what the message begins with.
        spec: a frozen dataclass that is being made.
        names: of its fields.
        keep: control characters that may be in them, "\\n" for several lines.

    Raises:
        PluginError: as `check_field`.
    """
    for name in names:
        value = getattr(spec, name)
        check_field(f"{where}{name}", value, str)
        if "\n" in value and "\n" not in keep:
            raise PluginError(f"{where}{name}: expected one line, found {value!r}")
        object.__setattr__(spec, name, printable(value, keep))


@dataclass(frozen=True, slots=True)
class Parameter:
    """One instance parameter or option of a solver.

    Args:
        name: the keyword users write in `imle.layer(id, name=...)`.
        type: shown to users; `int`, `float`, `bool`, `str`, `None`, strings in quotes and unions of them are checked,
            as in `float | "auto"`.
        default: `REQUIRED` if there is none.
        doc: one line, no full stop needed.
        choices: the allowed values, if they can be listed.
        minimum, maximum: the smallest and the largest number that is allowed.
        above: numbers have to be larger than this.
        finite: neither infinity nor nan is allowed.
        per_row: the solver takes this instance parameter as a sequence of length N in `solve` too, so rows
            that differ in it are still solved together. Other instance parameters can also differ per row,
            but then rows are solved in groups that share them.
        forbids: this instance parameter says which entries no solution uses: users who try infinite costs are
            pointed to it.
        synonyms: what other libraries call it: users who write that are told this name.
        learned: solutions stay defined when noise changes the numbers of this instance parameter, so that
            `imle.layer(..., learned={name: sigma})` can learn it: "real" where they may have any sign, "positive" where
            noise has to keep their sign; "" where it cannot be learned (integers, graphs, names).
        dual: `solve(..., duals=(name,))` tells how the optimal value changes with this instance parameter
            (`SolveResult.duals`), so that `layer.value` differentiates in it: "exact", or "relaxation" where that is
            told of the linear relaxation of a problem with integers; "" where it is not told. The type then says how
            many dimensions a value has ("vector", "matrix", "[n, 2]").

    Raises:
        PluginError: a field does not have the form described here.
    """

    name: str
    type: str
    default: Any = REQUIRED
    doc: str = ""
    choices: tuple[Any, ...] = ()
    per_row: bool = False
    forbids: bool = False
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    finite: bool = False
    synonyms: tuple[str, ...] = ()
    learned: Literal["", "real", "positive"] = ""
    dual: Literal["", "exact", "relaxation"] = ""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise PluginError(f"parameter name: expected a keyword such as 'time_limit', found {self.name!r}")
        check_texts(f"parameter {self.name}: ", self, "type", "doc")
        check_tuple(f"parameter {self.name}: choices", self.choices, object)
        check_tuple(f"parameter {self.name}: synonyms", self.synonyms, str)
        for flag in ("per_row", "forbids", "finite"):
            check_field(f"parameter {self.name}: {flag}", getattr(self, flag), bool)
        for name, (one, other) in {"learned": ("real", "positive"), "dual": ("exact", "relaxation")}.items():
            if getattr(self, name) not in ("", one, other):
                found = getattr(self, name)
                raise PluginError(f"parameter {self.name}: {name}: expected '', {one!r} or {other!r}, found {found!r}")
        if self.dual and self.ndim is None:
            raise PluginError(
                f"parameter {self.name}: dual: expected a type that says how many dimensions a value has, such as "
                f"'vector' or '[n, 2]', found {self.type!r}"
            )
        for end in ("minimum", "maximum", "above"):
            value = getattr(self, end)
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
                raise PluginError(f"parameter {self.name}: {end}: expected a number or None, found {value!r}")

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def ndims(self) -> frozenset[int]:
        """How many dimensions a value may have by its type: 1 and 0 for "number or [m]"; none if it does not say."""
        return _dimensions(self.type)

    @property
    def ndim(self) -> int | None:
        """How many dimensions a value has by its type: 1 for "vector", 2 for "matrix" and "[n, 2]"; None if unclear."""
        return next(iter(self.ndims)) if len(self.ndims) == 1 else None

    @property
    def learning(self) -> str:
        """How gradients reach it, "can be learned by noise or value": `learned=` and `layer.value`; "" if none do."""
        value = {"": "", "exact": "value", "relaxation": "value of the relaxation"}[self.dual]
        ways = [way for way in ("noise" if self.learned else "", value) if way]
        return f"can be learned by {' or '.join(ways)}" if ways else ""

    @property
    def range(self) -> str:
        """Which numbers are allowed, such as "> 0", "finite, >= 0" or "1 to 9"; "" if all are."""
        if self.minimum is not None and self.maximum is not None:
            ends = f"{self.minimum} to {self.maximum}"
        else:
            known = {">": self.above, ">=": self.minimum, "<=": self.maximum}
            ends = ", ".join(f"{sign} {end}" for sign, end in known.items() if end is not None)
        return ", ".join(part for part in ("finite" if self.finite else "", ends) if part)


@dataclass(frozen=True, slots=True)
class Block:
    """One of several tensors that make up an objective.

    Args:
        name: the keyword users write in `layer(name=...)`.
        doc: one line, no full stop needed.
        solution: what the block is called in solutions; by default as in objectives.
        noise: whether noise is put on it. Rules that differentiate the density of the noise have no gradient for a
            block that takes none.
        shared: it may be given once for a whole batch; its gradient is then the sum over the rows.
        optional: there are instances without it. It is then an attribute of what the layer returns, None where it is
            missing, and no part of it as a tuple.

    Raises:
        PluginError: a field does not have the form described here.
    """

    name: str
    doc: str = ""
    solution: str = ""
    noise: bool = True
    shared: bool = False
    optional: bool = False

    def __post_init__(self) -> None:
        for name in (self.name, self.solution or self.name):
            if not isinstance(name, str) or not name.isidentifier() or name.startswith("_") or hasattr(tuple, name):
                raise PluginError(f"block name: expected a keyword such as 'weights', found {name!r}")
        check_texts(f"block {self.name}: ", self, "doc", "solution")
        for flag in ("noise", "shared", "optional"):
            check_field(f"block {self.name}: {flag}", getattr(self, flag), bool)
        object.__setattr__(self, "solution", self.solution or self.name)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do; checked by the conformance kit, relied upon by the core.

    Args:
        array: arrays `solve` takes: "numpy" (float64, C-contiguous) or "torch" (the user's device and dtype).
        thread_safe: one prepared solver may solve in several threads at once.
        releases_gil: threads speed it up.
        warm_start: `solve` takes `hint`, earlier solutions of the same rows; others are never given any.
        negative_objectives: entries of any sign are solved exactly.
        solution_vjp: solutions are no corners but change with the objective: prepared solvers have `solution_vjp`, by
            which estimator="implicit" differentiates them.

    Raises:
        PluginError: a field does not have the form described here.
    """

    array: Literal["numpy", "torch"] = "numpy"
    thread_safe: bool = False
    releases_gil: bool = False
    warm_start: bool = False
    negative_objectives: bool = True
    solution_vjp: bool = False

    def __post_init__(self) -> None:
        if self.array not in ("numpy", "torch"):
            raise PluginError(f"capabilities: array: expected 'numpy' or 'torch', found {self.array!r}")
        for name in ("thread_safe", "releases_gil", "warm_start", "negative_objectives", "solution_vjp"):
            check_field(f"capabilities: {name}", getattr(self, name), bool)


@dataclass(frozen=True, slots=True)
class SolverSpec(Versioned):
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
        blocks: the tensors that make up an objective, in the order in which a user gives them; none where it is one.
            The prepared solver has them as `blocks`, see `imle.solvers.BlockLayout`.
        example: a few runnable lines, shown by `imle info`.
        licence: licence of the backend that does the solving.
        url: home page of the backend.
        api_version: version of this contract the plugin was written for; state it once there is more than one.
        tolerances: what the proof is up to where the engine computes in floating point, such as "constraints to 1e-6";
            "" for engines that only add and compare.
        aliases: ids that it had before; they find it, with a DeprecationWarning.

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
    blocks: tuple[Block, ...] = ()
    example: str = ""
    licence: str = ""
    url: str = ""
    api_version: int = 1
    tolerances: str = ""
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not ID.match(self.id):
            raise PluginError(f"solver id: expected lower-case words joined by dashes, found {self.id!r}")
        self._check_types()
        if not TARGET.match(self.target):
            raise PluginError(f"{self.id}: target: expected 'package.module:Class', found {self.target!r}")
        if self.sense not in ("max", "min"):
            raise PluginError(f"{self.id}: sense: expected 'max' or 'min', found {self.sense!r}")
        names = [*(parameter.name for parameter in self.parameters), *(block.name for block in self.blocks)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise PluginError(f"{self.id}: parameters declared more than once: {', '.join(twice)}")

    def _check_types(self) -> None:
        """A wrong type in a third-party spec is named here, before a listing or a layer trips over it."""
        check_texts(f"{self.id}: ", self, "summary", "problem", "target", "licence", "url", "tolerances")
        check_texts(f"{self.id}: ", self, "example", keep="\n\t")
        for name, kind in {"exact": bool, "capabilities": Capabilities, "api_version": int}.items():
            check_field(f"{self.id}: {name}", getattr(self, name), kind)
        for name, kind in {
            "instance": Parameter,
            "options": Parameter,
            "blocks": Block,
            "requires": str,
            "aliases": str,
        }.items():
            check_tuple(f"{self.id}: {name}", getattr(self, name), kind)
        for name in self.requires:
            if not MODULE.match(name):
                raise PluginError(f"{self.id}: requires: expected names of modules, found {name!r}")

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Instance parameters, then options."""
        return self.instance + self.options

    @property
    def forbidding(self) -> str:
        """The instance parameter that says which entries no solution uses, or ""."""
        return next((parameter.name for parameter in self.instance if parameter.forbids), "")
