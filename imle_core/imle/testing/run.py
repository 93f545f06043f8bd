"""Making the checks: in order, each after those it needs, with expected failures."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from imle._text import named
from imle.errors import ImleError, OptionError, SolverWarning
from imle.testing.catalogue import CHECKS
from imle.testing.check import Check
from imle.testing.failure import CheckFailure, Inconclusive, NotApplicable
from imle.testing.instance import Instance
from imle.testing.report import CheckOutcome, Report, State
from imle.testing.resolve import subjects_of
from imle.testing.subject import Case, Subject


def check_solver(
    solver: Any,
    instances: Iterable[Instance] | None = None,
    *,
    only: Collection[str] = (),
    expected_failures: Mapping[str, str] | None = None,
) -> Report:
    """Make all checks on one solver.

    Args:
        solver: an id, "module:Class", a solver class or a solver object.
        instances: what to check it on; by default those its plugin offers, else those of the spec's example.
        only: names of checks; all by default.
        expected_failures: name of a check, or `check[instance]`, and why it fails. One that passes is a failure.

    Raises:
        UnknownSolverError, SolverUnavailableError: there is no such solver.
        OptionError: no check has that name, or a reason is missing.

    Example::

        >>> from imle.testing import check_solver
        >>> check_solver("topk", only=["contract", "ties"]).ok
        True
    """
    (subject,) = subjects_of(solver, instances)
    return Run(subject, expected_failures or {}, only).report()


Verdict = CheckFailure | Inconclusive | NotApplicable | None
"""What came of a check; None where it passed."""


@dataclass(frozen=True)
class Bound:
    """A check with what it is made on."""

    check: Check
    about: Any
    instance: str
    reason: str
    expected: str

    @property
    def name(self) -> str:
        """`check` or `check[instance]`."""
        return f"{self.check.name}[{self.instance}]" if self.instance else self.check.name


@dataclass
class Run:
    """The checks of one subject. Outcomes are kept, for checks that need others.

    Args:
        subject: what is checked.
        expected: see `check_solver`.
        only: see `check_solver`.
    """

    subject: Subject
    expected: Mapping[str, str] = field(default_factory=dict)
    only: Collection[str] = ()
    _done: dict[str, Verdict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        own = {
            f"{name}[{instance.name}]": reason
            for instance in self.subject.instances
            for name, reason in instance.expected_failures.items()
        }
        self.expected = {**own, **self.expected}
        known = {check.name for check in CHECKS}
        names = {*self.only, *(name.partition("[")[0] for name in self.expected)}
        if unknown := sorted(names - known):
            raise OptionError(f"unknown check {unknown[0]!r}", hint=f"checks: {', '.join(c.name for c in CHECKS)}")
        full = {f"{name}[{i.name}]" for name in known for i in self.subject.instances}
        if lost := sorted({name for name in self.expected if "[" in name} - full):
            raise OptionError(f"expected failure {lost[0]!r}: there is no such instance")
        if silent := [name for name, reason in self.expected.items() if not reason.strip()]:
            raise OptionError(f"expected failure {silent[0]!r}: expected a reason, found none")

    @property
    def bound(self) -> list[Bound]:
        """Everything to be made."""
        chosen = [check for check in CHECKS if not self.only or check.name in self.only]
        return [bound for check in chosen for bound in self._bind(check)]

    def _bind(self, check: Check, cases: Collection[Case] | None = None) -> Iterator[Bound]:
        """A check with the solver, or with each of these cases, by default all."""
        abouts: list[tuple[Any, str]] = [(self.subject, "")]
        if check.per == "instance":
            abouts = [(case, case.instance.name) for case in (self.subject.cases if cases is None else cases)]
        for about, instance in abouts:
            expected = self.expected.get(f"{check.name}[{instance}]", self.expected.get(check.name, ""))
            yield Bound(check, about, instance, check.reason(about), expected)

    def report(self) -> Report:
        """Make all of them."""
        names = tuple(instance.name for instance in self.subject.instances)
        outcomes = tuple(self.outcome(bound) for bound in self.bound)
        return Report(self.subject.name, names, self.subject.origin, outcomes)

    def recall(self, outcome: CheckOutcome) -> None:
        """Take the outcome of a check that another process has made."""
        verdict: Verdict = outcome.failure
        if outcome.state is State.NOT_APPLICABLE:
            verdict = NotApplicable(outcome.reason)
        elif outcome.state is State.INCONCLUSIVE:
            verdict = Inconclusive(outcome.reason)
        self._done[outcome.name] = verdict

    def outcome(self, bound: Bound) -> CheckOutcome:
        """Make one check, after those it needs, and judge what comes of it."""
        start = time.perf_counter()
        verdict = self.verdict(bound)
        if isinstance(verdict, NotApplicable):
            return CheckOutcome(bound.check, bound.instance, State.NOT_APPLICABLE, str(verdict))
        if isinstance(verdict, Inconclusive):
            return CheckOutcome(bound.check, bound.instance, State.INCONCLUSIVE, str(verdict))
        state = State.PASSED if verdict is None else State.FAILED
        if bound.expected:
            state = State.EXPECTED if verdict else State.FAILED
            verdict = verdict or _passed_unexpectedly(bound)
        return CheckOutcome(bound.check, bound.instance, state, bound.expected, verdict, time.perf_counter() - start)

    def verdict(self, bound: Bound) -> Verdict:
        """What comes of one check, and of those it needs."""
        if bound.reason:
            return NotApplicable(bound.reason)
        cases = self.subject.cases if bound.check.per == "solver" else (bound.about,)
        for name in bound.check.needs:
            (check,) = (check for check in CHECKS if check.name == name)
            for needed in self._bind(check, cases):
                if not needed.reason and isinstance(self._made(needed), CheckFailure):
                    if needed.expected:
                        return NotApplicable(f"{needed.name} failed as expected")
                    return Inconclusive(f"{needed.name} failed")
        return self._made(bound)

    def _made(self, bound: Bound) -> Verdict:
        if bound.name not in self._done:
            self._done[bound.name] = _attempt(bound.check, bound.about)
        return self._done[bound.name]


def _attempt(check: Check, about: Any) -> Verdict:
    """Make a check; what a solver raises on the way is a failure too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SolverWarning)  # advice to users
        try:
            check.function(about)
        except (CheckFailure, Inconclusive, NotApplicable) as error:
            return error
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # sys.exit(0) in a solver must not pass for success
            return _raised(error)
    return None


def _raised(error: BaseException) -> CheckFailure:
    last = traceback.extract_tb(error.__traceback__)[-1]
    said = f"{type(error).__name__}: {error.message}" if isinstance(error, ImleError) else named(error)
    fix = "raise an error instead: a solver must not end the program"
    if isinstance(error, Exception):
        fix = getattr(error, "hint", None) or "mend the solver where it raises"
    failure = CheckFailure("no exception", said, where=f"{last.filename}:{last.lineno}, in {last.name}", fix=fix)
    failure.__cause__ = error
    return failure


def _passed_unexpectedly(bound: Bound) -> CheckFailure:
    """Expected failures are strict."""
    return CheckFailure(
        f"a failure, because {bound.expected}",
        "the check passes",
        where=f"expected failure {bound.name!r}",
        fix="take it out of the expected failures",
    )
