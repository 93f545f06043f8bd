"""Links to the documentation of other projects, without a network.

`_inventories/` has one inventory per project, in Sphinx' oldest format, which is text: the names that pages here link
to, and the pages that describe them there. `make inventories` asks the projects themselves and corrects the pages.
"""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.util.inventory import InventoryFile

from imle_docs.links import DOCS

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FOLDER = DOCS / "_inventories"
PROJECTS = {
    "python": "https://docs.python.org/3/",
    "torch": "https://docs.pytorch.org/docs/stable/",
    "numpy": "https://numpy.org/doc/stable/",
    "networkx": "https://networkx.org/documentation/stable/",
}
MAPPING = {name: (address, str(FOLDER / f"{name}.inv")) for name, address in PROJECTS.items()}
"""Sphinx' `intersphinx_mapping`."""
ALIASES = {
    "Tensor": "torch.Tensor",
    "concurrent.futures._base.Executor": "concurrent.futures.Executor",
    "concurrent.futures._base.Future": "concurrent.futures.Future",
    "numpy.random._generator.Generator": "numpy.random.Generator",
    "torch._C.Generator": "torch.Generator",
}
"""What annotations call a class, and what its documentation does."""

BEFORE_INTERSPHINX = 400


def as_documented(app: Sphinx, environment: Any, node: Any, text: Any) -> None:
    """Look for a class under the name that its documentation gives it."""
    del app, environment, text
    node["reftarget"] = ALIASES.get(node["reftarget"], node["reftarget"])


def refresh(name: str, address: str, folder: Path = FOLDER) -> list[str]:
    """Correct the pages of one inventory by the project's own; returns the names that are no longer there."""
    with urllib.request.urlopen(f"{address}objects.inv") as file:
        theirs = InventoryFile.loads(file.read(), uri="").data["py:class"]
    path = folder / f"{name}.inv"
    lines = path.read_text("utf-8").splitlines()
    ours = dict(line.split(" class ") for line in lines[3:])
    ours |= {known: theirs[known].uri.partition("#")[0] for known in ours if known in theirs}
    lines[3:] = [f"{known} class {page}" for known, page in sorted(ours.items())]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return [known for known in ours if known not in theirs]


if __name__ == "__main__":
    gone = [known for name, address in PROJECTS.items() for known in refresh(name, address)]
    sys.exit(f"error: no longer documented: {', '.join(gone)}" if gone else 0)
