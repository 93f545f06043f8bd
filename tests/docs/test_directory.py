"""The plugin directory: files of third parties are checked, and a mistake names its file and its key."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the directory is a page of the site")

GOOD = """\
summary = "Interval scheduling | talks that do not overlap"
url = "https://example.org/imle-talks"
licence = "MIT"
api_version = 1

[solvers]
talks = "The best talks that do not overlap"
"""


def test_every_file_of_the_directory():
    from imle_docs.entries import FOLDER, entries

    assert [entry.name for entry in entries()] == sorted(path.stem for path in FOLDER.glob("*.toml"))


def test_a_file_becomes_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from imle_docs import directory, entries

    (tmp_path / "imle-talks.toml").write_text(GOOD)
    found = entries.entries(tmp_path)
    assert found == [
        entries.Entry(
            "imle-talks",
            "Interval scheduling | talks that do not overlap",
            "https://example.org/imle-talks",
            "MIT",
            1,
            {"talks": "The best talks that do not overlap"},
        )
    ]
    monkeypatch.setattr(directory, "entries", lambda: found)
    page = directory.directory_page().partition("## Plugins of others")[2]
    row = next(line for line in page.splitlines() if line.startswith("| imle-talks <https://example.org/imle-talks>"))
    assert (
        r"| Interval scheduling \| talks that do not overlap (MIT; api 1) | `talks` | `pip install imle-talks`" in row
    )


def test_the_file_that_authors_are_shown_is_valid(tmp_path: Path):
    from imle_docs.entries import FOLDER, read

    shown = (FOLDER.parent / "write-a-plugin.md").read_text("utf-8").partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "imle-talks.toml").write_text(shown)
    assert read(tmp_path / "imle-talks.toml").solvers == {"talks": "The best talks that do not overlap, as a 0/1 mask"}


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("Imle_Talks", "", "", "the file has the name of the distribution"),
        ("imle-talks", "licence = ", "licence ", "Expected '=' after a key in a key/value pair (at line 3"),
        ("imle-talks", "licence = ", "license = ", "unknown key 'license'; did you mean 'licence'?"),
        ("imle-talks", 'licence = "MIT"\n', "", "licence: expected a line of 1 to 160 letters, found None"),
        ("imle-talks", "Interval", "Interval " * 20, "summary: expected a line of 1 to 160 letters"),
        ("imle-talks", "https://", "http://", "url: expected an address that begins with https://"),
        ("imle-talks", "api_version = 1", "api_version = 99", "api_version: expected a number from 1 to 1, found 99"),
        ("imle-talks", "[solvers]\ntalks", "solvers", "solvers: expected a table of ids and what each is for"),
        ("imle-talks", "talks = ", "My_talks = ", "solvers: 'My_talks': an id has small letters"),
        ("imle-talks", '"The best talks that do not overlap"', "3", "solvers.talks: expected a line of 1 to 160"),
        ("imle-talks", 'talks = "The best talks that do not overlap"', "", "expected a table [solvers], [estimators]"),
        ("imle-talks", "talks = ", "topk = ", "solvers: 'topk' is taken by this repository"),
        ("imle-talks", "[solvers]\ntalks", "[estimators]\nimle", "estimators: 'imle' is taken by this repository"),
    ],
)
def test_mistakes(tmp_path: Path, name: str, old: str, new: str, message: str):
    from imle_docs.entries import EntryError, entries

    assert old in GOOD
    (tmp_path / f"{name}.toml").write_text(GOOD.replace(old, new, 1))
    with pytest.raises(EntryError) as caught:
        entries(tmp_path)
    assert caught.value.message.startswith(f"docs/directory/{name}.toml: ")
    assert message in caught.value.message
    assert caught.value.hint


def test_two_plugins_with_the_same_id(tmp_path: Path):
    from imle_docs.entries import EntryError, entries

    for name in ("imle-lectures", "imle-talks"):
        (tmp_path / f"{name}.toml").write_text(GOOD)
    with pytest.raises(EntryError, match=r"imle-talks\.toml: solvers: 'talks' is taken by imle-lectures"):
        entries(tmp_path)
