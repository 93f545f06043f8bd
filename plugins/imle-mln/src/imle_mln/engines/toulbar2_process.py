"""What runs toulbar2: a program that solves the cost function networks it is sent, one after the other.

A process of its own, because toulbar2 has one global state, holds the GIL while it searches, and takes SIGINT for
itself, after which Ctrl-C no longer reaches Python. Here that signal is the parent's way to end a search: toulbar2
then tells the best state so far and what it has proven. Run by path, so that nothing but numpy and toulbar2 is
imported; its one argument is the file descriptor at which problems come in and answers go out.
"""

from __future__ import annotations

import itertools
import os
import select
import signal
import sys
from multiprocessing.connection import Connection
from typing import Any

_NEVER = 10**6
"""Seconds. toulbar2 heeds signals only where it has a time limit."""

Answer = tuple[list[int] | None, int, int]
"""Values of the variables, if a state was found; its cost; and what no state costs less than."""
STOPPED = -1
"""Stands for that bound if there was no search."""


def solve(problem: dict[str, Any]) -> Answer:
    """Minimise.

    Args:
        problem: `top`, which no state costs; `domains`, the size of each variable's; `tables`, scopes `[f, arity]` and
            costs `[f, *domains]`; `clauses`, scopes with values of which one at least is taken; and `seed`.
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
    try:
        found = network.Solve(timeLimit=_NEVER)
    except network.SolverOut:  # interrupted before the search
        return None, problem["top"], STOPPED
    values, cost = (None, problem["top"]) if found is None else ([int(value) for value in found[0]], int(found[1]))
    # a complete search is a proof; the dual bound is not always brought up to date at its end
    return values, cost, int(network.GetDDualBound()) if network.Option.limited else cost


def serve(parent: Connection[Any, Any]) -> None:
    """Say what is wrong with toulbar2, "" if nothing is; then answer problems with (answer, error) until they end."""
    try:
        # pytoulbar2 itself prints that this fails, and goes on
        import pytoulbar2.pytb2  # type: ignore[import-untyped]  # noqa: F401
    except ImportError as raised:
        parent.send(str(raised))
        return
    parent.send("")
    while True:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # outside of a search, which takes it
        try:
            problem = parent.recv()
        except EOFError:
            return
        try:
            answer: Answer | None
            answer, error = solve(problem), ""
        except Exception as raised:  # toulbar2's own have no common root
            answer, error = None, f"{type(raised).__name__}: {raised}"
        parent.send((answer, error))


def end_with_parent(pid: int) -> None:
    """Kill the process that searches when its stdin, which is not used, is closed at the other end, whatever did that.

    It cannot do so itself: it does not look at anything while it searches.
    """
    parent = select.poll()
    parent.register(0, 0)  # only its end
    parent.poll()
    if os.getppid() == pid:  # it has not ended by itself
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Serve the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pid, connection = os.getpid(), int(sys.argv[1])
    if os.fork() == 0:
        os.close(connection)  # or the parent would not see it end
        end_with_parent(pid)
        os._exit(0)
    sys.modules["mpi4py"] = None  # type: ignore[assignment]  # pytoulbar2 would start MPI if it can
    serve(Connection(connection))


if __name__ == "__main__":
    main()
