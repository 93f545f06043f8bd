"""What runs toulbar2: a program that solves the cost function networks it reads, one after the other.

A process of its own, because toulbar2 has one global state, holds the GIL while it searches, and takes SIGINT for
itself, after which Ctrl-C no longer reaches Python. Here that signal is the parent's way to end a search: toulbar2
then tells the best state so far and what it has proven. Run by path, so that nothing but numpy and toulbar2 is
imported.
"""

from __future__ import annotations

import itertools
import os
import pickle
import select
import signal
import sys
from typing import Any, BinaryIO

_NEVER = 10**6
"""Seconds. toulbar2 heeds signals only where it has a time limit."""

Answer = tuple[list[int] | None, int, int]
"""Values of the variables, if a state was found; its cost; and what no state costs less than."""
STOPPED = -1
"""Stands for that bound if there was no search."""


class Interruptions:
    """Whether the parent has interrupted, outside of a search."""

    def __init__(self) -> None:
        self.seen = False
        self.listen()

    def listen(self) -> None:
        """Take the signal back from toulbar2."""
        signal.signal(signal.SIGINT, self._note)

    def _note(self, *_: object) -> None:
        self.seen = True


def solve(problem: dict[str, Any], interruptions: Interruptions) -> Answer:
    """Minimise.

    Args:
        problem: `top`, which no state costs; `domains`, the size of each variable's; `tables`, scopes `[f, arity]` and
            costs `[f, *domains]`; `clauses`, scopes with values of which one at least is taken; and `seed`.
        interruptions: as soon as there is one, the search ends.
    """
    from pytoulbar2 import CFN  # type: ignore[import-untyped]

    network = CFN(ubinit=problem["top"], seed=problem["seed"], verbose=-1)
    first = 0
    for size, alike in itertools.groupby(problem["domains"]):
        count = len(list(alike))
        network.AddVariables(count, f"x{first}_", 0, size - 1)
        first += count
    for scopes, costs in problem["tables"]:
        network.AddFunctions(scopes, costs)
    for scope, values in problem["clauses"]:
        wanted = " ".join(f"1 {value} 1" for value in values)
        network.CFN.wcsp.postKnapsackConstraint(scope, f"1 {wanted}", kp=True)
    if interruptions.seen:
        return None, problem["top"], STOPPED
    try:
        found = network.Solve(timeLimit=_NEVER)
    except network.SolverOut:  # interrupted before the search
        return None, problem["top"], STOPPED
    values, cost = (None, problem["top"]) if found is None else ([int(value) for value in found[0]], int(found[1]))
    # a complete search is a proof; the dual bound is not always brought up to date at its end
    return values, cost, int(network.GetDDualBound()) if network.Option.limited else cost


def serve(problems: BinaryIO, answers: BinaryIO) -> None:
    """Say what is wrong with toulbar2, "" if nothing is; then answer problems with (answer, error) until they end."""
    interruptions = Interruptions()
    try:
        # pytoulbar2 itself prints that this fails, and goes on
        import pytoulbar2.pytb2  # type: ignore[import-untyped]  # noqa: F401
    except ImportError as raised:
        _tell(answers, str(raised))
        return
    _tell(answers, "")
    while True:
        try:
            problem = pickle.load(problems)
        except EOFError:
            return
        interruptions.seen = False
        try:
            answer, error = solve(problem, interruptions), ""
        except Exception as raised:  # toulbar2's own have no common root
            answer, error = None, f"{type(raised).__name__}: {raised}"
        interruptions.listen()
        _tell(answers, (answer, error))


def _tell(answers: BinaryIO, message: object) -> None:
    pickle.dump(message, answers, protocol=pickle.HIGHEST_PROTOCOL)
    answers.flush()


def end_with_parent(pid: int) -> None:
    """Kill the process that searches when its stdin is closed at the other end, whatever has closed it.

    It cannot do so itself: it does not look at its stdin while it searches.
    """
    os.close(1)
    parent = select.poll()
    parent.register(0, 0)  # only its end
    parent.poll()
    if os.getppid() == pid:  # it has not ended by itself
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Serve the parent; what toulbar2 prints goes nowhere."""
    pid = os.getpid()
    if os.fork() == 0:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_with_parent(pid)
        os._exit(0)
    sys.modules["mpi4py"] = None  # type: ignore[assignment]  # pytoulbar2 would start MPI if it can
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
