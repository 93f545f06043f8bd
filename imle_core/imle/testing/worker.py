"""The far end of the check `spawn`: a new process that rebuilds solvers from their recipes.

The text of this file is the program of that process, which thus imports what the solvers need and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import time
from typing import Any

COPY = 86
"""Exit code of a copy of this process that a solver made and let go on."""


def main(channel: Any) -> None:
    """Read pickled recipes from stdin, solve, write answers to the channel.

    A recipe is (array kind, solver, instance parameters, objective); an answer is (solutions, status or None), and all
    answers come with two flags: whether torch got imported though no recipe needs it, and whether a solver forked.
    """
    own = os.getpid()
    recipes = [pickle.loads(recipe) for recipe in pickle.load(sys.stdin.buffer)]
    answers = [_solve(*recipe) for recipe in recipes]
    if os.getpid() != own:
        os._exit(COPY)
    needed = any(recipe[0] == "torch" for recipe in recipes)
    channel.write(pickle.dumps((answers, "torch" in sys.modules and not needed, _has_copy())))


def _solve(array: str, solver: Any, parameters: dict[str, Any], objective: Any) -> tuple[Any, Any]:
    if array == "torch":
        import torch

        objective = torch.tensor(objective, dtype=torch.float32)
    prepared = solver.prepare(**parameters)
    result = prepared.solve(objective)
    prepared.close()
    solutions = result.solutions.cpu().numpy() if array == "torch" else result.solutions
    return solutions, result.status


def _has_copy() -> bool:
    """Whether a child of this process was a copy of it; a solver's own workers may go on."""
    with contextlib.suppress(ChildProcessError, AttributeError):  # no child is left; no fork on this system
        for _ in range(20):
            child, status = os.waitpid(-1, os.WNOHANG)
            if child and os.waitstatus_to_exitcode(status) == COPY:
                return True
            if not child:
                time.sleep(0.1)
    return False


if __name__ == "__main__":
    main(globals()["channel"])
