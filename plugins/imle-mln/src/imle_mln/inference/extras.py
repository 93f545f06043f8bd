"""Engines that need packages of their own, which an extra of imle-mln installs."""

from __future__ import annotations

from importlib.util import find_spec

from imle.errors import SolverUnavailableError

_PACKAGES = {"toulbar2": ("pytoulbar2",), "rc2": ("imle_pysat", "pysat")}


def require(engine: str) -> None:
    """Refuse an engine whose packages are not installed; they are looked up, not imported.

    Raises:
        SolverUnavailableError: with the pip line that installs them.
    """
    missing = [name for name in _PACKAGES.get(engine, ()) if find_spec(name) is None]
    if missing:
        raise SolverUnavailableError(
            f"mln: engine={engine!r} needs {' and '.join(missing)}, which cannot be imported",
            hint=f"pip install 'imle-mln[{engine}]'",
        )
