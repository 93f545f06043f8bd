"""One small run of the command, for all tests that look at its files."""

from __future__ import annotations

import pytest

from imle.cli.gallery import command
from imle.gallery import plan
from support.drawings import Invoke, Run, invoking, run_into

TINY = plan.Plan(
    temperatures=(0.0, 2.0),
    samples=(1, 3),
    steps=12,
    every=4,
    paths=6,
    draws=50,
    kappas=(1, 4),
    lengths=(1, 10),
    sums=400,
    error_temperatures=(0.5, 2.0),
    race_steps=4,
    race_every=2,
    solver_steps=5,
    solver_draws=20,
)


@pytest.fixture(scope="session")
def tiny_plan():
    return TINY


@pytest.fixture(scope="session", autouse=True)
def _quick_is_tiny():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "QUICK", TINY)
        yield


@pytest.fixture
def gallery() -> Invoke:
    """Run the command; errors are raised, not printed."""
    return invoking(command)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, _quick_is_tiny) -> Run:
    """`imle gallery --quick` with a tiny plan, into a folder that does not exist yet."""
    folder = tmp_path_factory.mktemp("gallery") / "new" / "folder"
    return run_into(folder, command, "--quick", "--solver", "topk", "--solver", "grid-shortest-path")
