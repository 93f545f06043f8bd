"""Finding plugins. Walks the entry points itself, one `try` per plugin: one bad plugin never stops another."""

from __future__ import annotations

import importlib.util
import os
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from imle.errors import PluginError
from imle.plugins import hookspecs
from imle.plugins.records import PluginState, SolverRecord
from imle.plugins.spec import API_VERSION, SolverSpec

ALLOW = "IMLE_PLUGINS"
DENY = "IMLE_DISABLE_PLUGINS"
STRICT = "IMLE_PLUGINS_STRICT"


def discover(
    environ: Mapping[str, str] = os.environ, points: Iterable[EntryPoint] | None = None
) -> tuple[SolverRecord, ...]:
    """Read every plugin of the group `imle.solvers`.

    Args:
        environ: where `IMLE_PLUGINS` (allow list), `IMLE_DISABLE_PLUGINS` (deny list) and
            `IMLE_PLUGINS_STRICT` are looked up. Names are entry-point or distribution names.
        points: the entry points to read; by default those of all installed distributions.

    Returns:
        One record per solver, sorted by id; a plugin that cannot be read has one record of its own.

    Raises:
        PluginError: only with `IMLE_PLUGINS_STRICT=1`: the first plugin that is broken.
    """
    if points is None:
        points = entry_points(group=hookspecs.ENTRY_POINT_GROUP)
    strict = environ.get(STRICT, "") not in ("", "0")
    records: list[SolverRecord] = []
    for point in points:
        excluded = _excluded(point, environ)
        records += [excluded] if excluded else _read(point, strict)
    return tuple(sorted(_mark_conflicts(records), key=lambda record: (record.id, record.distribution)))


def _excluded(point: EntryPoint, environ: Mapping[str, str]) -> SolverRecord | None:
    """Names are filtered before anything is loaded, so a disabled plugin cannot do harm."""
    names = {_normal(point.name), _normal(_distribution(point)[0])}
    if names & _listed(environ.get(DENY, "")):
        return _record(point, PluginState.DISABLED, f"named in {DENY}", f"take it out of {DENY}")
    if environ.get(ALLOW) is not None and not names & _listed(environ[ALLOW]):
        return _record(point, PluginState.DISABLED, f"not named in {ALLOW}", f"add {point.name} to {ALLOW}")
    return None


def _read(point: EntryPoint, strict: bool) -> list[SolverRecord]:
    start = time.perf_counter()
    try:
        specs = _specs_of(point)
    except (Exception, SystemExit) as error:  # a plugin may do anything at import, exiting included
        if strict:
            raise PluginError(
                f"plugin {point.name!r} of {_distribution(point)[0]}: {_describe(error)}",
                hint=f"{STRICT}=1 makes this fatal; unset it to go on without the plugin",
            ) from error
        see = f"{STRICT}=1 imle --debug list-solvers shows the traceback; then upgrade {_distribution(point)[0]}"
        return [_record(point, PluginState.BROKEN, _describe(error), see)]
    elapsed = time.perf_counter() - start
    return [replace(_judge(point, spec), load_seconds=elapsed) for spec in specs]


def _specs_of(point: EntryPoint) -> list[SolverSpec]:
    """Load the light module and call its hook through pluggy, which checks name and signature."""
    manager = pluggy.PluginManager("imle")
    manager.add_hookspecs(hookspecs)
    manager.register(point.load(), name=point.name)
    manager.check_pending()
    if not manager.hook.imle_solvers.get_hookimpls():
        raise PluginError(f"{point.value} implements no hook: expected imle_solvers() marked @imle.hookimpl")
    specs: list[Any] = [spec for specs in manager.hook.imle_solvers() for spec in specs]
    for spec in specs:
        if not isinstance(spec, SolverSpec):
            raise PluginError(f"imle_solvers() must return SolverSpec objects, found {type(spec).__name__}")
    if not specs:
        raise PluginError("imle_solvers() returned no solvers")
    return specs


def _judge(point: EntryPoint, spec: SolverSpec) -> SolverRecord:
    distribution, _ = _distribution(point)
    if spec.api_version != API_VERSION:
        return _record(
            point,
            PluginState.INCOMPATIBLE,
            f"made for plugin api {spec.api_version}, this imle has {API_VERSION}",
            f"pip install --upgrade imle {distribution}",
            spec,
        )
    missing = [name for name in spec.requires if not _importable(name)]
    if missing:
        return _record(
            point,
            PluginState.MISSING,
            f"cannot find the module{'s' if len(missing) > 1 else ''} {', '.join(missing)}",
            f"pip install {distribution} installs what it needs",
            spec,
        )
    return _record(point, PluginState.OK, spec=spec)


def _importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # a missing parent package, or a half-removed module
        return False


def _mark_conflicts(records: list[SolverRecord]) -> list[SolverRecord]:
    """Two usable solvers under one id: neither may win by accident."""
    owners: dict[str, list[str]] = {}
    for record in records:
        if record.state is PluginState.OK:
            owners.setdefault(record.id, []).append(record.distribution)
    marked = []
    for record in records:
        names = owners.get(record.id, [])
        if record.state is PluginState.OK and len(names) > 1:
            record = replace(
                record,
                state=PluginState.CONFLICT,
                reason=f"the id is claimed by {' and '.join(sorted(names))}",
                fix=f"use {' or '.join(f'{name}/{record.id}' for name in sorted(names))}",
            )
        marked.append(record)
    return marked


def _record(
    point: EntryPoint, state: PluginState, reason: str = "", fix: str = "", spec: SolverSpec | None = None
) -> SolverRecord:
    distribution, version = _distribution(point)
    return SolverRecord(
        id=spec.id if spec else point.name,
        state=state,
        distribution=distribution,
        version=version,
        entry_point=f"{point.name} = {point.value}",
        spec=spec,
        reason=reason,
        fix=fix,
    )


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("unknown", "")


def _describe(error: BaseException) -> str:
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _listed(value: str) -> set[str]:
    return {_normal(name) for name in re.split(r"[,\s]+", value) if name}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
