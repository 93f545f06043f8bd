"""Finding plugins. Walks the entry points itself, one `try` per plugin: one bad plugin never stops another."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, EntryPoint
from typing import Any, Generic, TypeVar

import pluggy

from imle._text import named, printable
from imle.errors import PluginError
from imle.plugins import hookspecs
from imle.plugins.estimator_spec import EstimatorSpec
from imle.plugins.installed import Unreadable, locate, name_and_version, normal, points_of, source_of
from imle.plugins.records import EstimatorRecord, PluginState, Record, SolverRecord
from imle.plugins.spec import API_VERSION, DECLARED, ApiVersionError, SolverSpec, check_field

ALLOW = "IMLE_PLUGINS"
DENY = "IMLE_DISABLE_PLUGINS"
STRICT = "IMLE_PLUGINS_STRICT"

HEAVY = frozenset({"jax", "networkx", "numba", "ortools", "pandas", "pulp", "scipy", "tensorflow", "torch"})
"""What a light module must not import: each costs more than the whole of `imle list-solvers`."""

_VERSION = re.compile(rf"^{DECLARED}\s*=\s*(\d+)\s*(?:[;#]|$)", re.MULTILINE)

PATIENCE = 3.0
"""Seconds after which a plugin that is still being read is named on stderr."""

_log = logging.getLogger("imle.plugins")

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Kind(Generic[R]):
    """What plugins contribute through one entry-point group.

    Attributes:
        group: the entry-point group.
        hook: the hook that returns specs.
        spec: their class.
        record: what is made of each.
        noun: what one is called, in messages.
    """

    group: str
    hook: str
    spec: type[SolverSpec] | type[EstimatorSpec]
    record: type[R]
    noun: str


SOLVERS = Kind(hookspecs.ENTRY_POINT_GROUP, "imle_solvers", SolverSpec, SolverRecord, "solver")
ESTIMATORS = Kind(hookspecs.ESTIMATOR_GROUP, "imle_estimators", EstimatorSpec, EstimatorRecord, "estimator")


def discover(
    environ: Mapping[str, str] = os.environ, points: Iterable[EntryPoint | Unreadable] | None = None
) -> tuple[SolverRecord, ...]:
    """Read every plugin of the group `imle.solvers`.

    Args:
        environ: where `IMLE_PLUGINS` (allow list), `IMLE_DISABLE_PLUGINS` (deny list) and
            `IMLE_PLUGINS_STRICT` are looked up. Names are entry-point or distribution names.
        points: the entry points to read, by default those of all installed distributions; an
            `Unreadable` distribution stands for entry points that cannot be read.

    Returns:
        One record per solver, sorted by id; a plugin that cannot be read has one record of its own.

    Raises:
        PluginError: only with `IMLE_PLUGINS_STRICT=1`: the first plugin that is broken.
    """
    return _discover(SOLVERS, environ, points)


def discover_estimators(
    environ: Mapping[str, str] = os.environ, points: Iterable[EntryPoint | Unreadable] | None = None
) -> tuple[EstimatorRecord, ...]:
    """Read every plugin of the group `imle.estimators`, under the same switches; see `discover`."""
    return _discover(ESTIMATORS, environ, points)


def _discover(
    kind: Kind[R], environ: Mapping[str, str], points: Iterable[EntryPoint | Unreadable] | None
) -> tuple[R, ...]:
    if points is None:
        points = points_of(kind.group)
    strict = environ.get(STRICT, "") not in ("", "0")
    points = list(points)
    lost = strays(environ, points).get(ALLOW, [])
    records: list[R] = []
    for point in points:
        if isinstance(point, Unreadable):
            records += [] if _exclusion(_names(point), environ) else [_unreadable(kind, point.distribution, strict)]
        elif exclusion := _exclusion(_names(point), environ, lost):
            records.append(_record(kind, point, PluginState.DISABLED, *exclusion))
        else:
            records += _read(kind, point, strict)
    return tuple(sorted(_mark_conflicts(records), key=lambda record: (record.id, record.distribution)))


def command_points(
    environ: Mapping[str, str] = os.environ,
) -> Iterator[tuple[EntryPoint, tuple[str, str] | None]]:
    """Entry points of what may bring commands, with reason and fix where the environment excludes them."""
    for group in (hookspecs.ENTRY_POINT_GROUP, hookspecs.COMMAND_GROUP):
        for point in points_of(group):
            if not isinstance(point, Unreadable):
                yield point, _exclusion(_names(point), environ)


def _names(point: EntryPoint | Unreadable) -> list[str]:
    if isinstance(point, Unreadable):
        return [name_and_version(point.distribution)[0]]
    return [point.name, name_and_version(point.dist)[0]]


def _exclusion(names: list[str], environ: Mapping[str, str], lost: Sequence[str] = ()) -> tuple[str, str] | None:
    """Reason and fix if the environment excludes a plugin: decided before anything of it is loaded.

    Args:
        names: of the plugin.
        environ: the switches.
        lost: names in the allow list that no plugin has.
    """
    mine = {normal(name) for name in names}
    if mine & _listed(environ.get(DENY, "")):
        return f"named in {DENY}", f"take it out of {DENY}"
    if environ.get(ALLOW) is not None and not mine & _listed(environ[ALLOW]):
        told = f", which names {', '.join(lost)}: no plugin is called that" if lost else ""
        return f"not named in {ALLOW}{told}", f"add {names[0]} to {ALLOW}"
    return None


def strays(
    environ: Mapping[str, str] = os.environ, points: Iterable[EntryPoint | Unreadable] = ()
) -> dict[str, list[str]]:
    """Names in the environment's lists that no plugin has, by variable: spelling mistakes, most likely.

    Args:
        environ: where the lists are.
        points: entry points besides those of all installed distributions.
    """
    listed = {variable: _listed(environ.get(variable, "")) for variable in (ALLOW, DENY)}
    if not any(listed.values()):
        return {}
    known = {normal(name) for name in [*plugin_names(), *(name for point in points for name in _names(point))]}
    return {variable: sorted(names - known) for variable, names in listed.items() if names - known}


def plugin_names() -> list[str]:
    """Names of entry points and distributions of all installed plugins, excluded or not."""
    groups = (SOLVERS.group, ESTIMATORS.group, hookspecs.COMMAND_GROUP)
    return [name for group in groups for point in points_of(group) for name in _names(point)]


def _unreadable(kind: Kind[R], distribution: Distribution, strict: bool) -> R:
    name, version = name_and_version(distribution)
    if strict:
        raise PluginError(f"plugin {name}: its entry_points.txt cannot be read", hint=_strict_hint())
    return kind.record(
        id=name,
        state=PluginState.BROKEN,
        distribution=name,
        version=version,
        entry_point="",
        reason="its entry_points.txt cannot be read",
        fix=f"pip install --force-reinstall --no-deps {name}",
    )


def _read(kind: Kind[R], point: EntryPoint, strict: bool) -> list[R]:
    light = HEAVY - sys.modules.keys()
    start = time.perf_counter()
    try:
        with reading(point):
            specs = _specs_of(kind, point)
        elapsed = time.perf_counter() - start
        records = [_judge(kind, point, spec) for spec in specs]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may do anything at import, exiting included
        elapsed = time.perf_counter() - start
        records = [_unread(kind, point, error, strict)]
    heavy = tuple(sorted(light & sys.modules.keys()))
    for record in records:
        level = logging.DEBUG if record.state is PluginState.OK else logging.INFO
        told = f": {record.reason}; {record.fix}" if record.reason else ""
        _log.log(level, "%s %s: %s in %.1f ms%s", kind.noun, record.qualified_id, record.state, 1e3 * elapsed, told)
    return [replace(record, load_seconds=elapsed, heavy_imports=heavy) for record in records]


@contextmanager
def reading(point: EntryPoint) -> Iterator[None]:
    """Say on stderr which plugin takes long to read, and keep it from changing which others are read."""
    name, _ = name_and_version(point.dist)
    text = f"imle: still reading the plugin {_line(point.name)} of {name} after {PATIENCE:g} s\n"
    timer = threading.Timer(PATIENCE, lambda: sys.stderr.write(text))
    timer.daemon = True
    switches = {variable: os.environ.get(variable) for variable in (ALLOW, DENY, STRICT)}
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        for variable, value in switches.items():
            if value is None:
                os.environ.pop(variable, None)
            else:
                os.environ[variable] = value


def _unread(kind: Kind[R], point: EntryPoint, error: BaseException, strict: bool) -> R:
    """The record of a plugin that cannot be read."""
    if isinstance(error, ApiVersionError):
        return _record(kind, point, PluginState.INCOMPATIBLE, *_incompatible(point, error.version))
    distribution, _ = name_and_version(point.dist)
    reason = named(error).splitlines()[0]
    if strict:
        raise PluginError(f"plugin {point.name!r} of {distribution}: {reason}", hint=_strict_hint()) from error
    fix = f"{STRICT}=1 imle --debug list-{kind.noun}s shows the traceback; then upgrade {distribution}"
    return _record(kind, point, PluginState.BROKEN, reason, fix)


def _incompatible(point: EntryPoint, version: int) -> tuple[str, str]:
    """Reason and fix of a plugin that was made for another version of the contract."""
    distribution, _ = name_and_version(point.dist)
    return (
        f"made for plugin api {version}, this imle has {API_VERSION}",
        f"pip install --upgrade {'imle' if version > API_VERSION else distribution}",
    )


def _strict_hint() -> str:
    return f"{STRICT}=1 makes this fatal; unset it to go on without the plugin"


def _specs_of(kind: Kind[Any], point: EntryPoint) -> list[Any]:
    """Load the light module and call its hook through pluggy, which checks name and signature."""
    _refuse_other_version(_written_version(point))  # before a line of it runs, which may need a later contract
    manager = pluggy.PluginManager("imle")
    manager.add_hookspecs(hookspecs)
    module = point.load()
    _refuse_other_version(getattr(module, DECLARED, API_VERSION))
    manager.register(module, name=point.name)
    hook = getattr(manager.hook, kind.hook)
    specs: list[Any] = [spec for specs in hook() for spec in specs]
    if any(isinstance(spec, kind.spec) and spec.api_version != API_VERSION for spec in specs):
        return _checked(kind, specs)  # its hooks may be those of another version, too
    manager.check_pending()
    if not hook.get_hookimpls():
        raise PluginError(f"{point.value} implements no hook: expected {kind.hook}() marked @imle.hookimpl")
    return _checked(kind, specs)


def _written_version(point: EntryPoint) -> int:
    """The version of the contract that the source of a light module says it was written for; this one by default."""
    written = _VERSION.search(source_of(point.value.partition(":")[0].partition("[")[0].strip()))
    return int(written[1]) if written else API_VERSION


def _refuse_other_version(version: Any) -> None:
    check_field(DECLARED, version, int)
    if version != API_VERSION:
        raise ApiVersionError(version)


def _checked(kind: Kind[Any], specs: list[Any]) -> list[Any]:
    """Specs, of which there are some, each of an id of its own."""
    for spec in specs:
        if not isinstance(spec, kind.spec):
            raise PluginError(f"{kind.hook}() must return {kind.spec.__name__} objects, found {type(spec).__name__}")
    if not specs:
        raise PluginError(f"{kind.hook}() returned no {kind.noun}s")
    ids = [spec.id for spec in specs]
    if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        raise PluginError(f"{kind.hook}() returned more than one {kind.noun} with the id {', '.join(twice)}")
    return specs


def _judge(kind: Kind[R], point: EntryPoint, spec: SolverSpec | EstimatorSpec) -> R:
    if spec.api_version != API_VERSION:
        return _record(kind, point, PluginState.INCOMPATIBLE, *_incompatible(point, spec.api_version), spec)
    distribution, _ = name_and_version(point.dist)
    missing = [name for name in spec.requires if locate(name) is None]
    if missing:
        return _record(
            kind,
            point,
            PluginState.MISSING,
            f"cannot find the module{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            f"pip install {distribution} installs what it needs",
            spec,
        )
    return _record(kind, point, PluginState.OK, spec=spec)


def _mark_conflicts(records: list[R]) -> list[R]:
    """Two usable contributions under one id: neither may win by accident."""
    claims: dict[str, list[R]] = {}
    for record in records:
        if record.state is PluginState.OK:
            claims.setdefault(record.id, []).append(record)
    return [
        _conflict(record, claims[record.id])
        if record.state is PluginState.OK and len(claims[record.id]) > 1
        else record
        for record in records
    ]


def _conflict(record: R, claims: list[R]) -> R:
    owners = sorted({claim.distribution for claim in claims})
    own = [claim for claim in claims if claim.distribution == record.distribution]
    if len(own) > 1:  # one distribution, two entry points: the qualified id does not tell them apart either
        names = sorted(claim.entry_point.partition(" ")[0] for claim in own)
        reason = f"{record.distribution} claims the id more than once"
        fix = f"name one of its entry points in {DENY}: {', '.join(names)}"
    else:
        reason = f"the id is claimed by {' and '.join(owners)}"
        fix = f"use {' or '.join(f'{owner}/{record.id}' for owner in owners)}"
    return replace(record, state=PluginState.CONFLICT, reason=reason, fix=fix)


def _record(
    kind: Kind[R],
    point: EntryPoint,
    state: PluginState,
    reason: str = "",
    fix: str = "",
    spec: SolverSpec | EstimatorSpec | None = None,
) -> R:
    distribution, version = name_and_version(point.dist)
    return kind.record(
        id=spec.id if spec else _line(point.name),
        state=state,
        distribution=distribution,
        version=version,
        entry_point=_line(f"{point.name} = {point.value}"),
        spec=spec,
        reason=reason,
        fix=fix,
    )


def _line(text: str) -> str:
    return printable(text, keep="")


def _listed(value: str) -> set[str]:
    return {normal(name) for name in re.split(r"[,\s]+", value) if name}
