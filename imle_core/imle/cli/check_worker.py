"""The far end of `imle check`: makes the checks in a process that a solver may end, block or copy."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, BinaryIO

from imle.cli import failed


class Post:
    """Messages to the process that prints, one line of JSON each.

    Args:
        channel: they are written to it.
    """

    def __init__(self, channel: BinaryIO) -> None:
        self._channel = channel
        self._own = os.getpid()
        self._at: list[int] | None = None

    def send(self, **message: Any) -> None:
        """Send a message. A copy of the process that a solver made and let go on says so, and ends here."""
        copy = os.getpid() != self._own
        told = {"copy": self._at} if copy else message
        self._at = message.get("running", self._at)
        self._channel.write(json.dumps(told).encode() + b"\n")
        self._channel.flush()
        if copy:
            os._exit(0)


def main(channel: BinaryIO) -> None:
    """Read a request from stdin, make its checks, and tell of each when it begins and ends."""
    post = Post(channel)
    request = json.load(sys.stdin)
    try:
        _serve(request, post)
        code = 0
    except BaseException as error:
        code = failed(error, debug=request["debug"])
    sys.stderr.flush()
    post.send(end=code)


def _serve(request: dict[str, Any], post: Post) -> None:
    from imle.testing.resolve import subjects_of
    from imle.testing.run import Run

    subjects = subjects_of(request["solver"], request["instances"])
    runs = [Run(subject, request["expected"], request["only"]) for subject in subjects]
    post.send(
        subjects=[
            {
                "name": run.subject.name,
                "summary": run.subject.spec.summary,
                "instances": [instance.name for instance in run.subject.instances],
                "origin": run.subject.origin,
                "checks": [[bound.check.name, bound.instance, bound.expected] for bound in run.bound],
            }
            for run in runs
        ]
    )
    for number, run in enumerate(runs):
        done = {place for subject, place, _ in request["done"] if subject == number}
        for subject, _, outcome in request["done"]:
            if subject == number:
                run.recall(outcome)
        for place, bound in enumerate(run.bound):
            if place not in done:
                post.send(running=[number, place])
                post.send(at=[number, place], outcome=run.outcome(bound).as_json())
