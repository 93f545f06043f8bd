"""Specs of solvers that are given as classes or objects: their own, or read off the class."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Collection
from typing import Any

from imle.plugins.spec import REQUIRED, Capabilities, Parameter, SolverSpec


def spec_from_class(target: Any, *, bound: Collection[str] = ()) -> SolverSpec:
    """What a solver says about itself that was not looked up by its id.

    Args:
        target: a solver class, whose options are its dataclass fields; or a solver object, which has them already.
            Instance parameters are those of `prepare`; blocks those of a class attribute `blocks`.
        bound: fields that are no options.

    Returns:
        The spec of the class (see `BaseSolver`), without options for an object; else one that claims no capability but
        the kind of array, with the types of the annotations.
    """
    is_class = isinstance(target, type)
    cls: Any = target if is_class else type(target)
    own = getattr(cls, "spec", None)
    if isinstance(own, SolverSpec):
        return own if is_class else dataclasses.replace(own, options=())
    fields = dataclasses.fields(cls) if is_class and dataclasses.is_dataclass(cls) else ()
    signature = inspect.signature(cls.prepare) if hasattr(cls, "prepare") else inspect.Signature()
    instance = [p for p in list(signature.parameters.values())[1:] if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    return SolverSpec(
        id="".join(f"-{c.lower()}" if c.isupper() else c for c in cls.__name__ if c != "_").strip("-"),
        summary=(inspect.getdoc(cls) or cls.__name__).partition("\n")[0],
        problem="custom",
        sense=cls.sense if getattr(cls, "sense", None) in ("max", "min") else "max",
        target=f"{cls.__module__}:{cls.__name__}",
        instance=tuple(
            Parameter(p.name, _type(p.annotation), REQUIRED if p.default is p.empty else p.default) for p in instance
        ),
        options=tuple(Parameter(f.name, _type(f.type), _default(f)) for f in fields if f.init and f.name not in bound),
        blocks=getattr(cls, "blocks", ()),
        capabilities=Capabilities(array="torch" if getattr(cls, "array", None) == "torch" else "numpy"),
    )


def _type(annotation: Any) -> str:
    """An annotation as text; "any" where there is none."""
    if annotation is inspect.Parameter.empty:
        return "any"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return REQUIRED if field.default_factory is dataclasses.MISSING else field.default_factory()
