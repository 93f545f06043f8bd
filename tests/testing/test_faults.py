"""For each check a solver with one fault, which that check finds, and no other."""

from __future__ import annotations

import pytest

from imle.testing import CHECKS, State, check_solver, process
from imle.testing.subject import Case
from testing.faulty_layers import Detached, Doubled, Forgiving

FAULTS = (
    *(check.name for check in CHECKS),
    # other ways to fail the same check
    "spec-options-hidden",
    "spec-options-choices",
    "spec-instance-unmixed",
    "contract-finite",
    "magnitudes-float32",
    "hint-refused",
    "duals-refused",
    "spawn-torch",
    "spawn-fork",
    "spawn-thread",
)


def named(fault):
    """The check that finds a fault."""
    return max((check.name for check in CHECKS if fault.startswith(check.name)), key=len)


@pytest.fixture(autouse=True)
def faulty(only):
    only("faulty")


LAYERS = {"non-finite": Forgiving, "gradients-finite": Detached, "gradients": Doubled}


@pytest.fixture
def faulty_layer(monkeypatch):
    """Some faults no solver can have, only its layer."""
    sound = Case.layer

    def install(kind):
        def layer(case, **options):
            made = sound(case, **options)
            made.__class__ = kind
            return made

        monkeypatch.setattr(Case, "layer", layer)

    return install


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_its_own_check_and_by_no_other(fault, faulty_layer, monkeypatch):
    if fault == "spawn-thread":  # the one that is waited for; others may take long to end on a busy machine
        monkeypatch.setattr(process, "ENDING", 1)
    if fault in LAYERS:
        faulty_layer(LAYERS[fault])
    report = check_solver(f"faulty-{fault}")
    assert {outcome.check.name for outcome in report.failed} == {named(fault)}, [str(o.failure) for o in report.failed]
    for outcome in report.failed:
        failure = outcome.failure
        assert all((failure.expected, failure.found, failure.where, failure.fix)), failure
        assert "\n" not in failure.expected + failure.where + failure.fix


@pytest.mark.parametrize("harmless", ["a-gap", "noise"])
def test_what_is_no_fault(harmless):
    """An absolute gap, for the core makes rows of one size; printing to descriptor 1, where no answers travel."""
    report = check_solver(f"faulty-nothing-but-{harmless}")
    assert report.ok, [str(outcome.failure) for outcome in report.failed]


def test_nothing_is_wrong_with_a_sound_solver():
    report = check_solver("faulty-nothing")
    assert report.ok, [str(outcome.failure) for outcome in report.failed]
    left_out = {outcome.check.name for outcome in report.outcomes if outcome.state is State.NOT_APPLICABLE}
    assert left_out == {
        "any-size",
        "row-parameters",
        "padding",
        "duals",
        "normal-cones",
        "solution-vjp",
        "learned",
        "releases-gil",
    }
