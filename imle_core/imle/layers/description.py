"""What a layer is, in words: for `repr`, and for notebooks. Layers are `Any` here, as theirs is the import."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from imle._report import pairs, stacked, text
from imle._text import written
from imle.errors import ImleError

if TYPE_CHECKING:
    from rich.console import RenderableType


_MOST_LABELS = 10_000
"""Of larger objectives no labels are asked for: a solver may make them one by one."""

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxset = _SHORT.maxdict = 4

_READ = {"min": "costs", "max": "scores"}


def in_lines(layer: Any) -> str:
    """The part of `repr` that is about the layer itself; modules in it have lines of their own."""
    given = repr(layer.spec.id), layer.solver.sense, _instance(layer), f"objective {_objective(layer)}"
    names = _labels(layer)
    noise = "none" if layer.noise is None else repr(layer.noise)
    shown = "" if isinstance(layer.noise, nn.Module) else f"noise={noise}, "
    lines = (
        ", ".join(part for part in given if part),
        f"learned: {_learned(layer)}" if layer.learned else "",
        f"labels {names}" if names else "",
        f"{shown}nb_samples={layer.nb_samples}, temperature={layer.temperature:g}, "
        f"target_temperature={layer.target_temperature:g}, output={layer.output!r}, on_failure={layer.on_failure!r}",
        f"per row {_cost(layer)}",
    )
    return "\n".join(line for line in lines if line)


def as_report(layer: Any) -> RenderableType:
    """The whole layer as a table."""
    facts = {
        "instance": _instance(layer),
        "learned": _learned(layer),
        "objective": f"{_objective(layer)}, {_READ[layer.solver.sense]}",
        "labels": _labels(layer),
        "estimator": repr(layer.estimator),
        "noise": "none" if layer.noise is None else f"{layer.noise!r}, {layer.nb_samples} per row",
        "temperature": f"{layer.temperature:g}, of targets {layer.target_temperature:g}" if layer.noise else "",
        "output": layer.output,
        "rows that fail": layer.on_failure,
        "costs per row": _cost(layer),
    }
    title = text((layer.spec.id, "bold cyan"), f": {layer.spec.summary}" if layer.spec.summary else "")
    return stacked([title, pairs({name: value for name, value in facts.items() if value})])


def _instance(layer: Any) -> str:
    """The parameters that all rows share, as "k=2", and the names of those that come with each row."""
    parts = [f"{name}={_brief(value)}" for name, value in layer.instance.items()]
    if missing := layer.missing:
        parts.append(f"{' and '.join(missing)} per row")
    return ", ".join(parts)


def _learned(layer: Any) -> str:
    """The parameters that are learned, and the noise on them: "capacity by MultiplicativeNoiseDistribution() x 0.1"."""
    return ", ".join(f"{name} by {own.noise!r} x {own.sigma:g}" for name, own in layer.learned.items())


def _objective(layer: Any) -> str:
    """The shape of what the layer takes, as far as it is known."""
    if layer.spec.blocks:
        return f"of blocks {', '.join(block.name for block in layer.spec.blocks if not block.optional)}"
    shape = layer.objective_shape
    sizes = ["*event"] if shape is None else ["n" if size is None else str(size) for size in shape]
    return f"[{', '.join(('*batch', *sizes))}]"


def _labels(layer: Any) -> str:
    """The first names of entries, and how many there are; "" if they have none."""
    shape = layer.objective_shape
    if not layer.is_prepared or shape is None or None in shape or math.prod(filter(None, shape)) > _MOST_LABELS:
        return ""
    try:
        found = layer.labels
    except ImleError:
        return ""
    if isinstance(found, Mapping):
        return "; ".join(f"{name}: {_first(names)}" for name, names in found.items())
    return "" if found is None else _first(found)


def _cost(layer: Any) -> str:
    """What one row of a batch costs."""
    forward, backward = layer.solves_per_row
    told = "" if backward is None else f" and {backward} backward"
    return f"{forward} solve{'s' * (forward != 1)} forward{told} in train(), 1 in eval()"


def _first(names: Sequence[Any], most: int = 3) -> str:
    shown = ", ".join(map(written, names[:most]))
    return shown if len(names) <= most else f"{shown}, ... ({len(names)} in all)"


def _brief(value: Any) -> str:
    """A value in a few words; arrays by their shape, third-party objects by their class."""
    shape = getattr(value, "shape", ())
    if shape:
        return f"{type(value).__name__}[{', '.join(map(str, shape))}]"
    try:
        text = _SHORT.repr(value)
    except Exception:
        text = ""
    return type(value).__name__ if not text or text.startswith("<") else text
