"""A headless browser, where there is one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

needs_chromium = pytest.mark.skipif(_PROGRAM is None, reason="no chromium on the PATH")


def visit(page: Path, *options: str, milliseconds: int = 4000) -> tuple[str, str]:
    """Open a page, let its clock run, and return what the browser printed: stdout, and its console's lines.

    Args:
        page: a file.
        options: of the browser, such as "--dump-dom" or "--screenshot=PATH".
        milliseconds: of the page's own clock, which runs faster than ours.
    """
    assert _PROGRAM is not None
    always = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"]
    always.append(f"--virtual-time-budget={milliseconds}")
    done = subprocess.run(
        [_PROGRAM, *always, *options, page.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return done.stdout, console
