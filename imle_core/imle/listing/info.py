"""Everything known about one solver or gradient rule."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imle._displayed import Displayed
from imle._report import Code, indented, listed, pairs, section, stacked, text
from imle._text import written
from imle.errors import OptionError, UnknownSolverError
from imle.listing.lists import state_text
from imle.plugins import Block, EstimatorRecord, Parameter, SolverRecord, SolverSpec, find_estimator, registry
from imle.plugins.records import Record

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_SENSES = {
    "min": "min: objectives are costs, the smallest total wins",
    "max": "max: objectives are scores, the largest total wins",
}
_ARRAYS = {
    "numpy": "numpy: float64, C-contiguous",
    "torch": "torch: a detached tensor on your device, in your dtype",
}
_TEXTS = ("requires", "aliases", "licence", "url", "api_version", "example")
_PARAMETER = (
    *("name", "type", "required", "default", "choices"),
    *("minimum", "maximum", "above", "finite", "per_row", "learned", "dual", "doc"),
)
"""What `--json` says of a spec and of a parameter, beside what has parts of its own."""


@dataclass(frozen=True, repr=False)
class SolverInfo(Displayed):
    """One solver: parameters, capabilities, an example. Whatever its spec says is an attribute, such as `options`.

    Attributes:
        record: what discovery found; its `spec` is None where the plugin cannot be read.
    """

    record: SolverRecord

    def __getattr__(self, name: str) -> Any:
        return _from_record(self, name)

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        spec = self.record.spec
        if spec is None:
            return self.record.as_json()
        return {
            **self.record.as_json(),
            "target": spec.target,
            "instance": [_parameter(parameter) for parameter in spec.instance],
            "options": [_parameter(parameter) for parameter in spec.options],
            "blocks": [dataclasses.asdict(block) for block in spec.blocks],
            "capabilities": dataclasses.asdict(spec.capabilities),
            **{name: _plain(getattr(spec, name)) for name in _TEXTS},
        }

    def __rich__(self) -> RenderableType:
        spec = self.record.spec
        parts = _head(self.record, _facts(self.record))
        if spec:
            parts += _parameters("instance parameters: what fixes the feasible set", spec.instance, per_row=True)
            parts += _parameters("options: how the solver works", spec.options)
            parts += _blocks(spec.blocks)
            parts += section("capabilities", pairs(_capabilities(spec)))
            parts += section("example", Code(spec.example)) if spec.example else []
        return stacked(parts)


@dataclass(frozen=True, repr=False)
class EstimatorInfo(Displayed):
    """One gradient rule. Whatever its spec says is an attribute, such as `source`.

    Attributes:
        record: what discovery found.
    """

    record: EstimatorRecord

    def __getattr__(self, name: str) -> Any:
        return _from_record(self, name)

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints."""
        target = {"target": self.record.spec.target} if self.record.spec else {}
        return {**self.record.as_json(), **target}

    def __rich__(self) -> RenderableType:
        facts = _state(self.record)
        if spec := self.record.spec:
            facts |= {
                "noise": "perturbs the objective" if spec.stochastic else "none: deterministic",
                "solves": f"{spec.solves} per sample in a backward pass",
                "for": spec.problem or "any solver",
                "source": spec.source or "not stated",
            }
        facts |= _origin(self.record)
        if spec:
            facts |= {"class": spec.target}
        return stacked(_head(self.record, facts))


def info(name: str) -> SolverInfo | EstimatorInfo:
    """Everything known about a solver or a gradient rule, whatever its state.

    Args:
        name: id of a solver (`imle.list_solvers`) or of a rule (`imle.list_estimators`), or `distribution/id`; case,
            dashes and underscores of ids do not matter.

    Raises:
        UnknownSolverError: nothing has that id; names the closest ones.
        SolverUnavailableError: two plugins claim it (names both qualified ids), or what has it cannot be read.

    Example::

        >>> import imle
        >>> [parameter.name for parameter in imle.info("topk").instance]
        ['k']
    """
    try:
        return SolverInfo(registry.find(name))
    except UnknownSolverError as unknown:
        try:
            return EstimatorInfo(find_estimator(name))
        except OptionError:
            raise unknown from None


