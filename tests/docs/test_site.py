"""The site as it is built: warnings are errors, and what it says it describes can be found in it."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from support.chromium import needs_chromium, opened

DOCS = Path(__file__).parents[2] / "docs"


def test_it_builds_without_a_warning(site):
    assert (site.code, site.output) == (0, "")


def test_every_public_name_can_be_linked_to(site):
    from sphinx.util.inventory import InventoryFile

    from imle_docs.api import described

    with (site.html / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, target: target)
    known = {name for kind, names in inventory.items() if kind.startswith("py:") for name in names}
    assert sorted(set(described().values()) - known) == []


def test_no_page_asks_the_network_for_anything(site):
    """Fonts, scripts and pictures are the site's own."""
    for path in site.html.rglob("*.html"):
        for address in re.findall(r'<(?:link|script|img)[^>]*?(?:href|src)="([^"]+)"', path.read_text()):
            assert not address.startswith(("http:", "https:", "//")), f"{path.name}: {address}"


def test_links_to_files_outside_lead_to_pages(site):
    assert not (site.html / "_downloads").exists()
    page = (site.html / "choosing-an-estimator.html").read_text()
    assert 'href="examples.html"' in page
    assert "Transport" in (site.html / "examples.html").read_text()
    assert 'href="imle-highs.html"' in (site.html / "plugins" / "imle-scipy.html").read_text()
    assert "0.1.0 (unreleased)" in (site.html / "changelog.html").read_text()


def test_pages_that_are_included_keep_their_titles(site):
    for page, title in {"examples": "Examples", "benchmarks": "Benchmarks", "changelog": "Changelog"}.items():
        assert f"<title>{title} - " in (site.html / f"{page}.html").read_text()


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_a_checkout_says_where_included_text_is(page):
    """An include shows nothing in a checkout: the line above names the file, or the command that prints it."""
    lines = (DOCS / page).read_text("utf-8").splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("```{include}"):
            continue
        above = " ".join(lines[max(0, number - 3) : number])
        links = re.findall(r"\]\(([^)]+)\)", above)
        assert links or "`imle " in above
        assert all((DOCS / link).is_file() for link in links)


def test_measurements_are_a_page_with_their_pictures(site):
    page = (site.html / "benchmarks.html").read_text()
    assert re.search(r"\d+ of \d+ claims are met", page)
    assert 'href="benchmark-rules.html"' in page
    for picture in re.findall(r'<img[^>]*src="([^"]+)"', page):
        assert (site.html / picture).is_file(), picture


@needs_chromium
def test_commands_are_copied_without_what_they_print(site):
    script = """(() => {
      let copied
      document.addEventListener("copy", () => { copied = document.activeElement.value })
      const consoles = [...document.querySelectorAll(".highlight-console pre")]
      const block = consoles.find((pre) => pre.innerText.includes("list-solvers")).parentElement
      block.querySelector("button.copybtn").click()
      return copied
    })()"""
    with opened(site.html / "write-a-plugin.html") as tab:
        found = tab.call("Runtime.evaluate", expression=script, returnByValue=True, userGesture=True)["result"]["value"]
    assert found.splitlines() == [
        "pip install -e .[test]",
        "imle list-solvers talks",
        "imle check talks",
        "pytest -q tests/test_training.py",
    ]


@needs_chromium
@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)], ids=["screen", "phone"])
def test_what_matters_of_the_measurements_is_on_the_first_screen(site, width, height):
    """The count, a table and the beginning of the list; what is folded opens where a link leads into it."""
    with opened(site.html / "benchmarks.html", width=width, height=height) as tab:
        assert tab.value("document.querySelector('#measured h2').getBoundingClientRect().bottom") < height
        assert tab.value("document.documentElement.scrollWidth") == width
        assert tab.value("document.querySelectorAll('details[open]').length") == 0
        tab.value("location.hash = 'linear'")
        tab.wait_for("document.querySelector('#linear').closest('details').open")


def test_tables_and_types_survive_markdown(site):
    page = unescape(re.sub(r"<[^>]+>", "", (site.html / "solvers" / "highs-ilp.html").read_text()))
    assert "left side of A_ub @ x <= b_ub: dense, nested lists or scipy.sparse" in page
    assert "(lower, upper) | [n, 2]" in page


def test_docstrings_are_read_as_they_were_meant(site):
    def words(name):
        return " ".join(unescape(re.sub(r"<[^>]+>", "", (site.html / "api" / f"{name}.html").read_text())).split())

    assert re.search(r"lambda_ . the paper's lambda, absolute", words("imle.estimators"))
    core = words("imle")
    assert 'Shape of one objective: sizes, None for "any size"' in core
    assert "INFEASIBLE = 2" in core
    assert "messages: Mapping[int, str] = ...," in core


@needs_chromium
def test_the_picture_follows_the_theme(site):
    """Its letters have the colour of the page's, in light and in dark mode."""
    script = """["light", "dark"].map((theme) => {
      document.body.dataset.theme = theme;
      const colour = (selector, property) => getComputedStyle(document.querySelector(selector))[property];
      return [colour(".concepts text:not([class])", "fill"), colour("article p", "color")];
    })"""
    with opened(site.html / "concepts.html") as tab:
        (light, text), (dark, dark_text) = tab.value(script)
    assert light == text != dark == dark_text


def test_generated_pages_are_not_run_a_second_time(generated):
    fences = {fence for text in generated.values() for fence in re.findall(r"^```([\w]+)$", text, flags=re.MULTILINE)}
    assert fences == set()


def test_what_is_gone_goes_from_the_folder_too(tmp_path, generated, monkeypatch):
    import imle_docs

    monkeypatch.setattr(imle_docs, "generated", lambda: {"solvers/topk.md": generated["solvers/topk.md"]})
    stale = tmp_path / "solvers" / "gone.md"
    stale.parent.mkdir()
    stale.write_text("# gone")
    imle_docs.write(tmp_path)
    written = tmp_path / "solvers" / "topk.md"
    before = written.stat().st_mtime_ns
    imle_docs.write(tmp_path)
    assert not stale.exists()
    assert written.stat().st_mtime_ns == before
    assert list(Path(tmp_path).rglob("*.md")) == [written]
