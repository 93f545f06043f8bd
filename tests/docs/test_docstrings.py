"""Docstrings of public names say what each parameter is, the shapes of tensors, and the errors that are raised."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from imle import errors
from imle.errors import OptionError

ERRORS = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
ARRAYS = re.compile(r"\b(Tensor|NDArray|Floats|ndarray)\b")
SHAPE = re.compile(r"`\[|\bscalar\b|\bany shape\b|\bshape\b")


def public_functions() -> Iterator[tuple[str, Any, type | None]]:
    """Names and functions; of classes their methods and `__init__`, and the class."""
    from imle_docs.api import MODULES, public_names

    named = {
        id(v): v
        for m in map(importlib.import_module, MODULES)
        for v in (getattr(m, n) for n in public_names(m.__name__))
    }
    for value in named.values():
        home = getattr(value, "__module__", "")
        if not home.startswith("imle."):
            continue
        if inspect.isfunction(value):
            yield f"{home}.{value.__name__}", value, None
        elif inspect.isclass(value):
            for name, member in vars(value).items():
                public = inspect.isfunction(member) and (name == "__init__" or not name.startswith("_"))
                # what dataclasses and protocols add to a class is written elsewhere
                if public and inspect.unwrap(member).__code__.co_filename == inspect.getfile(value):
                    yield f"{home}.{value.__name__}.{name}", member, value


def said(function: Any, owner: type | None) -> str:
    """What is written about a function; of an `__init__`, at its class; of an override, also at what it overrides."""
    if owner is None:
        return inspect.getdoc(function) or ""
    if function.__name__ == "__init__":
        return "\n".join(cls.__doc__ or "" for cls in owner.__mro__ if cls.__module__.startswith("imle."))
    overridden = [vars(cls)[function.__name__] for cls in owner.__mro__ if function.__name__ in vars(cls)]
    return "\n".join(inspect.getdoc(member) or "" for member in overridden)


def handed_on(name: str, source: ast.AST) -> set[str]:
    """Parameters of a method that go as they are to the one it overrides, such as `*args` of `super().run(*args)`."""
    calls = [node for node in ast.walk(source) if isinstance(node, ast.Call)]
    supers = [call for call in calls if ast.unparse(call.func) == f"super().{name}"]
    positional = [a.value for call in supers for a in call.args if isinstance(a, ast.Starred)]
    named = [k.value for call in supers for k in call.keywords if k.arg is None]
    return {ast.unparse(value) for value in positional + named}


def faults(name: str, function: Any, owner: type | None) -> Iterator[str]:
    """What the docstring of a function does not say."""
    text = said(function, owner)
    source = ast.parse(textwrap.dedent(inspect.getsource(function)))
    entries = re.findall(r"^\s+(\w+(?:, \w+)*):", text, re.M)
    documented = {name for entry in entries for name in entry.split(", ")} | handed_on(function.__name__, source)
    parameters = [p for p in inspect.signature(function).parameters.values() if p.name not in ("self", "cls")]
    for parameter in parameters:
        if parameter.name not in documented and not re.search(rf"`{parameter.name}\b", text):
            yield f"{name}: {parameter.name}: not described"
    arrays = [p.name for p in parameters if ARRAYS.search(str(p.annotation))]
    if arrays and not SHAPE.search(text):
        yield f"{name}: {', '.join(arrays)}: no shape"
    for node in ast.walk(source):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            error = ast.unparse(node.exc.func).rpartition(".")[2]
            if error in ERRORS and error not in text.partition("Raises:")[2]:
                yield f"{name}: raises {error}: not said"


def test_every_parameter_shape_and_error_is_described():
    found = [fault for entry in public_functions() for fault in faults(*entry)]
    assert found == [], "\n".join(found)


def test_what_is_missing_is_found():
    from torch import Tensor

    def double(theta: Tensor, times: int) -> Tensor:
        """Multiply.

        Args:
            theta: scores.
        """
        if times < 0:
            raise errors.OptionError("times")
        return theta * times

    def whole(theta: Tensor) -> Tensor:
        """Multiply.

        Args:
            theta: `[B, n]`.

        Raises:
            OptionError: always.
        """
        raise OptionError("never")

    class Inner(dict):
        def update(self, *given: Any, times: int, **named: Any) -> None:
            """Update as a dict."""
            for _ in range(times):
                super().update(*given, **named)

    assert list(faults("double", double, None)) == [
        "double: times: not described",
        "double: theta: no shape",
        "double: raises OptionError: not said",
    ]
    assert list(faults("whole", whole, None)) == []
    assert list(faults("update", Inner.update, None)) == ["update: times: not described"]
