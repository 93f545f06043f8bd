"""Results on file, and the page made of them."""

from __future__ import annotations

import platform
import re
from collections import Counter
from dataclasses import replace

import pytest
from benchmarks.__main__ import MODULES, results_page
from benchmarks.harness import Claim
from benchmarks.render import page, quantity
from benchmarks.results import FIGURES, PAGE, RESULTS, Figure, Section, Sheet, load
from rich.table import Table

from benchmarks import headlines

FAST = Claim("sorting", ours=0.002, reference=0.5, target=50, note="per row")
SLOW = Claim("memory", ours=3e6, reference=1e6, target=2.0, at_most=True, unit="B")


@pytest.fixture
def section() -> Section:
    return Section(
        module="sorting",
        title="Sorting numbers",
        about="All sort the same numbers.",
        finished="2026-11-27 12:00",
        seconds=12.3,
        load=0.25,
        machine={"processor": "A", "cores": "2"},
        versions={"Python": "3.11.7", "torch": "2.13.0"},
        claims=[FAST, SLOW],
        tables=[Sheet("by size", ["n", "time"], [["10", "a|b"]])],
        figures=[Figure("sorting.svg", "Time over n")],
        notes=["skipped: bogosort: not installed"],
    )


def test_a_section_survives_its_file(section, tmp_path):
    section.save(tmp_path)
    assert load(("sorting", "never run"), tmp_path) == [section]


def test_sections_come_in_the_order_asked_for(section, tmp_path):
    for name in ("b", "a"):
        replace(section, module=name).save(tmp_path)
    assert [found.module for found in load(("b", "a"), tmp_path)] == ["b", "a"]


def test_a_console_table_keeps_its_text_without_markup():
    table = Table("estimator", "[bold]gap[/]", title="5 of 10")
    table.add_row("imle", "[red]0.1[/]")
    table.add_row("aimle", "0.2")
    assert Sheet.of(table) == Sheet("5 of 10", ["estimator", "gap"], [["imle", "0.1"], ["aimle", "0.2"]])


def test_the_page_says_it_all(section):
    text = page([section], "| what matters | most |")
    for line in (
        "1 of 2 claims are met: [in short](README.md#in-short), and [how things are compared](README.md).",
        "| what matters | most |",
        "<summary>Not met: 1</summary>",
        "- [sorting](#sorting): memory: 3x, at most 2x",
        "<summary>Sorting numbers (1 of 2 met)</summary>",
        '<a id="sorting"></a>',
        "processor A, cores 2.",
        "Python 3.11.7, torch 2.13.0.",
        "`python -m benchmarks sorting`: 12 s, 2026-11-27 12:00 UTC; load average 0.25 before.",
        "All sort the same numbers.",
        "- skipped: bogosort: not installed",
        "| sorting · per row | 2 ms | 500 ms | 250x | at least 50x | yes |",
        "| memory | 3 MB | 1 MB | 3x | at most 2x | NO |",
        "**by size**",
        "| 10 | a\\|b |",
        "![Time over n](figures/sorting.svg)",
    ):
        assert line in text.splitlines(), line


def test_sections_of_two_machines_say_which(section):
    text = page([section, replace(section, module="later", machine={"processor": "B", "cores": "8"})], "")
    assert "Machine 1: processor A, cores 2." in text
    assert "Machine 2: processor B, cores 8." in text
    assert "`python -m benchmarks later`: 12 s on machine 2, 2026-11-27 12:00 UTC" in text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(2.5, "s", "2.5 s"), (0.0123, "s", "12.3 ms"), (4.2e-6, "s", "4.2 µs"), (0.18, "", "0.18"), (5e6, "B", "5 MB")],
)
def test_quantities_have_units(value, unit, text):
    assert quantity(value, unit) == text


def test_the_page_in_the_repository_is_what_its_results_say():
    assert PAGE.read_text(encoding="utf-8") == results_page(load(MODULES, RESULTS))


def test_every_file_of_results_belongs_to_a_module():
    assert {file.stem for file in RESULTS.glob("*.json")} <= set(MODULES)


def test_every_figure_of_the_page_is_there_and_no_other():
    linked = {figure.file for section in load(MODULES, RESULTS) for figure in section.figures}
    assert linked == {file.name for file in FIGURES.glob("*")}


def test_no_result_names_this_machine_or_a_folder_of_it():
    for file in (PAGE, *RESULTS.glob("*.json"), *FIGURES.glob("*.svg")):
        text = file.read_text(encoding="utf-8")
        assert platform.node() not in re.findall(r"[\w.-]+", text), file
        assert not re.search(r"(?<![\w:/.])/(home|root|tmp|usr|opt|work|var)/", text), file


def test_readmes_show_what_the_results_say():
    sections = load(MODULES, RESULTS)
    measured = Counter((section.module, claim.name) for section in sections for claim in section.claims)
    lines = (*headlines.FRONT, *headlines.HEADLINES)
    assert [line for line in lines if measured[line.module, line.claim] != 1] == []
    for readme, text in headlines.pages(sections).items():
        assert readme.read_text(encoding="utf-8") == text, readme


def test_a_headline_has_the_figures_of_its_claim(section, monkeypatch):
    lines = (headlines.Headline("sorting", "bubbles", "sorting", "sorting"), headlines.Headline("x", "y", "z", "new"))
    monkeypatch.setattr(headlines, "HEADLINES", lines)
    text = f"# Title\n\n{headlines.BEGIN}\nold\n{headlines.END}\n\nEnd.\n"
    assert headlines.inserted(text, headlines.table([section])).splitlines() == [
        "# Title",
        "",
        headlines.BEGIN,
        "|  | ours | reference | ratio |",
        "| --- | --- | --- | --- |",
        "| sorting | 2 ms | bubbles, 500 ms | 250x |",
        headlines.END,
        "",
        "End.",
    ]
    with pytest.raises(LookupError, match="expected one part"):
        headlines.inserted("# Title\n", "")


def test_the_front_has_the_figures_of_its_claims(section, monkeypatch):
    lines = (
        headlines.Headline("faster sorting", "bubbles", "sorting", "sorting"),
        headlines.Headline("of the memory", "theirs", "sorting", "memory"),
    )
    monkeypatch.setattr(headlines, "FRONT", lines)
    assert headlines.front([section]).splitlines() == [
        "| **250x** | **300 %** |",
        "| --- | --- |",
        "| faster sorting: 2 ms; bubbles: 500 ms | of the memory: 3 MB; theirs: 1 MB |",
    ]
