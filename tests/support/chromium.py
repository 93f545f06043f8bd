"""A headless browser, where there is one: driven over its debugging protocol, on the page's own clock."""

from __future__ import annotations

import base64
import itertools
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_PATIENCE = 60.0
"""Seconds to wait for anything: far more than a busy machine needs, and only a failing test waits so long."""

needs_chromium = pytest.mark.skipif(_PROGRAM is None, reason="no chromium on the PATH")


class _Pipe:
    """Messages to a browser and from it: JSON, each ended by a zero byte (`--remote-debugging-pipe`)."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._left = b""
        self._numbers = itertools.count(1)

    def send(self, method: str, session: str | None, parameters: dict[str, Any]) -> int:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self._write, json.dumps(message).encode() + b"\0")
        return number

    def receive(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._left:
            if not select.select([self._read], [], [], max(0.0, until - time.monotonic()))[0]:
                raise TimeoutError(f"the browser said nothing for {_PATIENCE:g} s")
            part = os.read(self._read, 1 << 20)
            if not part:
                raise ConnectionError("the browser is gone")
            self._left += part
        message, _, self._left = self._left.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


class Tab:
    """A page that is open and running.

    Attributes:
        console: what it has written to its console so far, errors included.
    """

    def __init__(self, pipe: _Pipe) -> None:
        self._pipe = pipe
        self._session: str | None = None
        self._loaded = False
        self.console: list[str] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Say something in the protocol and return the answer; events that come before it are noted."""
        number, until = self._pipe.send(method, self._session, parameters), time.monotonic() + _PATIENCE
        while True:
            message = self._pipe.receive(until)
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                found: dict[str, Any] = message["result"]
                return found
            self._note(message)

    def _note(self, event: dict[str, Any]) -> None:
        method, told = event.get("method"), event.get("params", {})
        if method == "Runtime.consoleAPICalled":
            self.console.append(" ".join(str(argument.get("value", argument)) for argument in told["args"]))
        elif method == "Runtime.exceptionThrown":
            self.console.append(str(told["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.console.append(told["entry"]["text"])
        elif method == "Page.loadEventFired":
            self._loaded = True

    def go(self, page: Path, width: int, height: int, dark: bool) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=page.as_uri())
        until = time.monotonic() + _PATIENCE
        while not self._loaded:
            self._note(self._pipe.receive(until))

    def value(self, script: str) -> Any:
        """What a JavaScript expression has for its value in the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Let the page run until a JavaScript expression is true."""
        until = time.monotonic() + _PATIENCE
        while not self.value(script):
            assert time.monotonic() < until, f"not so after {_PATIENCE:g} s: {script}"
            time.sleep(0.02)

    def drawn(self) -> None:
        """Let it draw what waits to be drawn: sizes are told in one frame, and what depends on them is in the next."""
        self.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")

    def picture(self, path: Path) -> Path:
        """Write what it looks like to a PNG, and return its path."""
        self.drawn()
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
        return path


@contextmanager
def opened(page: Path, *, width: int = 1200, height: int = 4000, dark: bool = False) -> Iterator[Tab]:
    """Open a file in a window of a size, in a light or a dark colour scheme, and close the browser at the end."""
    assert _PROGRAM is not None
    (commands, to_browser), (from_browser, answers) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # 3 and 4 are where it listens and answers. Copies, as their numbers cannot be 3 or 4 themselves: the pipes
        # took those if they were free
        actions = [(os.POSIX_SPAWN_DUP2, fd, at) for fd, at in ((os.dup(commands), 3), (os.dup(answers), 4))]
        browser = os.posix_spawn(
            _PROGRAM,
            [_PROGRAM, *_OPTIONS, f"--user-data-dir={profile}", "about:blank"],
            os.environ,
            file_actions=[*actions, (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)],
            setpgroup=0,
        )
        for fd in (commands, answers, *(fd for _, fd, _ in actions)):
            os.close(fd)
        try:
            tab = Tab(_Pipe(from_browser, to_browser))
            tab.go(page, width, height, dark)
            yield tab
        finally:
            with suppress(ProcessLookupError):
                os.killpg(browser, signal.SIGKILL)
            os.waitpid(browser, 0)
            os.close(to_browser)
            os.close(from_browser)
