"""The glossary: its words are used, and are those of the design."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
VOCABULARY = {
    "objective", "theta", "sense", "solver", "instance", "prepared solver", "row", "sample", "estimator", "target",
    "noise", "temperature", "plugin", "conformance", "block", "labels", "fixed terms", "marginals", "status",
}  # fmt: skip


def terms() -> set[str]:
    """Words that are explained."""
    return set(re.findall(r"^([a-zA-Z][\w ]*)$", (DOCS / "glossary.md").read_text("utf-8"), flags=re.MULTILINE))


def test_the_words_of_the_design_are_explained():
    assert terms() >= VOCABULARY


def test_every_word_is_linked_from_another_page():
    """Sphinx warns of links to words that are not explained."""
    pages = "".join(path.read_text("utf-8") for path in DOCS.glob("*.md") if path.name != "glossary.md")
    linked = {
        target or text for text, target in re.findall(r"\{term\}`([^`<]*?)(?: <([^>`]+)>)?`", " ".join(pages.split()))
    }
    assert terms() - linked == set()
