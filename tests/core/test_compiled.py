"""Kernels: machine code on disk is never older than any of the sources that it was made of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tools.house.source import Checkout

from imle.solvers.compiled import compiled, read_only

ROOT = Path(__file__).parents[2]
HELPER = "from imle.solvers.compiled import compiled\n@compiled\ndef helped(x: int) -> int:\n    return x + {}\n"
KERNEL = """
from imle.solvers.compiled import compiled
from small.helper import helped
@compiled
def kernel(x: int) -> int:
    return helped(x)
"""
RUN = "from small.kernel import kernel\nprint(kernel(1), sum(kernel.stats.cache_hits.values()))"


def run(code: str, folder: Path, **environment: str) -> str:
    paths = os.pathsep.join([str(folder), *sys.path])
    inherited = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment = {**inherited, "PYTHONPATH": paths, **environment}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    return done.stdout.strip()


@pytest.mark.parametrize("elsewhere", [False, True], ids=["beside the sources", "NUMBA_CACHE_DIR"])
def test_code_on_disk_is_used_until_any_file_of_its_folder_changes(tmp_path, elsewhere):
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")} if elsewhere else {}
    package = tmp_path / "small"
    package.mkdir()
    (package / "kernel.py").write_text(KERNEL)
    (package / "helper.py").write_text(HELPER.format(10))
    assert run(RUN, tmp_path, **environment) == "11 0"
    assert run(RUN, tmp_path, **environment) == "11 1"
    (package / "helper.py").write_text(HELPER.format(20))
    assert run(RUN, tmp_path, **environment) == "21 0"
    assert len(list(tmp_path.rglob("kernel.kernel-*.nbi"))) == 1, "what is out of date is deleted"


def doubled(x: int) -> int:
    return 2 * x


def test_a_kernel_keeps_its_name():
    kernel = compiled(doubled)
    assert kernel(4) == 8
    assert kernel.__qualname__ == doubled.__qualname__ == "doubled"


PATHS = """
import numpy as np
from imle_networkx.grid import GridShortestPathSolver
found = GridShortestPathSolver(neighbours=4).prepare().solve(np.array([[[1.0, 2.0], [9.0, 1.0]]]))
print(found.solutions.ravel().tolist())
"""
ASSIGNMENTS = """
import numpy as np
from imle_kernels.assignment import AssignmentSolver
print(AssignmentSolver().prepare().solve(np.eye(2)[None]).status)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("plugin", "file", "old", "new", "code", "before", "after"),
    [
        (
            "networkx",
            "kernels/lanes.py",
            "return cost\n",
            "return 10.0 - cost\n",
            PATHS,
            "[1, 1, 0, 1]",
            "[1, 0, 1, 1]",
        ),
        ("kernels", "compiled/assignment.py", "found[b] = True", "found[b] = False", ASSIGNMENTS, "None", "[2]"),
    ],
    ids=["imle-networkx", "imle-kernels"],
)
def test_a_changed_source_of_a_plugin_is_what_runs(tmp_path, plugin, file, old, new, code, before, after):
    package = ROOT / f"plugins/imle-{plugin}/src/imle_{plugin}"
    here = tmp_path / package.name
    shutil.copytree(package, here, ignore=shutil.ignore_patterns("__pycache__"))
    assert run(code, tmp_path) == before
    (here / file).write_text((here / file).read_text().replace(old, new))
    assert run(code, tmp_path) == after


def test_kernels_use_their_own_folder_only():
    """Their machine code is made of what this folder holds, and of nothing that could change without it."""
    checkout = Checkout(ROOT)
    users = [name for name, used in checkout.imports.items() if "imle.solvers.compiled" in used]
    kernels = [name for name in users if "@compiled" in checkout.modules[name].path.read_text()]
    brought = {name.partition(".")[0] for name in kernels}
    assert brought == {"imle_dp", "imle_kernels", "imle_mln", "imle_networkx", "imle_routes"}
    for name in kernels:
        folder = name.rpartition(".")[0]
        others = {used for used in checkout.imports[name] if not re.fullmatch(rf"{folder}(\.\w+)?", used)}
        assert others == {"imle.solvers.compiled"}, name


def test_read_only_arrays_are_of_one_type():
    array = np.arange(6.0).reshape(2, 3)
    for given in (array, array.T, array[:, ::2]):
        view = read_only(given)
        assert (view == given).all()
        assert view.flags.c_contiguous
        assert not view.flags.writeable
    assert np.shares_memory(read_only(array), array)
    assert array.flags.writeable


def test_the_python_code_where_numba_is_told_not_to_compile(monkeypatch):
    def kernel(x: int) -> int:
        return x + 1

    monkeypatch.setattr("numba.config.DISABLE_JIT", True)
    assert compiled(kernel) is kernel
    assert kernel.__qualname__.endswith("kernel")
