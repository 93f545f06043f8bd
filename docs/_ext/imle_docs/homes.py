"""Where values of the API are assigned, and the comment they have there: values have no docstring of their own."""

from __future__ import annotations

import ast
import importlib
import inspect

from sphinx.pycode import ModuleAnalyzer


def comment_on(module_name: str, name: str) -> list[str]:
    """The string that follows the assignment of a value, in the module that it is imported from."""
    docs = ModuleAnalyzer.for_module(_home(module_name, name)).find_attr_docs()
    return docs.get(("", name), [])


def _home(module_name: str, name: str) -> str:
    """The module that a package imports a name from, or itself."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module_name)))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and any(alias.name == name for alias in node.names):
            return _home(node.module, name)
    return module_name
