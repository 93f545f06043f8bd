"""Pages that write themselves: solvers, plugins, checks, commands and public names, as this machine has them.

They are written before Sphinx looks for pages, into folders that git ignores, and cannot drift: every build writes them
again, and a page of something that is gone goes too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from imle_docs.api import api_pages
from imle_docs.checks import checks_part
from imle_docs.commands import commands_part
from imle_docs.directory import directory_page
from imle_docs.docstrings import BEFORE_NAPOLEON, as_prose, as_python
from imle_docs.journey import journey_parts
from imle_docs.links import rewritten
from imle_docs.outside import BEFORE_INTERSPHINX, as_documented
from imle_docs.readmes import readme_pages
from imle_docs.solvers import solver_pages

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FOLDERS = ("_generated", "api", "plugins", "solvers")
"""Everything in them is generated."""


def generated() -> dict[str, str]:
    """All generated pages and parts of pages: Markdown by its path in `docs/`."""
    return {
        **solver_pages(),
        **readme_pages(),
        **api_pages(),
        **journey_parts(),
        "plugins/index.md": directory_page(),
        "_generated/checks.md": checks_part(),
        "_generated/commands.md": commands_part(),
    }


def write(folder: Path) -> None:
    """Write them into `docs/`; files that would be the same are left alone, so that Sphinx reads them once."""
    pages = generated()
    for old in (path for name in FOLDERS for path in (folder / name).rglob("*.md")):
        if old.relative_to(folder).as_posix() not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def _write(app: Sphinx) -> None:
    write(Path(app.srcdir))


def _read(app: Sphinx, name: str, source: list[str]) -> None:
    """Links of hand-written pages to files outside `docs/` lead to their pages here."""
    source[0] = rewritten(source[0], Path(app.srcdir), f"{name}.md")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("builder-inited", _write)
    app.connect("source-read", _read)
    app.connect("autodoc-process-docstring", as_prose, priority=BEFORE_NAPOLEON)
    app.connect("autodoc-process-signature", as_python)
    app.connect("missing-reference", as_documented, priority=BEFORE_INTERSPHINX)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
