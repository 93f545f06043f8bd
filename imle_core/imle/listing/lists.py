"""Lists of solvers and of gradient rules, and how they are searched."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from imle._displayed import Displayed
from imle._report import Fault, FoldingTable, stacked, text
from imle.plugins import EstimatorRecord, PluginState, SolverRecord, SolverSpec, estimators, solvers
from imle.plugins.records import Record

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

R = TypeVar("R", SolverRecord, EstimatorRecord)

_STYLES = {
    PluginState.OK: "green",
    PluginState.MISSING: "yellow",
    PluginState.BROKEN: "bold red",
    PluginState.DISABLED: "dim",
    PluginState.CONFLICT: "bold magenta",
    PluginState.INCOMPATIBLE: "yellow",
}


@dataclass(frozen=True, repr=False)
class _List(Displayed, Generic[R]):
    """Records in a table. `len`, `for` and `[...]` work, with a number or an id.

    Attributes:
        records: one for each solver or rule, or for each plugin that cannot be read.
    """

    records: tuple[R, ...]

    header: ClassVar[tuple[str, ...]]

    def _cells(self, spec: Any) -> tuple[str, ...]:
        """What stands between the id and the state of a record."""
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[R]:
        return iter(self.records)

    def __getitem__(self, at: int | str) -> R:
        if isinstance(at, int):
            return self.records[at]
        for record in self.records:
            if at in (record.id, record.qualified_id):
                return record
        raise KeyError(at)

    @property
    def ids(self) -> list[str]:
        """The ids of all records."""
        return [record.id for record in self.records]

    def as_json(self) -> list[dict[str, Any]]:
        """What `--json` prints."""
        return [record.as_json() for record in self.records]

    def __rich__(self) -> RenderableType:
        rows: list[list[Text]] = []
        for record in self.records:
            about: Sequence[str] = self._cells(record.spec) if record.spec else [""] * (len(self.header) - 4)
            whence = f"{record.distribution} {record.version}".strip()
            summary = record.spec.summary if record.spec else ""
            first = text((record.id, "bold cyan"))
            rows.append([first, *map(text, about), state_text(record.state), text(whence), text(summary)])
        told = dict.fromkeys((r.id, r.state, r.reason, r.fix) for r in self.records)  # what two share is said once
        below: list[RenderableType] = [
            Fault(id_, text(state_text(state), f": {reason}"), fix)
            for id_, state, reason, fix in told
            if state is not PluginState.OK
        ]
        parts: list[RenderableType] = [FoldingTable(self.header, rows)]
        return stacked([*parts, text(), *below] if below else parts)


class SolverList(_List[SolverRecord]):
    """Solvers of this machine, in a table; `len`, `for` and `[...]` work, with a number or an id.

    Attributes:
        records: a `imle.plugins.SolverRecord` for each solver, or for each plugin that cannot be read.
    """

    header = ("id", "problem", "sense", "status", "distribution", "summary")

    def _cells(self, spec: Any) -> tuple[str, ...]:
        return spec.problem, spec.sense


class EstimatorList(_List[EstimatorRecord]):
    """Gradient rules of this machine, in a table; `len`, `for` and `[...]` work, with a number or an id.

    Attributes:
        records: a `imle.plugins.EstimatorRecord` for each rule, or for each plugin that cannot be read.
    """

    header = ("id", "noise", "solves", "for", "status", "distribution", "summary")

    def _cells(self, spec: Any) -> tuple[str, ...]:
        return "yes" if spec.stochastic else "none", str(spec.solves), spec.problem or "any"


def list_solvers(*words: str, problem: str | None = None, available: bool = False) -> SolverList:
    """The solvers of all installed plugins, usable or not.

    Args:
        words: only solvers that have all of them: words of ids, summaries, names of parameters or distributions, in any
            case, or patterns of ids such as "*path*".
        problem: only those of this problem kind, such as "shortest path".
        available: only those that can be used.

    Example::

        >>> import imle
        >>> imle.list_solvers("scores", "k-subset").ids
        ['topk']
    """
    return SolverList(
        tuple(
            record
            for record in solvers()
            if _has(record, words)
            and (problem is None or (record.spec is not None and record.spec.problem.lower() == problem.lower()))
            and (not available or record.state is PluginState.OK)
        )
    )


def list_estimators(*words: str) -> EstimatorList:
    """The gradient rules of the core and of all installed plugins.

    Args:
        words: only rules that have all of them, see `list_solvers`.

    Example::

        >>> import imle
        >>> imle.list_estimators("REINFORCE").ids
        ['score-function']
    """
    return EstimatorList(tuple(record for record in estimators() if _has(record, words)))


def _has(record: Record, words: Iterable[str]) -> bool:
    """Whether a record has every word, or an id that fits it as a pattern."""
    names = record.id, record.qualified_id
    texts = "\n".join((*names, *_texts(record.spec))).casefold()
    return all(
        any(fnmatch.fnmatchcase(name, word) for name in names) or word.casefold() in texts
        for given in words
        for word in (given.split() if not _is_pattern(given) else [given])
    )


def _is_pattern(word: str) -> bool:
    return any(character in word for character in "*?[")


def _texts(spec: Any) -> Iterator[str]:
    """All that a spec says in words."""
    if spec is None:
        return
    yield from (spec.summary, spec.problem, *spec.requires)
    if isinstance(spec, SolverSpec):
        yield from (*spec.aliases, *(parameter.name for parameter in spec.parameters))
    else:
        yield spec.source


def state_text(state: PluginState) -> Text:
    """A state in its colour."""
    return text((state.value, _STYLES[state]))
