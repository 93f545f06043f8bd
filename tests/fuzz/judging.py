"""Whether answers are right, given what is known: the rules are the same for all solvers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from imle.solvers import SolveStatus

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Answer:
    """What a solver said about N rows; values and bounds where it has them."""

    status: NDArray[np.int8]
    solutions: Floats
    values: Floats | None
    bound: Floats | None
    messages: dict[int, str]


class Expected(NamedTuple):
    """What is known about a row.

    Attributes:
        kind: how it has to end; "open" where that is not known, or where rounding of the data decides.
        best: a value that is reached for sure, in the solver's sense; nan if there is none.
        slack: how far from it an optimum may be, in addition to `Truth.slack`.
    """

    kind: Literal["optimal", "infeasible", "unbounded", "open"]
    best: float
    slack: float = 0.0


class Truth(Protocol):
    """What is known about one feasible set."""

    def expected(self, objectives: Floats, sign: int) -> list[Expected]:
        """For objectives `[N, *shape]`; sign is 1 for costs and -1 for scores."""

    def fault(self, solution: Floats) -> str:
        """Why a solution `[*shape]` is not feasible; "" if it is."""

    def value(self, objective: Floats, solution: Floats, sign: int) -> float:
        """The value of a feasible solution, terms that are not learned included at their best; nan if unknown."""

    def pardons(self, objective: Floats, status: SolveStatus, sign: int) -> bool:
        """Whether the tolerances of solvers explain a status other than the one expected."""

    def slack(self, objective: Floats, solution: Floats) -> float:
        """How far from the best value a solution may be called optimal."""

    def rounded(self, objective: Floats, solution: Floats, sign: int) -> float:
        """How far the best value moves where sums of floats are rounded, asked for where a solution looks worse."""


class Verdict(NamedTuple):
    """What is wrong with a row's answer ("" if nothing), and how the row counts."""

    wrong: str
    status: SolveStatus


def judge(truth: Truth, objectives: Floats, answer: Answer, sign: int) -> list[Verdict]:
    """Verdicts on all rows of an answer."""
    expected = truth.expected(objectives, sign)
    verdicts = []
    for row, (known, objective) in enumerate(zip(expected, objectives, strict=True)):
        status = SolveStatus(int(answer.status[row]))
        wrong = _status(known, status)
        if wrong and truth.pardons(objective, status, sign):
            verdicts.append(Verdict("", status))
            continue
        if status.ok:
            value = None if answer.values is None else float(answer.values[row])
            bound = None if answer.bound is None else float(answer.bound[row])
            wrong = wrong or _solution(truth, known, objective, answer.solutions[row], status, value, bound, sign)
        verdicts.append(Verdict(wrong, status))
    return verdicts


def _status(known: Expected, status: SolveStatus) -> str:
    if status == SolveStatus.INFEASIBLE and known.kind in ("optimal", "unbounded"):
        return f"infeasible, but {'the best value is ' + repr(known.best) if known.kind == 'optimal' else 'unbounded'}"
    if status == SolveStatus.UNBOUNDED and known.kind in ("optimal", "infeasible"):
        return f"unbounded, but {known.kind}" + (
            f": the best value is {known.best!r}" if known.kind == "optimal" else ""
        )
    if status == SolveStatus.OPTIMAL and known.kind == "unbounded":
        return "optimal, but unbounded"
    return ""  # a solution where there is none is judged by what it breaks


def _solution(
    truth: Truth,
    known: Expected,
    objective: Floats,
    solution: Floats,
    status: SolveStatus,
    told: float | None,
    bound: float | None,
    sign: int,
) -> str:
    fault = truth.fault(solution)
    if fault:
        return f"the solution {solution.tolist()} is not feasible: {fault}"
    value, slack = truth.value(objective, solution, sign), truth.slack(objective, solution) + known.slack
    worse = sign * (value - known.best)
    if status == SolveStatus.OPTIMAL and worse > slack and worse > slack + truth.rounded(objective, solution, sign):
        return f"optimal with {value!r} at {solution.tolist()}, but the best value is {known.best!r}"
    off = 0.0 if told is None else sign * (told - value)
    if off < -slack or (off > slack and status == SolveStatus.OPTIMAL):
        return f"the value {told!r} is told for {solution.tolist()}, but it is {value!r}"
    if bound is not None and sign * (bound - known.best) > slack:
        return f"the bound {bound!r} is told, but the best value is {known.best!r}"
    return ""


def by_kind(
    truths: Sequence[Truth], which: NDArray[np.int64] | None, objectives: Floats, answer: Answer, sign: int
) -> list[Verdict]:
    """Verdicts on rows of several feasible sets."""
    if which is None:
        return judge(truths[0], objectives, answer, sign)
    verdicts: list[Verdict | None] = [None] * len(objectives)
    for kind in np.unique(which).tolist():
        rows, truth = np.flatnonzero(which == kind), truths[kind]
        part = Answer(
            answer.status[rows],
            answer.solutions[rows],
            None if answer.values is None else answer.values[rows],
            None if answer.bound is None else answer.bound[rows],
            {},
        )
        for row, verdict in zip(rows.tolist(), judge(truth, objectives[rows], part, sign), strict=True):
            verdicts[row] = verdict
    return [verdict for verdict in verdicts if verdict is not None]
