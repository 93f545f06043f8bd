"""What is cited: CITATION.cff and the BibTeX of docs/citing.md."""

from __future__ import annotations

import re

import pytest
import yaml
from tools.release.projects import ROOT, project

import imle.losses
from imle.losses import SolutionPool, SolverLoss
from imle.plugins.estimators import OWN

PAGE = (ROOT / "docs" / "citing.md").read_text()
TABLE, BIBTEX = PAGE.split("```bibtex\n")
ENTRIES = re.findall(r"^@(\w+)\{([\w-]+),\n(.*?)^\}$", BIBTEX, flags=re.MULTILINE | re.DOTALL)


def test_the_citation_file_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    core = project(ROOT)
    assert {"cff-version", "message", "authors", "title"} <= citation.keys(), "the keys that its format wants"
    assert citation["cff-version"] == "1.2.0"
    assert (citation["title"], citation["version"]) == (core["name"], core["version"])
    assert (citation["license"], citation["repository-code"]) == (core["license"], core["urls"]["Source"])
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in core["authors"]]
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= reference.keys()
        assert all({"family-names", "given-names"} == author.keys() for author in reference["authors"])


def test_entries_are_whole():
    assert len(ENTRIES) == BIBTEX.count("\n@") + 1
    for kind, key, text in ENTRIES:
        fields = dict(re.findall(r"^ +(\w+) *= \{(.*)\},$", text, flags=re.MULTILINE))
        assert len(fields) == len(text.splitlines()), f"{key}: a field a line"
        assert {"author", "title", "year"} <= fields.keys(), key
        assert kind != "article" or "journal" in fields, key
        assert kind != "inproceedings" or "booktitle" in fields, key
        assert all(value.count("{") == value.count("}") for value in fields.values()), key


def test_every_entry_is_for_something():
    keys = [key for _, key, _ in ENTRIES]
    assert len({*keys}) == len(keys)
    cited = {
        name
        for line in TABLE.splitlines()
        if line.startswith("| ")
        for name in re.findall(r"`(\w+)`", line.split("|")[2])
    }
    assert cited == {*keys}


@pytest.mark.parametrize("spec", OWN, ids=lambda spec: spec.id)
def test_every_estimator_has_the_entry_of_its_source(spec):
    (line,) = (line for line in TABLE.splitlines() if f'`estimator="{spec.id}"`' in line)
    key = re.findall(r"`(\w+)`", line.split("|")[2])[0]
    text = next(text for _, found, text in ENTRIES if found == key)
    surname, year = spec.source.split()[0].strip(","), spec.source.split()[-1]
    assert f"{{{year}}}" in text
    assert plain(text).partition("author")[2].lstrip(" ={").startswith(surname)


def plain(bibtex: str) -> str:
    """Letters instead of their commands."""
    accents = {r"{\v{c}}": "č", r"{\'c}": "ć", r"{\'i}": "í", r"{\'e}": "é"}
    for command, letter in accents.items():
        bibtex = bibtex.replace(command, letter)
    return bibtex


def test_every_loss_has_one():
    losses = {name for name in imle.losses.__all__ if name not in (SolverLoss.__name__, SolutionPool.__name__)}
    assert {name for name in losses if f"`{name}`" not in TABLE} == set()
