"""The code of a checkout, read and never imported: files, lines, imports, functions, classes."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CORE = "imle"


@dataclass(frozen=True)
class Module:
    """One Python file of a distribution."""

    name: str
    path: Path
    distribution: str

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @property
    def package(self) -> str:
        """What the core's parts are named by, `imle.layers`; a plugin is one part, `imle_topk`."""
        return ".".join(self.name.split(".")[: 2 if self.distribution == CORE else 1])

    def functions(self) -> Iterator[tuple[str, int]]:
        """Names and lengths in lines, signature included and docstring left out."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = _length(node)
                if ast.get_docstring(node, clean=False) is not None:
                    length -= _length(node.body[0])
                yield f"{self.name}.{node.name}", length

    def classes(self) -> Iterator[str]:
        """Names of classes at the top of the file."""
        yield from (node.name for node in self.tree.body if isinstance(node, ast.ClassDef))

    def imports(self, known: Iterable[str]) -> set[str]:
        """Modules among `known` that it imports: at the top, in functions, or for type checkers alone."""
        known = frozenset(known)
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                assert node.module is not None
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= (names & known) or {node.module}
        return (found & known) - {self.name}


def _length(node: ast.stmt) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


@dataclass(frozen=True)
class Checkout:
    """The distributions of one copy of this repository."""

    root: Path

    @cached_property
    def sources(self) -> dict[str, Path]:
        """The folder that each distribution's packages lie in, the core first."""
        plugins = sorted((self.root / "plugins").glob("*/src"))
        return {CORE: self.root / "imle_core", **{source.parent.name: source for source in plugins}}

    @cached_property
    def modules(self) -> dict[str, Module]:
        found = {}
        for distribution, source in self.sources.items():
            for path in sorted(source.rglob("*.py")):
                parts = path.relative_to(source).with_suffix("").parts
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                found[name] = Module(name, path, distribution)
        return found

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """Modules to the modules they import."""
        return {name: module.imports(self.modules) for name, module in self.modules.items()}

    @cached_property
    def package_imports(self) -> dict[str, set[str]]:
        """Packages to the other packages they import."""
        found: dict[str, set[str]] = defaultdict(set)
        for name, targets in self.imports.items():
            package = self.modules[name].package
            found[package] |= {self.modules[target].package for target in targets} - {package}
        return dict(found)

    def lines(self, *folders: str) -> tuple[int, int]:
        """Files and lines of Python in folders (patterns) beside the distributions."""
        paths = [path for folder in folders for top in self.root.glob(folder) for path in top.rglob("*.py")]
        return len(paths), sum(path.read_text(encoding="utf-8").count("\n") for path in paths)


def shared_class_names(checkout: Checkout) -> dict[str, list[str]]:
    """Names that several classes have, and the modules of these."""
    homes: dict[str, list[str]] = {}
    for name, module in checkout.modules.items():
        for cls in module.classes():
            homes.setdefault(cls, []).append(name)
    return {cls: modules for cls, modules in sorted(homes.items()) if len(modules) > 1}


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of nodes that reach each other, each sorted: Tarjan's strongly connected components of two or more."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        path.append(node)
        for other in sorted(graph.get(node, ())):
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in path:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            start = path.index(node)
            group = sorted(path[start:])
            del path[start:]
            if len(group) > 1:
                found.append(group)

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return sorted(found)
