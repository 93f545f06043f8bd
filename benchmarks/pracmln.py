"""pracmln, run in a Python of its own: it needs Python 3.8.

python3.8 -m venv .pracmln && .pracmln/bin/pip install "setuptools<58" wheel cython "numpy<1.24"
.pracmln/bin/pip install --no-build-isolation pracmln
PRACMLN_PYTHON=.pracmln/bin/python make bench

The same variable lets plugins/imle-mln/tests/test_pracmln.py ask pracmln again what its answers on file are.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SKIPPED = (
    "skipped: the comparison with pracmln, which needs Python 3.8 and is not installed here; benchmarks/pracmln.py "
    "says how (pip install --no-build-isolation pracmln), PRACMLN_PYTHON names its interpreter"
)
_SCRIPT = """
import json, time
from pracmln import MLN, Database, MLNQuery
start = time.perf_counter()
mln = MLN(mlnfile="program.mln", grammar="StandardGrammar", logic="FirstOrderLogic")
database = Database.load(mln, "evidence.db")[0]
query = MLNQuery(mln=mln, db=database, method="WCSPInference", queries=["Smokes", "Cancer"], cw_preds=["Friends"],
                 verbose=False, multicore=False)
found = query.run()
seconds = time.perf_counter() - start
true = [str(atom) for atom, truth in found.results.items() if truth > 0.5]
print("\\n" + json.dumps({"seconds": seconds, "true": true}))
"""


@dataclass(frozen=True)
class Answer:
    """What pracmln found: seconds from text to MAP, its imports not counted, and the true atoms."""

    seconds: float
    true: frozenset[str]

    def state(self, atoms: Sequence[str]) -> NDArray[np.bool_]:
        """`[A]`."""
        return np.array([atom in self.true for atom in atoms])


def interpreter() -> str | None:
    """A Python that can import pracmln, or None."""
    for python in (os.environ.get("PRACMLN_PYTHON"), ".pracmln/bin/python", "python3.8"):
        if python is None:
            continue
        try:
            done = subprocess.run([python, "-c", "import pracmln"], capture_output=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return str(Path(python).absolute()) if os.sep in python else python
    return None


def best_of(python: str, program: str, evidence: str, rounds: int) -> Answer:
    """The fastest of some runs."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "program.mln").write_text(program.replace("*", "").lstrip())
        Path(folder, "evidence.db").write_text(evidence)
        runs = [_run(python, folder) for _ in range(rounds)]
    return min(runs, key=lambda run: run.seconds)


def _run(python: str, folder: str) -> Answer:
    done = subprocess.run([python, "-c", _SCRIPT], cwd=folder, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return Answer(found["seconds"], frozenset(found["true"]))
