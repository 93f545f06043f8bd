"""What `imle doctor` finds out, as plain data. Versions come from metadata: nothing is imported to be examined."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from itertools import groupby

import imle
from imle._names import closest
from imle.cli.devices import Torch, ask_torch
from imle.cli.metadata import Finding, stale_metadata
from imle.plugins import PluginState, SolverRecord
from imle.plugins.discovery import ALLOW, DENY, STRICT, discover, plugin_names, strays
from imle.plugins.installed import locate, normal, requirements

SLOW_SECONDS = 0.1

_REQUIRED = ("torch", "numpy", "pluggy", "click", "rich")
_OPTIONAL = (
    *("networkx", "numba", "scipy", "highspy", "ortools", "pulp", "lark"),
    *("python-sat", "matplotlib", "pillow", "dask", "ray"),
)
_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMBA_THREADING_LAYER",
)
_SWITCHES = ("CUDA_VISIBLE_DEVICES", "PYTHONPATH")  # not imle's, but they decide which devices and modules it finds

# From what mends least to what mends most: a plugin is shown with the last of its solvers' states.
_SEVERITY = (
    PluginState.OK,
    PluginState.DISABLED,
    PluginState.MISSING,
    PluginState.CONFLICT,
    PluginState.INCOMPATIBLE,
    PluginState.BROKEN,
)


@dataclass(frozen=True)
class PluginReport:
    """One entry point and the solvers behind it; the extras of its distribution, and what each of them lacks here."""

    name: str
    module: str
    file: str | None
    distribution: str
    version: str
    status: PluginState
    load_ms: float
    heavy_imports: tuple[str, ...]
    solvers: tuple[dict[str, str], ...]
    extras: dict[str, list[str]]

    @property
    def slow(self) -> bool:
        """Whether reading it takes longer than it should."""
        return self.load_ms > SLOW_SECONDS * 1e3


@dataclass(frozen=True)
class InstallationReport:
    """Everything there is to say; `problems` make the check fail, `warnings` do not."""

    python: str
    executable: str
    platform: str
    imle: str
    location: str
    versions: Mapping[str, str | None]
    devices: Mapping[str, str]
    plugins: Sequence[PluginReport]
    environment: Mapping[str, str | None]
    threads: Mapping[str, str | int | None]
    problems: Sequence[Finding]
    warnings: Sequence[Finding]


def inspect(environ: Mapping[str, str] = os.environ) -> InstallationReport:
    """Examine this installation. A broken plugin is a finding here even where `IMLE_PLUGINS_STRICT` is set."""
    with contextlib.redirect_stdout(sys.stderr):  # what plugins print while they are read
        records = discover({name: value for name, value in environ.items() if name != STRICT})
    plugins = [_plugin(list(group)) for _, group in groupby(sorted(records, key=_entry_point), _entry_point)]
    versions = {name: _version(name) for name in (*_REQUIRED, *_OPTIONAL)}
    torch = ask_torch() if locate("torch") else Torch()
    findings = [
        *_libraries(versions, torch),
        *_other_owners(),
        *_misspelt(environ),
        *_shadows(),
        *stale_metadata(),
        *_unusable(records),
        *_slow(plugins),
    ]
    # the switches of imle, and whatever else has its prefix: a misspelt switch shows next to the unset one
    switches = {ALLOW, DENY, STRICT, *_SWITCHES, *(name for name in environ if name.startswith("IMLE_"))}
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cpus = {"cpus": os.cpu_count(), "usable_cpus": usable}
    return InstallationReport(
        python=platform.python_version(),
        executable=sys.executable,
        platform=platform.platform(),
        imle=imle.__version__,
        location=os.path.dirname(imle.__file__),
        versions=versions,
        devices=torch.devices,
        plugins=plugins,
        environment={name: environ.get(name) for name in sorted(switches)},
        threads={**cpus, **{name: environ.get(name) for name in _THREADS}, **torch.threads},
        problems=[finding for finding in findings if finding.fatal],
        warnings=[finding for finding in findings if not finding.fatal],
    )


def _entry_point(record: SolverRecord) -> tuple[str, str]:
    return record.distribution, record.entry_point


def _plugin(records: Sequence[SolverRecord]) -> PluginReport:
    first = records[0]
    name, _, value = first.entry_point.partition(" = ")
    module = value.partition(":")[0].partition("[")[0].strip()
    found = locate(module)
    return PluginReport(
        name=name or first.id,
        module=module,
        file=found.origin if found else None,
        distribution=first.distribution,
        version=first.version,
        status=max((record.state for record in records), key=_SEVERITY.index),
        load_ms=round(first.load_seconds * 1e3, 1),
        heavy_imports=first.heavy_imports,
        solvers=tuple({"id": record.id, "status": record.state.value} for record in records if record.spec),
        extras=_extras(first.distribution),
    )


def _extras(distribution: str) -> dict[str, list[str]]:
    lacking: dict[str, list[str]] = {}
    for needed in requirements(distribution):
        if needed.extra:
            lacking.setdefault(needed.extra, []).extend([needed.name] if _version(needed.name) is None else [])
    return lacking


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _libraries(versions: Mapping[str, str | None], torch: Torch) -> Iterator[Finding]:
    for name in _REQUIRED:
        if versions[name] is None and locate(name) is None:
            yield Finding(name, "is not installed, and imle needs it", f"pip install {name}", fatal=True)
    if torch.broken:
        fix = "pip install --force-reinstall torch"
        yield Finding("torch", f"cannot be imported: {torch.broken}", fix, fatal=True)


def _other_owners() -> Iterator[Finding]:
    """Other distributions with files in our package: the one installed last has overwritten the other."""
    try:
        owners = packages_distributions().get("imle", [])
    except Exception:  # unreadable metadata of any distribution; discovery reports those that concern us
        return
    for name in sorted({*owners} - {"imle"}):
        try:
            files = (distribution(name).read_text("RECORD") or "").splitlines()
        except Exception:  # its list of files cannot be read
            files = []
        original = any(file.startswith("imle/wrapper.py,") for file in files)
        what = "imle/wrapper.py, the module of the original API" if original else "files into the package imle"
        fix = f"pip uninstall {name}, then pip install --force-reinstall --no-deps imle"
        yield Finding(name, f"also installs {what}", fix, fatal=True)


def _misspelt(environ: Mapping[str, str]) -> Iterator[Finding]:
    """A misspelt name in a list of plugins excludes, or keeps, what it should not."""
    known = sorted({normal(name) for name in plugin_names()})
    for variable, names in strays(environ).items():
        for name in names:
            close = closest(name, known)
            fix = f"did you mean {close[0]}?" if close else "imle list-solvers shows what is installed"
            yield Finding(variable, f"names {name}: no installed plugin is called that", fix)


def _shadows() -> Iterator[Finding]:
    """Packages named imle elsewhere on `sys.path`: who starts Python differently gets another one."""
    own = os.path.realpath(os.path.dirname(imle.__file__))
    places = dict.fromkeys(os.path.realpath(os.path.join(entry or os.getcwd(), "imle")) for entry in sys.path)
    for place in places:
        if place != own and os.path.isfile(os.path.join(place, "__init__.py")):
            fix = f"remove it, or take {os.path.dirname(place)} off the path"
            yield Finding(place, "is another package imle on sys.path", fix)


def _unusable(records: Sequence[SolverRecord]) -> Iterator[Finding]:
    for record in records:
        if record.state not in (PluginState.OK, PluginState.DISABLED):
            yield Finding(record.qualified_id, f"{record.state.value}: {record.reason}", record.fix, fatal=True)


def _slow(plugins: Sequence[PluginReport]) -> Iterator[Finding]:
    """Every `imle list-solvers` and every `imle.layer` of every user pays for a slow light module."""
    for plugin in plugins:
        complaints = [f"imports {', '.join(plugin.heavy_imports)}"] if plugin.heavy_imports else []
        if plugin.slow:
            complaints.append(f"takes {plugin.load_ms:.0f} ms to load, more than {SLOW_SECONDS * 1e3:.0f} ms")
        if complaints:
            fix = "its authors can move imports into the module of the solver class, which a spec names as text"
            yield Finding(f"{plugin.distribution}: {plugin.module}", " and ".join(complaints), fix)
