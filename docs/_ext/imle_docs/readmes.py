"""READMEs of this repository as pages: those of plugins, examples, benchmarks and the changelog stay where they are."""

from __future__ import annotations

import re
from pathlib import Path

from imle_docs.links import DOCS, ROOT, rewritten, rewritten_pictures

_BLOCK = re.compile(r"^```(\w+)$", flags=re.MULTILINE)
_TARGET = re.compile(r'^<a id="([\w-]+)"></a>$', flags=re.MULTILINE)


def readmes() -> dict[str, Path]:
    """The README of each plugin of the repository, by the name of its distribution."""
    return {path.parent.name: path for path in sorted((ROOT / "plugins").glob("*/README.md"))}


def readme_pages() -> dict[str, str]:
    """`plugins/<distribution>.md`, and the parts that other pages include."""
    named = {f"plugins/{name}.md": path for name, path in readmes().items()}
    named["_generated/examples.md"] = ROOT / "examples" / "README.md"
    named["_generated/benchmarks.md"] = ROOT / "benchmarks" / "RESULTS.md"
    named["_generated/benchmark-rules.md"] = ROOT / "benchmarks" / "README.md"
    named["_generated/changelog.md"] = ROOT / "CHANGELOG.md"
    return {page: _copied(path, page) for page, path in named.items()}


def _copied(path: Path, page: str) -> str:
    """With links and pictures that work from here, and blocks that the tests do not run a second time."""
    page_as_read = f"{Path(page).name}" if page.startswith("_generated/") else page
    text = rewritten(path.read_text("utf-8"), DOCS, page_as_read, folder=path.parent)
    text = rewritten_pictures(text, DOCS, page_as_read, path.parent)
    text = _TARGET.sub(r"(\1)=", text)
    return _BLOCK.sub(r"```{code-block} \1", text)