def _from_record(shown: SolverInfo | EstimatorInfo, name: str) -> Any:
    if name.startswith("_"):  # asked for by copy and pickle, while there is no record yet
        raise AttributeError(name)
    record = shown.record
    return getattr(record, name) if hasattr(record, name) else getattr(record.spec, name)


def _head(record: Record, facts: dict[str, str | Text]) -> list[RenderableType]:
    summary = f": {record.spec.summary}" if record.spec and record.spec.summary else ""
    return [text((record.id, "bold cyan"), summary), text(), pairs(facts)]


def _state(record: Record) -> dict[str, str | Text]:
    facts: dict[str, str | Text] = {"status": state_text(record.state)}
    return facts | ({"reason": record.reason, "fix": record.fix} if record.reason else {})


def _origin(record: Record) -> dict[str, str | Text]:
    facts: dict[str, str | Text] = {
        "distribution": f"{record.distribution} {record.version}".strip(),
        "qualified id": record.qualified_id,
    }
    return facts | ({"entry point": record.entry_point} if record.entry_point else {})


def _facts(record: SolverRecord) -> dict[str, str | Text]:
    facts = _state(record)
    if spec := record.spec:
        facts |= {"problem": spec.problem, "sense": _SENSES[spec.sense], "answers": _answers(spec)}
    facts |= _origin(record)
    if spec:
        facts |= {
            "solver class": spec.target,
            **({"formerly": ", ".join(spec.aliases)} if spec.aliases else {}),
            "requires": ", ".join(spec.requires) or "nothing beyond imle",
            "licence": spec.licence or "not stated",
            "url": spec.url or "not stated",
        }
    return facts


def _answers(spec: SolverSpec) -> str:
    if not spec.exact:
        return "heuristic: solutions may be improvable"
    proven = "exact: solutions are proven optimal"
    return f"{proven}, to the solver's tolerances: {spec.tolerances}" if spec.tolerances else proven


def _capabilities(spec: SolverSpec) -> dict[str, str | Text]:
    capabilities = spec.capabilities
    return {
        "arrays": _ARRAYS[capabilities.array],
        "thread-safe": _yes(capabilities.thread_safe),
        "releases the GIL": _yes(capabilities.releases_gil),
        "warm start": _yes(capabilities.warm_start),
        "derivatives of solutions": _yes(capabilities.solution_vjp),
        "negative objectives": "solved exactly" if capabilities.negative_objectives else "not solved exactly",
    }


def _blocks(blocks: Sequence[Block]) -> list[RenderableType]:
    if not blocks:
        return []
    always = [block for block in blocks if not block.optional]
    title = f"blocks: {', '.join(b.solution for b in always)} = layer({', '.join(b.name for b in always)})"
    rows = [
        (b.name, b.solution, _yes(b.noise), _yes(b.shared), f"{b.doc}; not in every instance" if b.optional else b.doc)
        for b in blocks
    ]
    return section(title, indented(listed(("name", "solution", "noise", "one for all rows", "meaning"), rows)))


def _parameters(title: str, parameters: Sequence[Parameter], *, per_row: bool = False) -> list[RenderableType]:
    """A table of parameters.

    Args:
        title: above it.
        parameters: one per line.
        per_row: whether they may differ per row at all. Rows are then solved together, or in groups that share them.
    """
    if not parameters:
        return []
    rows = []
    for parameter in parameters:
        choices = ", ".join(map(written, parameter.choices))
        doc = (parameter.doc, f"one of {choices}" if choices else "", parameter.range, parameter.learning)
        default = "required" if parameter.required else written(parameter.default)
        differing = ["together" if parameter.per_row else "in groups"] * per_row
        rows.append((parameter.name, parameter.type, default, *differing, "; ".join(part for part in doc if part)))
    header = ("name", "type", "default", *["per row"] * per_row, "meaning")
    return section(title, indented(listed(header, rows)))


def _parameter(parameter: Parameter) -> dict[str, Any]:
    found = {name: _plain(getattr(parameter, name)) for name in _PARAMETER}
    return found | {"default": None} if parameter.required else found


def _plain(value: Any) -> Any:
    """A parameter's default for JSON: as it is where JSON has it, else as Python writes it."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return written(value)


def _yes(so: bool) -> str:
    return "yes" if so else "no"
