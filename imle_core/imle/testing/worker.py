"""The far end of the check `spawn`: a new process that rebuilds solvers from their recipes.

The text of this file is the program of that process, which thus imports what the solvers need and nothing else.
"""

from __future__ import annotations

import pickle
import sys
from typing import Any


def main() -> None:
    """Read pickled recipes from stdin, solve, write answers to stdout.

    A recipe is (array kind, solver, instance parameters, objective); an answer is (solutions, status or None), and all
    answers come with the flag whether torch got imported though nobody needed it.
    """
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # what solvers print is not an answer
    recipes = [pickle.loads(recipe) for recipe in pickle.load(sys.stdin.buffer)]
    answers = [_solve(*recipe) for recipe in recipes]
    needed = any(recipe[0] == "torch" for recipe in recipes)
    out.write(pickle.dumps((answers, "torch" in sys.modules and not needed)))


def _solve(array: str, solver: Any, parameters: dict[str, Any], objective: Any) -> tuple[Any, Any]:
    if array == "torch":
        import torch

        objective = torch.tensor(objective, dtype=torch.float32)
    prepared = solver.prepare(**parameters)
    result = prepared.solve(objective)
    prepared.close()
    solutions = result.solutions.cpu().numpy() if array == "torch" else result.solutions
    return solutions, result.status


if __name__ == "__main__":
    main()
