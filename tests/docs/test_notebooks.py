"""Notebooks: the build of the site runs them, each in a process of its own. What they must be, and what they show."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from support.chromium import needs_chromium, opened

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
NAMES = [path.stem for path in FILES]


def cells(path, kind="code"):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]


def source(cell):
    return "".join(cell["source"])


def test_there_are_five():
    assert len(NAMES) == 5
    index = (ROOT / "docs" / "notebooks" / "index.md").read_text()
    assert sorted(set(re.findall(r"\]\(([\w-]+)\.ipynb\)", index))) == NAMES
    assert sorted(re.findall(r"^([\w-]+)$", index.partition(":hidden:")[2], flags=re.MULTILINE)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_and_draws(site, name):
    failure = site.html / "reports" / "notebooks" / f"{name}.err.log"
    assert not failure.exists(), failure.read_text()
    page = (site.html / "notebooks" / f"{name}.html").read_text()
    pictures = re.findall(r'<img[^>]*src="\.\./(_images/[^"]+)"', page)
    assert len(pictures) >= 3
    assert all((site.html / picture).read_bytes().startswith(b"\x89PNG") for picture in pictures)
    assert "Traceback" not in page


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_what_it_printed_and_drew_is_not_in_the_repository(path):
    """Clear all outputs before you commit."""
    notebook = json.loads(path.read_text())
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    for cell in cells(path):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_one_line_installs_what_it_needs(path):
    """It is for hosted notebooks: nothing that runs notebooks here runs it."""
    first, *others = cells(path)
    assert first["metadata"]["tags"] == ["skip-execution"]
    assert not any("pip install" in source(cell) for cell in others)
    (line,) = [line for line in source(first).splitlines() if not line.startswith("#")]
    extras = re.fullmatch(r'%pip install -q "imle\[([a-z,]+)\]"(?: [a-z]+)*', line)
    assert extras
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras[1].split(",")) <= set(declared)


def test_without_the_prices_it_makes_days_of_the_same_shape(monkeypatch, tmp_path):
    from imle import datasets

    monkeypatch.setenv("IMLE_ENERGY_DATA", str(tmp_path))
    made = {}
    for cell in cells(ROOT / "docs" / "notebooks" / "predict-then-optimise.ipynb")[1:4]:
        exec(source(cell).replace("plt.style.use", "str"), made)  # pyplot's look is that of the whole process
    data = made["data"]
    assert not made["real"]
    assert isinstance(data, datasets.EnergyData)
    for part, days in zip(data[:3], (550, 100, 139), strict=True):
        assert part.features.shape == (days, 48, 8)
        assert part.values.shape == part.prices.shape == (days, 48)
        assert (part.values == part.prices * data.weights).all()
    assert data.weights.shape == (48,)
    assert set(data.weights.tolist()) == {3, 5, 7}


def test_the_plugin_that_is_written_is_tidy(tmp_path):
    """Ruff looks at cells of Python, and not at those that write files."""
    for cell in cells(ROOT / "docs" / "notebooks" / "write-a-plugin.ipynb"):
        if written := re.match(r"%%writefile \S*/(\w+\.py)\n", source(cell)):
            (tmp_path / written[1]).write_text(source(cell)[written.end() :] + "\n")
    assert len(list(tmp_path.iterdir())) == 3
    ruff = [sys.executable, "-m", "ruff"]
    own = ["--config", 'lint.isort.known-first-party = ["imle_event"]']
    for command in (["check", "--select=E,F,W,I,N,UP,B", *own], ["format", "--check"]):
        isolated = [*ruff, *command, "--isolated", "--line-length=88", tmp_path]
        done = subprocess.run(isolated, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@needs_chromium
@pytest.mark.parametrize("name", NAMES)
def test_a_phone_shows_all_of_its_width(site, name):
    with opened(site.html / "notebooks" / f"{name}.html", width=390, height=844) as tab:
        assert tab.value("document.documentElement.scrollWidth") == 390
        assert tab.console == []
