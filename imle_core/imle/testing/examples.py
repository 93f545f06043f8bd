"""A spec's example, run; and the instances that can be read off it."""

from __future__ import annotations

import contextlib
import io
from typing import Any
from unittest import mock

from imle.plugins import SolverSpec
from imle.testing.instance import Instance


def run_example(spec: SolverSpec) -> list[Instance]:
    """Run the example with its output held back; return the instances of the layers it makes for this solver."""
    import torch

    import imle

    real = imle.layer
    made: list[tuple[Any, dict[str, Any], list[tuple[int, ...]]]] = []

    def layer(solver: Any, /, **options: Any) -> Any:
        built = real(solver, **options)
        if isinstance(solver, str) and solver.rpartition("/")[2] == spec.id:
            shapes: list[tuple[int, ...]] = []
            made.append((built, options, shapes))
            built.register_forward_pre_hook(lambda _, inputs: shapes.extend(tuple(given.shape) for given in inputs[:1]))
        return built

    state = torch.get_rng_state()
    try:
        with mock.patch.object(imle, "layer", layer), contextlib.redirect_stdout(io.StringIO()):
            exec(compile(spec.example, f"<example of {spec.id}>", "exec"), {"__name__": "__main__"})
    finally:
        torch.set_rng_state(state)
    return [_instance(spec, number, *entry) for number, entry in enumerate(made)]


def _instance(
    spec: SolverSpec, number: int, built: Any, given: dict[str, Any], shapes: list[tuple[int, ...]]
) -> Instance:
    parameters = {p.name: given[p.name] for p in spec.instance if p.name in given}
    declared = built.solver.prepare(**parameters).objective_shape
    shape = None if declared is None else tuple(declared)
    if shapes and (shape is None or None in shape):
        shape = shapes[0][1:] if shape is None else shapes[0][len(shapes[0]) - len(shape) :]
    return Instance(
        name="example" if number == 0 else f"example {number + 1}",
        parameters=parameters,
        options={p.name: given[p.name] for p in spec.options if p.name in given},
        shape=None if shape is None or None in shape else shape,
    )
