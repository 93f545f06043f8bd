"""One quick run of each command, for all tests that look at its files."""

from __future__ import annotations

import numpy as np
import pytest

from imle_gallery import plan
from imle_gallery.commands import demo as demo_command
from imle_gallery.commands import gallery as gallery_command
from support.drawings import Invoke, Run, invoking, run_into

TINY = plan.GalleryPlan(
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
    race_rates=(0.1, 1.0),
    race_noise=(1.0,),
    race_trial=3,
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
def demo() -> Invoke:
    """Run the command; errors are raised, not printed."""
    return invoking(demo_command)


@pytest.fixture
def gallery() -> Invoke:
    """Run the command; errors are raised, not printed."""
    return invoking(gallery_command)


@pytest.fixture(scope="session")
def quick(tmp_path_factory) -> Run:
    """`imle demo --quick` into a folder that does not exist yet."""
    return run_into(tmp_path_factory.mktemp("demo") / "new" / "folder", demo_command, "--quick")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, _quick_is_tiny) -> Run:
    """`imle gallery --quick` with a tiny plan, into a folder that does not exist yet."""
    folder = tmp_path_factory.mktemp("gallery") / "new" / "folder"
    return run_into(folder, gallery_command, "--quick", "--solver", "topk", "--solver", "grid-shortest-path")


@pytest.fixture
def frames_of():
    """Decodes the frames of a canvas of a page's data: `[frames, rows, columns]` values of one of its layers."""

    def decode(canvas, layer=0) -> np.ndarray:
        cells = np.frombuffer(canvas["layers"][layer]["cells"].encode("latin-1"), np.uint8)
        return cells.reshape(-1, canvas["rows"], canvas["columns"])

    return decode
