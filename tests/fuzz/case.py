"""A case: an instance and a batch of objectives, as the lines of Python that make them.

What is run is what is printed: the lines of a failing case reproduce it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

import imle
from fuzz.judging import Answer, Truth
from imle.plugins import registry
from imle.solvers import SolveStatus
from imle.solvers.blocks import blocks_of

Floats = NDArray[np.float64]
Way = Literal["prepared", "layer"]


@dataclass(frozen=True)
class Case:
    """A solver with options, an instance, N objectives, and what is known about right answers.

    Attributes:
        solver: an id.
        options: by name.
        instance: for each parameter the Python expression of its value; names come from `setup`.
        setup: lines of Python.
        objectives: `[N, *shape]`.
        truths: what is right, for one or several kinds of rows.
        which: `[N]` the kind of each row; None if there is one kind only.
        rows: instance parameters per row.
        way: through a prepared solver, or through `imle.layer(...).eval()`.
        refusable: whether the solver may refuse the instance (`InstanceError`).
    """

    solver: str
    options: Mapping[str, Any]
    instance: Mapping[str, str]
    objectives: Floats
    truths: Sequence[Truth]
    which: NDArray[np.int64] | None = None
    rows: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    setup: str = ""
    way: Way = "prepared"
    refusable: bool = False

    def of(self, rows: Sequence[int]) -> Case:
        """The same instance with some of the rows."""
        return replace(
            self,
            objectives=self.objectives[list(rows)],
            which=None if self.which is None else self.which[list(rows)],
            rows={name: [values[row] for row in rows] for name, values in self.rows.items()},
        )

    def build(self) -> Any:
        """The prepared solver, or the layer."""
        names: dict[str, Any] = {}
        exec(self._head(), names)
        return names["prepared" if self.way == "prepared" else "layer"]

    def run(self, built: Any) -> Answer:
        """Solve all rows."""
        rows = {name: list(values) for name, values in self.rows.items()}
        if self.way == "prepared":
            solving = self.objectives if built_for_numpy(self.solver) else torch.from_numpy(self.objectives)
            result = built.solve(solving, **rows)
            count = len(self.objectives)
            return Answer(
                np.zeros(count, np.int8) if result.status is None else np.asarray(result.status),
                np.asarray(result.solutions, np.float64),
                None if result.values is None else np.asarray(result.values),
                None if result.bound is None else np.asarray(result.bound),
                dict(result.messages),
            )
        given = torch.from_numpy(self.objectives)
        layout = blocks_of(built.prepared)
        if layout is None:
            return from_layer(built, built(given, **rows))
        found = built(**layout.split(given), **rows)
        names = {block.name: block.solution for block in built.spec.blocks}
        return from_layer(built, torch.cat([found[names[name]].flatten(1) for name in layout], dim=1))

    def snippet(self) -> str:
        """A program that shows what the solver answers."""
        lines = [self._head(), f"objectives = np.array({literal(self.objectives)})"]
        rows = "".join(f", {name}={literal(values)}" for name, values in self.rows.items())
        if self.way == "layer":
            blocks = registry.find(self.solver).spec.blocks
            given = "torch.from_numpy(objectives)"
            given = f"**layer.prepared.blocks.split({given})" if blocks else given
            lines += [f"print(layer({given}{rows}))", "print(layer.failures)"]
        else:
            given = "objectives" if built_for_numpy(self.solver) else "torch.from_numpy(objectives)"
            lines += [f"result = prepared.solve({given}{rows})", "print(result)"]
        return "\n".join(lines)

    def _head(self) -> str:
        instance = ", ".join(f"{name}={text}" for name, text in self.instance.items())
        options = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        lines = ["from math import inf", "import numpy as np", "import torch"]
        if self.way == "layer":
            given = ", ".join(part for part in (options, instance) if part)
            made = f'layer = imle.layer("{self.solver}", on_failure="zero-grad", {given}).eval()'
            return "\n".join([*lines, "import imle", *self.setup.splitlines(), made])
        module, _, cls = registry.find(self.solver).spec.target.partition(":")
        made = f"prepared = {cls}({options}).prepare({instance})"
        return "\n".join([*lines, f"from {module} import {cls}", *self.setup.splitlines(), made])


def from_layer(layer: imle.SolverLayer, solutions: torch.Tensor) -> Answer:
    """What a layer's first forward pass said. It does not tell which rows are not proven optimal, but how many."""
    proven = not layer.stats.status["feasible"]
    status = np.full(len(solutions), SolveStatus.OPTIMAL if proven else SolveStatus.FEASIBLE, np.int8)
    for failure in layer.failures:
        status[failure.row] = failure.status
    return Answer(status, solutions.numpy(), None, None, {failure.row: failure.message for failure in layer.failures})


def built_for_numpy(solver: str) -> bool:
    """Whether a solver takes numpy arrays."""
    return registry.find(solver).spec.capabilities.array == "numpy"


def literal(value: Any) -> str:
    """A Python expression of a value: numbers, arrays, lists of them. Floats keep all their bits."""
    if isinstance(value, np.ndarray):
        return repr(value.tolist())
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, tuple):
        return "(" + "".join(f"{literal(entry)}, " for entry in value) + ")"
    if isinstance(value, list):
        return "[" + ", ".join(literal(entry) for entry in value) + "]"
    return repr(value)
