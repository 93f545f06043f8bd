"""Mutants are sources that differ in one place and can be read."""

from __future__ import annotations

import ast
import textwrap

from mutants.areas import AREAS, ROOT
from mutants.sites import sites


def test_changes_of_a_small_file(tmp_path):
    file = tmp_path / "small.py"
    file.write_text(
        textwrap.dedent('''
        """Text stays: 1 + 1."""
        LIMIT = 3

        def f(x: int | None = None, é="ü"):
            if x < 2 and not é:
                raise ValueError(f"{x + 1}")
            return -x if é else x * 0.5
        ''')
    )
    shown = [site.shown().partition("->")[2].strip() for site in sites(file)]
    assert sorted(shown) == sorted(
        [
            "if ((x < 2) or (not é)):",
            "if (x < 2):",
            "if (x <= 2) and not é:",
            "if x < 3 and not é:",
            "if x < 2 and bool(é):",
            "return (+(x)) if é else x * 0.5",
            "return (x * 0.5 if é else -x)",
            "return -x if é else ((x) / (0.5))",
            "return -x if é else x * 1.0",
        ]
    )
    assert len({site.applied() for site in sites(file)}) == len(shown)


def test_every_mutant_can_be_read():
    for area in AREAS:
        found = [site for file in area.files()[::4] for site in sites(file)]
        assert found, area.name
        for site in found[::10]:
            ast.parse(site.applied())


def test_rows_are_changed_wherever_they_go():
    drawn = {file for area in AREAS for file in area.files()}
    for package in ("layers", "estimators", "losses", "execution", "solvers"):
        assert set((ROOT / "imle_core/imle" / package).rglob("*.py")) <= drawn, package
