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
from imle.testing.report import Outcome, Report, State
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
        known = {check.name for check in CHECKS}
        names = {*self.only, *(name.partition("[")[0] for name in self._all_expected())}
        if unknown := sorted(names - known):
            raise OptionError(f"unknown check {unknown[0]!r}", hint=f"checks: {', '.join(c.name for c in CHECKS)}")
        full = {f"{name}[{i.name}]" for name in known for i in self.subject.instances}
        if lost := sorted({name for name in self.expected if "[" in name} - full):
            raise OptionError(f"expected failure {lost[0]!r}: there is no such instance")
        if silent := [name for name, reason in self._all_expected().items() if not reason.strip()]:
            raise OptionError(f"expected failure {silent[0]!r}: expected a reason, found none")

    def _all_expected(self) -> dict[str, str]:
        own = {
            f"{name}[{instance.name}]": reason
            for instance in self.subject.instances
            for name, reason in instance.expected_failures.items()
        }
        return {**own, **self.expected}

    @property
    def bound(self) -> list[Bound]:
        """Everything to be made."""
        return list(self._bound())

    def _bound(self) -> Iterator[Bound]:
        for check in CHECKS:
            if self.only and check.name not in self.only:
                continue
            abouts: list[tuple[Any, str]] = [(self.subject, "")]
            if check.per == "instance":
                abouts = [(case, case.instance.name) for case in self.subject.cases]
            yield from (self._bind(check, about, instance) for about, instance in abouts)

    def _bind(self, check: Check, about: Any, instance: str) -> Bound:
        reasons = self._all_expected()
        expected = reasons.get(f"{check.name}[{instance}]", reasons.get(check.name, ""))
        return Bound(check, about, instance, check.reason(about), expected)

    def report(self) -> Report:
        """Make all of them."""
        names = tuple(instance.name for instance in self.subject.instances)
        outcomes = tuple(self.outcome(bound) for bound in self.bound)
        return Report(self.subject.name, names, self.subject.origin, outcomes)

    def recall(self, outcome: Outcome) -> None:
        """Take the outcome of a check that another process has made."""
        verdict: Verdict = outcome.failure
        if outcome.state is State.NOT_APPLICABLE:
            verdict = NotApplicable(outcome.reason)
        elif outcome.state is State.INCONCLUSIVE:
            verdict = Inconclusive(outcome.reason)
        self._done[outcome.name] = verdict

    def outcome(self, bound: Bound) -> Outcome:
        """Make one check and judge what comes of it."""
        start = time.perf_counter()
        try:
            self.make(bound)
            failure = None
        except NotApplicable as error:
            return Outcome(bound.check, bound.instance, State.NOT_APPLICABLE, str(error))
        except Inconclusive as error:
            return Outcome(bound.check, bound.instance, State.INCONCLUSIVE, str(error))
        except CheckFailure as error:
            failure = error
        state = State.PASSED if failure is None else State.FAILED
        if bound.expected:
            state = State.EXPECTED if failure else State.FAILED
            failure = failure or passed_unexpectedly(bound)
        return Outcome(bound.check, bound.instance, state, bound.expected, failure, time.perf_counter() - start)

    def make(self, bound: Bound) -> None:
        """Make one check, after those it needs.

        Raises:
            CheckFailure: it failed.
            Inconclusive: it does not tell, or what it needs failed.
            NotApplicable: it does not apply, or what it needs failed as expected.
        """
        if bound.reason:
            raise NotApplicable(bound.reason)
        for name in bound.check.needs:
            for needed in self._needed(name, bound):
                if isinstance(self._result(needed), CheckFailure):
                    if needed.expected:
                        raise NotApplicable(f"{needed.name} failed as expected")
                    raise Inconclusive(f"{needed.name} failed")
        result = self._result(bound)
        if result is not None:
            raise result

    def _needed(self, name: str, bound: Bound) -> Iterator[Bound]:
        (check,) = (check for check in CHECKS if check.name == name)
        cases: tuple[Case, ...] = self.subject.cases if bound.check.per == "solver" else (bound.about,)
        yield from (self._bind(check, case, case.instance.name) for case in cases)

    def _result(self, bound: Bound) -> Verdict:
        if bound.reason:
            return NotApplicable(bound.reason)
        if bound.name not in self._done:
            self._done[bound.name] = attempt(bound.check, bound.about)
        return self._done[bound.name]


def attempt(check: Check, about: Any) -> Verdict:
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
    ends = "raise an error instead: a solver must not end the program"
    failure = CheckFailure(
        "no exception",
        said,
        where=f"{last.filename}:{last.lineno}, in {last.name}",
        fix=ends
        if not isinstance(error, Exception)
        else getattr(error, "hint", None) or "mend the solver where it raises",
    )
    failure.__cause__ = error
    return failure


def passed_unexpectedly(bound: Bound) -> CheckFailure:
    """Expected failures are strict."""
    return CheckFailure(
        f"a failure, because {bound.expected}",
        "the check passes",
        where=f"expected failure {bound.name!r}",
        fix="take it out of the expected failures",
    )
