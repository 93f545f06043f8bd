"""The far end of `imle check`: makes the checks in a process that a solver may end, block or copy."""

from __future__ import annotations

import os
import pickle
import sys
from dataclasses import dataclass
from typing import Any, BinaryIO

from imle.cli import failed


@dataclass(frozen=True)
class Planned:
    """What is to be checked.

    Attributes:
        name, summary, origin, instances: as in `imle.testing.Subject`.
        checks: name, instance and the reason of an expected failure, in their order.
    """

    name: str
    summary: str
    origin: str
    instances: tuple[str, ...]
    checks: tuple[tuple[str, str, str], ...]


class Post:
    """Pickled messages to the process that prints: a word and what belongs to it.

    Args:
        channel: they are written to it.
    """

    def __init__(self, channel: BinaryIO) -> None:
        self._channel = channel
        self._own = os.getpid()
        self._at: tuple[int, int] | None = None

    def send(self, word: str, *content: Any) -> None:
        """Send a message. A copy of the process that a solver made and let go on says so, and ends here."""
        copy = os.getpid() != self._own
        if word == "running":
            (self._at,) = content
        self._channel.write(pickle.dumps(("copy", self._at) if copy else (word, *content)))
        self._channel.flush()
        if copy:
            os._exit(0)


def main(channel: BinaryIO) -> None:
    """Read a request from stdin, make its checks, and tell of each when it begins and ends."""
    post = Post(channel)
    request = pickle.load(sys.stdin.buffer)
    try:
        _serve(request, post)
        code = 0
    except BaseException as error:
        code = failed(error, debug=request["debug"])
    sys.stderr.flush()
    post.send("end", code)


def _serve(request: dict[str, Any], post: Post) -> None:
    from imle.testing.resolve import subjects_of
    from imle.testing.run import Run

    subjects = subjects_of(request["solver"], request["instances"])
    runs = [Run(subject, request["expected"], request["only"]) for subject in subjects]
    post.send("planned", [_planned(run) for run in runs])
    done = request["done"]
    for (number, _), outcome in done.items():
        runs[number].recall(outcome)
    for number, run in enumerate(runs):
        for place, bound in enumerate(run.bound):
            if (number, place) not in done:
                post.send("running", (number, place))
                post.send("made", (number, place), run.outcome(bound))


def _planned(run: Any) -> Planned:
    subject = run.subject
    checks = tuple((bound.check.name, bound.instance, bound.expected) for bound in run.bound)
    instances = tuple(instance.name for instance in subject.instances)
    return Planned(subject.name, subject.spec.summary, subject.origin, instances, checks)
