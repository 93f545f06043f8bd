"""The checks as pytest parametrisation. pytest is imported when it is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from imle.testing.failure import CheckFailure, NotApplicable
from imle.testing.instance import Instance
from imle.testing.resolve import subjects_of
from imle.testing.run import Bound, Run

if TYPE_CHECKING:
    import pytest


def parametrize_with_checks(
    solver: Any,
    instances: Iterable[Instance] | None = None,
    *,
    expected_failures: Mapping[str, str] | None = None,
) -> pytest.MarkDecorator:
    """Parametrise a test with all checks that apply to a solver.

    Args:
        solver: an id, "module:Class", a solver class or a solver object.
        instances: what to check it on; by default those its plugin offers, else those of the spec's example.
        expected_failures: name of a check, or `check[instance]`, and why it fails: strict xfails.

    Example::

        @parametrize_with_checks("topk")
        def test_conformance(check):
            check()
    """
    import pytest

    parameters = []
    for subject in subjects_of(solver, instances):
        run = Run(subject, expected_failures or {})
        for bound in run.bound:
            if bound.reason:
                continue  # known in advance; imle check tells
            marks = []
            if bound.expected:
                marks = [pytest.mark.xfail(strict=True, reason=bound.expected, raises=CheckFailure)]
            name = f"{subject.name}-{bound.name}"
            parameters.append(pytest.param(partial(_make, run, bound), marks=marks, id=name))
    return pytest.mark.parametrize("check", parameters)


def _make(run: Run, bound: Bound) -> None:
    """Make a check, as a test does: skipped where it turns out not to apply, else as good as its verdict."""
    import pytest

    verdict = run.verdict(bound)
    if isinstance(verdict, NotApplicable):
        pytest.skip(str(verdict))
    if verdict is not None:
        raise verdict
