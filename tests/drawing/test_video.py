"""mp4 files: what the encoder is told and given, and real ones where there is an encoder."""

from __future__ import annotations

import shutil
import stat
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from imle.drawing import video
from imle.drawing.colours import ON_GOLD, PALETTE, rgb
from imle.drawing.sheet import Sheet
from imle.errors import ImleError, SolverUnavailableError

STUB = """\
#!{python}
import sys
raw = sys.stdin.buffer.read()
open(sys.argv[-1], "wb").write(" ".join(sys.argv[1:-1]).encode() + b"|" + raw)
"""


def program(tmp_path, text):
    path = tmp_path / "encoder"
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def frames():
    first, second = Sheet(5, 4), Sheet(5, 4)
    second.fill(0, 0, 5, 4, PALETTE.flat(ON_GOLD))
    return [first, second]


def test_the_encoder_gets_every_frame_and_the_last_one_held(tmp_path):
    content = video.mp4(frames(), program(tmp_path, STUB.format(python=sys.executable)))
    options, _, raw = content.partition(b"|")
    assert b"-s 6x4 -r 10" in options  # even sides
    assert b"yuv420p" in options
    pictures = np.frombuffer(raw, np.uint8).reshape(-1, 4, 6, 3)
    assert len(pictures) == 1 + 25
    assert (pictures[1:] == rgb(ON_GOLD)).all()
    assert (pictures[0] != rgb(ON_GOLD)).any(axis=2).all()


def test_an_encoder_that_fails_is_an_error(tmp_path):
    broken = program(tmp_path, "#!/bin/sh\ncat > /dev/null; echo 'Unknown encoder libx264' >&2; exit 1\n")
    with pytest.raises(ImleError, match=r"failed: Unknown encoder libx264"):
        video.mp4(frames(), broken)


def test_where_the_encoder_comes_from(monkeypatch):
    monkeypatch.setattr(video.shutil, "which", lambda name: f"/somewhere/{name}")
    assert video.encoder() == "/somewhere/ffmpeg"
    monkeypatch.setattr(video.shutil, "which", lambda _: None)
    monkeypatch.setattr(video, "find_spec", lambda _: None)
    with pytest.raises(SolverUnavailableError, match="no ffmpeg on the PATH"):
        video.encoder()


@pytest.mark.skipif(
    shutil.which("ffmpeg") is None and find_spec("imageio_ffmpeg") is None, reason="no encoder is installed"
)
def test_a_real_file():
    content = video.mp4(frames(), video.encoder())
    assert content[4:8] == b"ftyp"
    assert b"moov" in content
