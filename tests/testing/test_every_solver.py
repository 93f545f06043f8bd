"""`imle check ID` knows what to check each solver of this repository on, and its plugin's tests make those checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from imle.plugins.known import KNOWN
from imle.testing import subjects_of

PLUGINS = Path(__file__).parents[2] / "plugins"


@pytest.mark.parametrize("solver_id", sorted(KNOWN))
def test_instances_are_offered_and_what_is_best_on_them_is_known(solver_id):
    distribution = KNOWN[solver_id]
    (subject,) = subjects_of(f"{distribution}/{solver_id}")
    assert subject.origin == f"{distribution.replace('-', '_')}.conformance"
    knows_best = [i for i in subject.instances if i.solutions is not None or i.oracle is not None]
    assert knows_best
    assert all(i.solutions is not None or i.feasible is not None for i in subject.instances)


@pytest.mark.parametrize("solver_id", sorted(KNOWN))
def test_the_plugins_own_tests_make_the_checks_of_imle_check(solver_id):
    """With the same arguments: none."""
    tests = (PLUGINS / KNOWN[solver_id] / "tests" / "test_conformance.py").read_text()
    assert f'@parametrize_with_checks("{solver_id}")\n' in tests
