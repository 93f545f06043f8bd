"""`imle demo --quick`, end to end, and the ways it can fail."""

from __future__ import annotations

import os

import pytest

from imle.errors import ImleError, SolverUnavailableError
from imle.plugins import registry
from imle_gallery import show
from imle_gallery.demo import FULL, SETTINGS

FILES = {
    *("index.html", "results.json", "map.png", "gold.png", "curves.png", "sampling.gif", "hero.gif"),
    *(f"learning-{name}.{kind}" for name in ("0-0", "1-1") for kind in ("gif", "png")),
}


def test_files_and_console(quick):
    assert quick.result.exit_code == 0
    assert {path.name for path in quick.folder.iterdir()} == FILES
    lines = quick.result.stdout.splitlines()
    assert lines[-1] == str(quick.folder / "index.html")
    told = [line for line in lines if line.strip().startswith(("0 / 0", "1 / 1"))]
    for line, setting in zip(told, quick.results["settings"], strict=True):
        wrong = f"{setting['final_map_loss']} in the MAP path, {setting['final_loss']:.2f} per sample"
        assert f"wrong cells at the end: {wrong}" in line
    assert quick.result.stderr == ""  # no progress bar where nobody watches


def test_global_state_is_left_alone(quick):
    assert quick.torch_after == quick.torch_before


def test_every_learned_map_path_is_the_gold_path(quick):
    assert [setting["name"] for setting in quick.results["settings"]] == ["0-0", "1-1"]
    for setting in quick.results["settings"]:
        assert setting["final_map_path"] == quick.results["gold_path"]
        assert 0 < setting["map_first_gold_at_step"] <= setting["map_stays_gold_from_step"] <= setting["steps"]
    assert quick.results["settings"][0]["final_loss"] == 0
    assert quick.results["settings"][0]["final_gradient_sparsity"] == 1


def test_the_same_seed_gives_the_same_bytes_and_touches_no_other_file(quick, demo, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    (tmp_path / "map.png").write_text("an earlier run's")
    demo("--quick", "--out", tmp_path, "--seed", 0)
    assert (tmp_path / "mine.txt").read_text() == "keep"
    assert {path.name for path in tmp_path.iterdir()} == {*FILES, "mine.txt"}
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (quick.folder / name).read_bytes(), name


def test_full_mode_has_the_five_settings_of_the_original():
    assert [(s.temperature, s.target_temperature) for s in FULL.settings] == [(0, 0), (1, 1), (2, 2), (5, 5), (5, 0)]
    assert len({s.name for s in SETTINGS}) == 5
    assert FULL.steps // FULL.every + 1 <= 101


def test_without_the_solver(demo, monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "solvers", lambda: ())
    with pytest.raises(SolverUnavailableError, match="grid-shortest-path") as caught:
        demo("--quick", "--out", tmp_path)
    assert caught.value.hint == 'pip install "imle[demo]"'


def test_out_is_a_file(demo, tmp_path):
    (tmp_path / "file").touch()
    result = demo("--quick", "--out", tmp_path / "file")
    assert result.exit_code == 2
    assert "is a file" in result.stderr


def test_out_cannot_be_made(demo, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ImleError, match="cannot write") as caught:
        demo("--quick", "--out", tmp_path / "file" / "folder")
    assert "--out" in str(caught.value.hint)


def test_out_cannot_be_written(demo, monkeypatch, tmp_path):
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and may(path, mode))  # root may write anywhere
    result = demo("--quick", "--out", tmp_path)
    assert result.exit_code == 2
    assert "not writable" in result.stderr


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_interrupted_writing_leaves_whole_files(monkeypatch, tmp_path, error):
    (tmp_path / "b").write_bytes(b"old")
    write = show.Path.write_bytes

    def write_half(path, content):
        write(path, content[: len(content) // 2])
        if path.name.startswith(".b"):
            raise error

    monkeypatch.setattr(show.Path, "write_bytes", write_half)
    with pytest.raises((KeyboardInterrupt, ImleError)):
        show.write_files(tmp_path, {"a": b"", "b": b"new content", "c": b""})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"", "b": b"old"}
