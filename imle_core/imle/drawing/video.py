"""MP4 files of animations, by an encoder that happens to be installed."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from imle.drawing.colours import PALETTE
from imle.drawing.sheet import MILLISECONDS, REST, Sheet
from imle.errors import ImleError, SolverUnavailableError


def encoder() -> str:
    """The ffmpeg on the PATH, or the one that the package imageio-ffmpeg brings.

    Raises:
        SolverUnavailableError: there is neither.
    """
    if (found := shutil.which("ffmpeg")) is not None:
        return found
    if find_spec("imageio_ffmpeg") is not None:
        return str(importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe())
    raise SolverUnavailableError(
        "mp4 needs an encoder: there is no ffmpeg on the PATH",
        hint="install ffmpeg, or pip install imageio-ffmpeg; gif, png and html need none",
    )


def mp4(frames: Sequence[Sheet], program: str) -> bytes:
    """H.264 with as many frames a second as the GIF, the last one held as long.

    Args:
        frames: all of one size.
        program: see `encoder`.

    Raises:
        ImleError: the encoder failed.
    """
    held = [*frames, *[frames[-1]] * (REST // MILLISECONDS - 1)]
    height, width = frames[0].pixels.shape
    raw = b"".join(_even(frame, height + height % 2, width + width % 2) for frame in held)
    size = f"{width + width % 2}x{height + height % 2}"
    with tempfile.TemporaryDirectory() as folder:  # an mp4's index is written last, so it cannot go through a pipe
        path = Path(folder) / "film.mp4"
        command = [program, "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size]
        command += ["-r", str(1000 // MILLISECONDS), "-i", "-", "-c:v", "libx264", "-pix_fmt", "yuv420p"]
        done = subprocess.run([*command, str(path)], input=raw, capture_output=True, check=False)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise ImleError(
                f"mp4: {program} failed: {said[-1] if said else f'exit code {done.returncode}'}",
                hint="the encoder must know H.264 (libx264); gif, png and html need none",
            )
        return path.read_bytes()


def _even(frame: Sheet, height: int, width: int) -> bytes:
    """RGB, padded to even sides, which the chroma planes of yuv420p need."""
    rows, columns = frame.pixels.shape
    padded = np.pad(frame.pixels, ((0, height - rows), (0, width - columns)), mode="edge")
    return PALETTE.colours[padded].tobytes()
