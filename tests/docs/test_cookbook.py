"""Recipes of the cookbook are what it says: a question each, short, alone, with a result. (Sybil runs them.)"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

COOKBOOK = Path(__file__).parents[2] / "docs" / "cookbook.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


def recipes() -> dict[str, list[str]]:
    """Blocks of code by the title above them."""
    _, *parts = re.split(r"^### ", COOKBOOK.read_text("utf-8"), flags=re.MULTILINE)
    return {part.partition("\n")[0]: BLOCK.findall(part) for part in parts}


def test_recipes_are_short_answers_to_questions():
    found = recipes()
    assert len(found) >= 30
    for title, blocks in found.items():
        assert title.endswith("?"), title
        assert len(blocks) == 1, f"{title}: {len(blocks)} blocks"
        lines = [line for line in blocks[0].splitlines() if line]
        assert 4 <= len(lines) <= 15, f"{title}: {len(lines)} lines"
        assert "assert " in blocks[0], f"{title}: shows no result"


def test_recipes_stand_alone(tmp_path):
    """Sybil runs them in one namespace, where a name of another recipe would go unnoticed."""
    for number, block in enumerate(block for blocks in recipes().values() for block in blocks):
        (tmp_path / f"recipe_{number:02}.py").write_text(block)
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select=E9,F", "--ignore=F401", tmp_path]
    done = subprocess.run(ruff, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
