"""The page "A batch on its way" names the functions that a batch goes through: all of them, in order."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import pytest
import torch

import imle
from imle_docs import journey

HERE = Path(__file__)


def entered(call, last):
    """Code objects of imle and its plugins, from `call` down to the first time `last` is entered."""
    found = []

    def profile(frame, event, _):
        if event == "call" and frame.f_code is last and not found:
            step = frame
            while Path(step.f_code.co_filename) != HERE:
                found.insert(0, step.f_code)
                step = step.f_back

    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    torch_files = str(Path(torch.__file__).parent)
    return [c for c in found if not c.co_filename.startswith(torch_files) and c.co_name != "<listcomp>"]


def codes(hops):
    return [hop.function.__code__ for hop in hops]


def test_a_batch_takes_this_way():
    """One row of one sample: whether larger batches are cut into pieces depends on how long they take."""
    layer = imle.layer("topk", k=2)
    scores = torch.rand(1, 5, requires_grad=True)
    forward, backward = codes(journey.FORWARD), codes(journey.BACKWARD)
    assert entered(lambda: layer(scores), forward[-1]) == forward
    loss = layer(scores).sum()
    assert entered(loss.backward, backward[-1]) == backward


def test_lines_and_files_are_those_of_the_functions():
    for hop in journey.FORWARD + journey.BACKWARD:
        source = Path(inspect.getsourcefile(hop.function))
        file, line = hop.place.rsplit(":", 1)
        assert source.as_posix().endswith(f"/{file}")
        lines = source.read_text().splitlines()[int(line) - 1 :]
        assert any(line.lstrip().startswith(f"def {hop.function.__name__}(") for line in lines[:4])


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_every_hop_leads_to_its_code(generated, way):
    hops = journey.FORWARD if way == "forward" else journey.BACKWARD
    for hop in hops:
        assert f"[`{hop.place}`](#{hop.anchor}) | `{hop.name}`" in generated[f"_generated/batch-{way}.md"]
        assert generated[journey.SOURCE].count(f"({hop.anchor})=") == 1
    assert len(generated[f"_generated/batch-{way}.md"].splitlines()) == len(hops) + 2
