"""The API reference: one page per public module, with every public name; each is described once."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from enum import Enum
from types import ModuleType
from typing import Any

from imle_docs.homes import comment_on
from imle_docs.text import code, page, plain, table

MODULES = {
    "imle": "Layers, and what plugins import",
    "imle.solvers": "The protocol, results, and solvers around solvers",
    "imle.solvers.progress": "For solvers: reporting how far a batch is",
    "imle.solvers.cancellation": "For solvers: work that no caller waits for any more",
    "imle.solvers.interruptible": "For solvers: native calls that can be ended",
    "imle.solvers.compiled": "For solvers: kernels that numba compiles",
    "imle.solvers.forks": "For solvers: locks and threads in forked children",
    "imle.execution": "Rows on many workers",
    "imle.layers": "What `imle.layer` makes",
    "imle.estimators": "Gradient rules",
    "imle.noise": "Noise distributions",
    "imle.target": "Target distributions",
    "imle.losses": "Losses for solver layers",
    "imle.losses.negatives": "Negatives for the solver-free loss",
    "imle.metrics": "How good decisions are",
    "imle.calibration": "Finding a temperature",
    "imle.diagnosis": "Why training stalls",
    "imle.monitoring": "Numbers for loggers",
    "imle.datasets": "Data, made here",
    "imle.plot": "Plots",
    "imle.progress": "Bars on terminals and in notebooks",
    "imle.listing": "What is installed",
    "imle.plugins": "What plugins are made of",
    "imle.plugins.common": "Options that many solvers share",
    "imle.plugins.hookspecs": "The hooks a plugin may implement",
    "imle.cli.output": "For commands of plugins: printing as `imle` does",
    "imle.testing": "The conformance kit",
    "imle.errors": "Errors",
    "imle.wrapper": "The API of torch-imle",
    "imle.imle": "The API of torch-adaptive-imle",
    "imle.aimle": "The API of torch-adaptive-imle, adaptive",
    "imle.ste": "The API of torch-adaptive-imle, straight-through",
    "imle.sfe": "The API of torch-adaptive-imle, straight-through by another name",
}
"""Public modules, in the order of the index, and what they are for."""


def public_names(module_name: str) -> list[str]:
    """`__all__`, or where there is none the public things a module defines itself."""
    module = importlib.import_module(module_name)
    if hasattr(module, "__all__"):
        return [name for name in module.__all__ if name != "__version__"]
    return [n for n, v in vars(module).items() if not n.startswith("_") and getattr(v, "__module__", "") == module_name]


def described() -> dict[str, str]:
    """Where each public name is described: itself, or the name of the same thing in an earlier module."""
    first: dict[tuple[str, int], str] = {}
    places = {}
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in public_names(module_name):
            full = f"{module_name}.{name}"
            places[full] = first.setdefault((name, id(getattr(module, name))), full)
    return places


def api_pages() -> dict[str, str]:
    """`api/<module>.md`, and `api/index.md`."""
    places = described()
    pages = {f"api/{module_name}.md": _module_page(module_name, places) for module_name in MODULES}
    rows = [(f"[{code(name)}]({name}.md)", plain(text).replace("\\`", "`")) for name, text in MODULES.items()]
    names = "\n".join(MODULES)
    return {
        **pages,
        "api/index.md": page(
            "API reference",
            "Every public name, with the shapes it takes and the errors it raises. The words are those of "
            "[glossary](../glossary.md).",
            table(("module", ""), rows),
            f"```{{toctree}}\n:hidden:\n\n{names}\n```\n",
        ),
    }


def _module_page(module_name: str, places: dict[str, str]) -> str:
    module = importlib.import_module(module_name)
    own = [name for name in public_names(module_name) if places[f"{module_name}.{name}"] == f"{module_name}.{name}"]
    links = [f"{{py:obj}}`{places[f'{module_name}.{n}']}`" for n in public_names(module_name) if n not in own]
    return page(
        module_name,
        _rst(f".. automodule:: {module_name}\n   :no-members:\n"),
        f"Also here: {', '.join(links)}." if links else "",
        *(_entry(module_name, name, getattr(module, name)) for name in sorted(own, key=_reading_order(module))),
    )


def _reading_order(module: ModuleType) -> Callable[[str], tuple[bool, bool]]:
    """The front door first, and what is called before what it takes and gives."""
    return lambda name: (name != "layer", not inspect.isroutine(getattr(module, name)))


def _entry(module_name: str, name: str, value: Any) -> str:
    full = f"{module_name}.{name}"
    if inspect.isclass(value):
        values = "   :undoc-members:\n" if issubclass(value, Enum) else ""
        return _rst(f".. autoclass:: {full}\n   :members:\n{values}")
    if callable(value) and inspect.isroutine(value):
        return _rst(f".. autofunction:: {full}\n")
    shown = f"   :value: {value!r}\n" if isinstance(value, (int, str)) else ""
    comment = "\n".join(f"   {line}" for line in comment_on(module_name, name))
    return _rst(f".. py:data:: {name}\n   :module: {module_name}\n{shown}\n{comment}\n")


def _rst(text: str) -> str:
    return f"```{{eval-rst}}\n{text}```\n"
