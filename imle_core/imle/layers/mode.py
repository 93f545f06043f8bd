"""What a forward pass does, as far as compilers see it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Mode(NamedTuple):
    """What decides the shapes of a forward pass, taken from the layer when the pass begins.

    Attributes:
        perturbed: whether noise is drawn.
        samples: whether the output is `[B, S, *event]`; only if perturbed.
        nb_samples: S.
        solves: forward solves per row: S, or 1 where all samples have the same objective.
    """

    perturbed: bool
    samples: bool
    nb_samples: int
    solves: int


class Temperature:
    """An attribute of a layer whose value compilers do not see: each would be another graph.

    What decides shapes is whether it is 0; they see that, as `_has_temperature`.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, layer: Any, owner: type) -> float:
        value: float = layer.__dict__[self._name]
        return value

    def __set__(self, layer: Any, value: float) -> None:
        layer.__dict__[self._name] = value
        layer.__dict__[f"_has_{self._name}"] = value != 0
