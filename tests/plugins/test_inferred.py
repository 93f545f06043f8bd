"""Specs of solvers without plugin, read off their classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from imle.plugins import REQUIRED
from imle.plugins.inferred import spec_from_class


@dataclass(frozen=True)
class MyTours:
    """Tours. And more."""

    function: object
    limit: int
    moves: tuple[str, ...] = ("swap",)
    order: list[int] = field(default_factory=list)
    hidden: int = field(default=0, init=False)

    sense: ClassVar[str] = "min"
    array: ClassVar[str] = "torch"

    def prepare(self, cities, start=0, **more):
        del cities, start, more


def test_a_class_and_what_it_can_be_given():
    spec = spec_from_class(MyTours, bound=("function",))
    assert (spec.id, spec.summary, spec.sense, spec.capabilities.array) == (
        "my-tours",
        "Tours. And more.",
        "min",
        "torch",
    )
    assert spec.target == f"{__name__}:MyTours"
    assert {p.name: p.default for p in spec.options} == {"limit": REQUIRED, "moves": ("swap",), "order": []}
    assert {p.name: p.default for p in spec.instance} == {"cities": REQUIRED, "start": 0}


def test_an_object_has_its_options_already():
    spec = spec_from_class(MyTours(None, 3))
    assert spec.options == ()
    assert [p.name for p in spec.instance] == ["cities", "start"]
