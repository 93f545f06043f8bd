"""Machine code on disk is forgotten when any kernel's source changes."""

from __future__ import annotations

import shutil

from imle_networkx.kernels import compiling


def test_stale_code_is_forgotten(tmp_path, monkeypatch):
    folder = tmp_path / "kernels"
    shutil.copytree(compiling._KERNELS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(compiling, "_KERNELS", folder)
    compiling.forget_stale_code()
    compiled = folder / "__pycache__" / "sweep.nbi"
    compiled.write_text("machine code")
    compiling.forget_stale_code()
    assert compiled.exists(), "nothing has changed"
    with (folder / "lanes.py").open("a") as file:
        file.write("# changed\n")
    compiling.forget_stale_code()
    assert not compiled.exists()


def test_a_folder_that_cannot_be_written_is_left_alone(tmp_path, monkeypatch):
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / "__pycache__").write_text("in the way: not a folder")
    monkeypatch.setattr(compiling, "_KERNELS", folder)
    compiling.forget_stale_code()
    assert (folder / "__pycache__").read_text() == "in the way: not a folder"
