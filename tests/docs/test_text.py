"""Texts of plugins on pages: whatever they hold, it is shown and does nothing."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from imle.plugins import Capabilities, Parameter, PluginState, SolverRecord, SolverSpec

markdown_it = pytest.importorskip("markdown_it", reason="Markdown of the pages is read by it")

WILD = [
    "<script>alert(1)</script>",
    "``<script>alert(1)</script>``",
    "`one` ``two`` ```three```",
    "`",
    "a | b <b>c</b>",
    "[click](javascript:alert(1))",
    "![x](https://example.org/x.png)",
    "<https://example.org>",
    "\\<script>",
    "&lt;script&gt;",
]


class Reader(HTMLParser):
    """What a browser would see: tags and text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.links, self.text = set(), [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.links += [value for name, value in attributes if name in ("href", "src")]

    def handle_data(self, data):
        self.text += data


def read(markdown):
    return Reader(markdown_it.MarkdownIt("commonmark").enable("table").render(markdown))


@pytest.mark.parametrize("wild", WILD)
@pytest.mark.parametrize("in_table", [False, True])
def test_code_is_shown_as_it_is(wild, in_table):
    from imle_docs.text import code, table

    if not in_table and "|" in wild:
        pytest.skip("bars are escaped for tables")
    seen = read(table(("a",), [(code(wild),)]) if in_table else code(wild))
    assert wild in seen.text
    assert "code" in seen.tags
    assert not seen.tags & {"script", "b", "a", "img"}


@pytest.mark.parametrize("wild", WILD)
def test_plain_text_is_shown_as_it_is(wild):
    from imle_docs.text import plain

    seen = read(plain(wild))
    assert not seen.tags - {"p"}
    assert seen.links == []


@pytest.mark.parametrize("wild", [*WILD, "x\n```\n<script>alert(1)</script>\n```\n", "````\n"])
def test_blocks_end_where_they_should(wild):
    from imle_docs.text import block

    seen = read(block("python", wild))
    assert seen.text.rstrip() == wild.rstrip()
    assert seen.tags == {"pre", "code"}


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://example.org/a?b=c#d", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("data:text/html,<script>alert(1)</script>", False),
        ("https://example.org/><script>alert(1)</script>", False),
        ("https://example.org/ onclick=alert(1)", False),
        ("ftp://example.org", False),
        ("see the README", False),
    ],
)
def test_only_addresses_of_the_web_are_links(url, linked):
    from imle_docs.text import link

    seen = read(link(url))
    assert seen.links == ([url] if linked else [])
    assert not seen.tags - {"p", "a"}
    assert url in seen.text


def test_no_text_of_a_spec_reaches_a_page_as_markup():
    from imle_docs.solvers import solver_page

    wild = "``|<script>alert(1)</script>[x](javascript:y)"
    parameter = Parameter("k", wild, wild, wild, choices=(wild,))
    spec = SolverSpec(
        "wild",
        wild,
        wild,
        "max",
        "m:C",
        instance=(parameter,),
        capabilities=Capabilities(),
        example=f"# {wild}\n```\n<script>",
        licence=wild,
        url=f"https://{wild}",
        tolerances=wild,
    )
    page = solver_page(SolverRecord("wild", PluginState.OK, wild, wild, f"wild = {wild}", spec), spec)
    seen = read(page)
    assert "script" not in seen.tags
    assert not [target for target in seen.links if target.startswith("javascript:")]
