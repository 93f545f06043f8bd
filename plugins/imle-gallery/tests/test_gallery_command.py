"""`imle gallery`, end to end, and the ways it can fail."""

from __future__ import annotations

import pytest

from imle.errors import OptionError, SolverUnavailableError, UnknownSolverError
from imle.plugins import registry
from imle_gallery import commands as command
from imle_gallery import plan
from imle_gallery.gallery import NAMES
from imle_gallery.sections import solvers

ANIMATIONS = {
    "paths",
    "race",
    *(f"learning-{kind}" for kind in ("marginals", "best", "costs")),
    *("solver-topk", "solver-grid-shortest-path"),
}
STILLS = {
    *("marginals", "sum-of-gamma", "marginal-error", "exact-marginals-1", "exact-marginals-2", "race-curves"),
    *("solver-topk-curves", "solver-grid-shortest-path-curves"),
}
FILES = {
    *(f"{name}.png" for name in ANIMATIONS | STILLS),
    *(f"{name}.gif" for name in ANIMATIONS),
    *("index.html", "results.json"),
}


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_files_and_console(tiny):
    assert tiny.result.exit_code == 0
    assert names(tiny.folder) == FILES
    lines = tiny.result.stdout.splitlines()
    assert lines[-1] == str(tiny.folder / "index.html")
    shown = [line.split()[0] for line in lines if line.split() and line.split()[0] in command.SECTIONS]
    assert shown == list(command.SECTIONS)
    assert tiny.result.stderr == ""  # no progress bar where nobody watches


def test_global_state_is_left_alone(tiny):
    assert tiny.torch_after == tiny.torch_before


def test_the_lists_of_the_command_are_those_of_the_gallery():
    assert NAMES == command.SECTIONS


def test_the_same_seed_gives_the_same_bytes_and_touches_no_other_file(tiny, gallery, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    gallery("--quick", "--out", tmp_path, "--solver", "topk", "--solver", "grid-shortest-path", "--seed", 0)
    assert names(tmp_path) == {*FILES, "mine.txt"}
    for name in FILES - {"index.html"}:  # the page has timings
        assert (tmp_path / name).read_bytes() == (tiny.folder / name).read_bytes(), name


def test_another_seed_gives_others(tiny, gallery, tmp_path):
    gallery("--quick", "--only", "noise", "--out", tmp_path, "--seed", 1, "--format", "png")
    assert names(tmp_path) == {"sum-of-gamma.png", "results.json"}
    assert (tmp_path / "sum-of-gamma.png").read_bytes() != (tiny.folder / "sum-of-gamma.png").read_bytes()


def test_only_one_section_one_format(gallery, tmp_path):
    result = gallery("--quick", "--only", "paths", "--format", "gif", "--out", tmp_path)
    assert names(tmp_path) == {"paths.gif", "results.json"}
    assert result.stdout.splitlines()[-1] == str(tmp_path)


def test_the_page_links_only_to_what_was_written(gallery, tmp_path):
    gallery("--quick", "--only", "paths", "--format", "html", "--out", tmp_path)
    assert names(tmp_path) == {"index.html", "results.json"}
    html = (tmp_path / "index.html").read_text("utf-8")
    assert 'href="results.json"' in html
    assert "paths.gif" not in html
    assert "imle gallery --quick --seed 0 --only paths --format html" in html


def test_full_mode_has_the_whole_grid():
    assert plan.FULL.temperatures == (0, 1, 2, 5)
    assert plan.FULL.samples == (1, 10, 100)
    assert plan.FULL.steps % plan.FULL.every == 0
    assert 0.5 in plan.FULL.error_temperatures


def test_without_the_solver(gallery, monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "solvers", lambda: ())
    with pytest.raises(SolverUnavailableError, match="grid-shortest-path"):
        gallery("--quick", "--only", "paths", "--out", tmp_path)


def test_unknown_solver(gallery, tmp_path):
    with pytest.raises(UnknownSolverError, match="spaning-tree"):
        gallery("--quick", "--solver", "spaning-tree", "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_solver_that_cannot_be_shown(gallery, tmp_path, monkeypatch):
    def no_choice(solver_id, seed):
        raise OptionError(f"{solver_id}: expected an instance with more than one solution, found none")

    monkeypatch.setattr(solvers, "small_case", no_choice)
    with pytest.raises(OptionError, match="topk: cannot be shown: topk: expected an instance"):
        gallery("--quick", "--only", "solvers", "--solver", "topk", "--out", tmp_path)


def test_unknown_section_and_format(gallery, tmp_path):
    assert "'learning'" in gallery("--only", "lerning", "--out", tmp_path).stderr
    assert "'webp'" in gallery("--format", "avi", "--out", tmp_path).stderr
