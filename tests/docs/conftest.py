"""The site's generator, importable; and the site, built once."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

sys.path.insert(0, str(DOCS / "_ext"))


@pytest.fixture(scope="session")
def generated() -> dict[str, str]:
    """Generated pages by their path in `docs/`, not built."""
    pytest.importorskip("sphinx", reason="the pages of the API are read by Sphinx")
    from imle_docs import generated

    return generated()


@dataclass(frozen=True)
class Site:
    """What `make docs` leaves.

    Attributes:
        html: its folder.
        output: what Sphinx warned of.
    """

    html: Path
    code: int
    output: str


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Site:
    """Built as `make docs` does, elsewhere; workers share it."""
    for name in ("sphinx", "furo", "myst_nb", "sphinx_copybutton"):
        pytest.importorskip(name, reason=f"{name} is not installed: pip install -e .[docs]")
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "site"
    log = folder.with_suffix(".log")
    with FileLock(f"{folder}.lock"):
        if not log.exists():
            warned = folder.with_suffix(".warnings")
            strict = ["-W", "--keep-going", "-q", "-w", warned, "-D", "nb_execution_mode=force"]
            command = [sys.executable, "-m", "sphinx", *strict, "-b", "html", DOCS, folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            log.write_text(f"{done.returncode}\n{warned.read_text() if warned.exists() else done.stderr}")
    code, _, output = log.read_text().partition("\n")
    return Site(folder, int(code), output)
