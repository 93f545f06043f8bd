"""The page "A batch on its way": the functions that one objective goes through, with links to their code.

Names, lines and code come from the functions themselves; a test runs a batch and compares.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imle_docs.text import code, page, table

SOURCE = "api/a-batch-on-its-way.md"
"""The page of their code."""


@dataclass(frozen=True)
class Hop:
    """A function on the way.

    Args:
        module: where it is defined.
        name: its qualified name there.
        does: what it does to the batch, in Markdown.
    """

    module: str
    name: str
    does: str

    @property
    def function(self) -> Callable[..., Any]:
        """The function itself, without what decorators put around it."""
        found: Any = importlib.import_module(self.module)
        for part in self.name.split("."):
            found = getattr(found, part)
        unwrapped: Callable[..., Any] = inspect.unwrap(found)
        return unwrapped

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.function.__code__.co_firstlineno

    @property
    def place(self) -> str:
        """File and line, from the package on; from below it for the core."""
        path = Path(self.function.__code__.co_filename)
        file = "/".join(path.parts[-self.module.count(".") - 1 :])
        return f"{file.removeprefix('imle/')}:{self.line}"

    @property
    def anchor(self) -> str:
        """Of its code on the page of code."""
        return "hop-" + "-".join(re.findall(r"[a-z0-9]+", f"{self.module}-{self.name}".lower()))


FORWARD = (
    Hop(
        "imle.layers.module",
        "SolverLayer.forward",
        "scores or costs `[*batch, *event]` are checked and become theta `[B, *event]`, to be maximised; in the end, "
        "the caller's shape and dtype again",
    ),
    Hop(
        "imle.estimators.function",
        "run",
        "entered from torch: noise `[B, S, *event]` is drawn; in the end, solutions `[B, S, *event]` become their mean",
    ),
    Hop("imle.estimators.base", "Estimator.sample", "noise is put on theta"),
    Hop(
        "imle.layers.plan",
        "SolvePlan.__call__",
        "rows that share an instance become one request `[N, *event]`, N = B S, signed and typed as the solver wants; "
        "in the end, failures are dealt with and everything is counted",
    ),
    Hop(
        "imle.execution.isolation",
        "solve_isolating_failures",
        "the solver is asked, and its result checked; where it raises, the rows to blame are found by halving",
    ),
    Hop(
        "imle.execution.time_slices",
        "TimeSliced.solve",
        "a long batch is solved in slices of 0.1 s, so that Ctrl-C is heard; with `executor=`, workers stand here",
    ),
    Hop("imle_topk.topk", "PreparedTopK.solve", "the plugin: `[N, *event]` objectives to solutions"),
)
BACKWARD = (
    Hop(
        "imle.estimators.function",
        "Estimate.backward",
        "entered from torch with dL/dz; theta, noise and solutions are as saved",
    ),
    Hop("imle.estimators.function", "Gradient.forward", "each sample gets its share of dL/dz"),
    Hop("imle.estimators.parts", "gradient_of", "all rows at once, or some after others where memory is limited"),
    Hop(
        "imle.estimators.imle",
        "IMLE.gradient",
        "the rule: lambda is chosen; in the end, the mean difference of the two solutions",
    ),
    Hop("imle.estimators.imle", "IMLE.solutions", "the target: theta - lambda dL/dz"),
    Hop("imle.estimators.base", "Trace.solve_target", "the forward pass's noise is put on it again"),
    Hop("imle.layers.plan", "SolvePlan.__call__", "from here on as above"),
)
"""Both end where there is nothing more to say: in the plugin, and where the ways join."""


def journey_parts() -> dict[str, str]:
    """Parts of the page, and the page of code that they lead to."""
    return {
        "_generated/batch-forward.md": _hops(FORWARD),
        "_generated/batch-backward.md": _hops(BACKWARD),
        SOURCE: "---\norphan: true\n---\n\n"
        + page("A batch on its way: the code", *map(_code, {hop.anchor: hop for hop in BACKWARD + FORWARD}.values())),
    }


def _hops(hops: Sequence[Hop]) -> str:
    return table(
        ("code", "what happens"),
        [(f"[{code(hop.place)}](#{hop.anchor})", f"{code(hop.name)}: {hop.does}") for hop in hops],
    )


def _code(hop: Hop) -> str:
    text = textwrap.dedent(inspect.getsource(hop.function))
    return (
        f"({hop.anchor})=\n\n## {code(hop.name)}\n\n{code(hop.place)}\n\n"
        f"```{{code-block}} python\n:lineno-start: {hop.line}\n\n{text}```\n"
    )
