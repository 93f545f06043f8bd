"""What the README claims beside its code blocks (which `conftest.py` at the root runs)."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.slow
def test_the_training_example_prints_what_the_readme_says():
    block = next(part for part in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL) if "secret" in part)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(block, {})
    claimed, found = (
        re.search(r"(\d+)% of 500 new days: .*? (\S+) solves", text) for text in (README, printed.getvalue())
    )
    assert int(found[1]) == pytest.approx(int(claimed[1]), abs=3)  # other machines round differently
    assert found[2] == claimed[2]


@pytest.mark.parametrize(("target", "place"), re.findall(r"\]\((?!http)([^)#]+)#?([^)]*)\)", README))
def test_links_lead_somewhere(target, place):
    assert (ROOT / target).exists()
    if place:
        headings = re.findall(r"^#+ (.*)$", (ROOT / target).read_text(), flags=re.MULTILINE)
        assert place in {heading.lower().replace(" ", "-") for heading in headings}
