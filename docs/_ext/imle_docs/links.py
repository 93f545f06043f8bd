"""Relative links between files of the repository, made to work from a page of the site."""

from __future__ import annotations

import os
import re
from pathlib import Path

DOCS = Path(__file__).parents[2]
ROOT = DOCS.parent

_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")
_PICTURE = re.compile(r"!\[([^\]]*)\]\((?!\w+:)([^)\s]+)\)")
_PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "examples/README.md": "examples.md",
    "benchmarks/RESULTS.md": "benchmarks.md",
    "benchmarks/README.md": "benchmark-rules.md",
}
"""Files outside `docs/` that are a page of the site, or are shown by one."""


def rewritten(text: str, docs: Path, page: str, *, folder: Path | None = None) -> str:
    """Point links to files that have a page at that page; those to other files lose their link and keep their text.

    Args:
        text: Markdown.
        docs: the folder of the pages.
        page: the page the text is on, relative to it.
        folder: what its links are relative to; by default the folder of the page.
    """
    base = folder or (docs / page).parent

    def replace(match: re.Match[str]) -> str:
        label, target, anchor = match[1], match[2], match[3] or ""
        path = Path(os.path.normpath(base / target))
        if path.is_relative_to(docs):
            return match[0] if folder is None else _to(label, path, docs, page, anchor)
        inside = path.relative_to(docs.parent).as_posix() if path.is_relative_to(docs.parent) else ""
        if inside in _PAGES:
            return _to(label, docs / _PAGES[inside], docs, page, anchor)
        if match_plugin := re.fullmatch(r"plugins/([\w-]+)/README\.md", inside):
            return _to(label, docs / "plugins" / f"{match_plugin[1]}.md", docs, page, anchor)
        return label

    return _LINK.sub(replace, text)


def rewritten_pictures(text: str, docs: Path, page: str, folder: Path) -> str:
    """Point pictures that were given relative to a folder at the same files, from a page."""
    here = (docs / page).parent
    return _PICTURE.sub(lambda match: f"![{match[1]}]({os.path.relpath(folder / match[2], here)})", text)


def _to(label: str, path: Path, docs: Path, page: str, anchor: str) -> str:
    return f"[{label}]({os.path.relpath(path, (docs / page).parent)}{anchor})"
