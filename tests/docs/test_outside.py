"""Links into the documentation of other projects: what is listed is used, and can be brought up to date."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="it reads inventories")


def names(path: Path) -> dict[str, str]:
    """Pages by name."""
    return dict(line.split(" class ") for line in path.read_text("utf-8").splitlines()[3:])


def test_every_name_is_linked_from_some_page(site):
    from imle_docs.outside import FOLDER, PROJECTS

    text = "".join(path.read_text("utf-8") for path in site.html.rglob("*.html"))
    for project, address in PROJECTS.items():
        links = {f'href="{address}{page}#{name}"' for name, page in names(FOLDER / f"{project}.inv").items()}
        assert links
        assert {link for link in links if link not in text} == set()


def test_a_refresh_follows_pages_that_moved_and_tells_of_names_that_are_gone(tmp_path: Path):
    from imle_docs.outside import refresh

    mine = tmp_path / "torch.inv"
    head = "# Sphinx inventory version 1\n# Project: torch\n# Version: ours\n"
    mine.write_text(f"{head}torch.Old class old.html\ntorch.Tensor class tensors.html\n")
    theirs = zlib.compress(
        b"torch.Tensor py:class 1 generated/torch.Tensor.html#$ -\ntorch.Other py:class 1 other.html#$ -\n"
    )
    (tmp_path / "objects.inv").write_bytes(
        b"# Sphinx inventory version 2\n# Project: torch\n# Version: 3\n# The remainder is compressed using zlib.\n"
        + theirs
    )
    assert refresh("torch", f"{tmp_path.as_uri()}/", tmp_path) == ["torch.Old"]
    assert names(mine) == {"torch.Old": "old.html", "torch.Tensor": "generated/torch.Tensor.html"}
    assert mine.read_text("utf-8").startswith(head)
