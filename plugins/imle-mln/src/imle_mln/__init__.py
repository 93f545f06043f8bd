"""MAP in Markov Logic Networks: programs, evidence, grounding, exact inference and a differentiable layer.

Importing this package imports neither torch nor a solver.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imle_mln.evidence import database_from as database_from
    from imle_mln.evidence import parse_database as parse_database
    from imle_mln.grounding import grounding_options as grounding_options
    from imle_mln.learning.learn import LearnedProgram as LearnedProgram
    from imle_mln.learning.learn import learn as learn
    from imle_mln.maps import MAPState as MAPState
    from imle_mln.maps import map_inference as map_inference
    from imle_mln.printing import database_text as database_text
    from imle_mln.printing import program_text as program_text
    from imle_mln.probability.layer import MarginalLayer as MarginalLayer
    from imle_mln.probability.marginals import Marginals as Marginals
    from imle_mln.probability.marginals import marginals as marginals
    from imle_mln.scores import Score as Score
    from imle_mln.scores import score as score
    from imle_mln.syntax import parse_program as parse_program

_HOMES = {
    "LearnedProgram": "learning.learn",
    "MAPState": "maps",
    "MarginalLayer": "probability.layer",
    "Marginals": "probability.marginals",
    "Score": "scores",
    "database_from": "evidence",
    "database_text": "printing",
    "grounding_options": "grounding",
    "learn": "learning.learn",
    "map_inference": "maps",
    "marginals": "probability.marginals",
    "parse_database": "evidence",
    "parse_program": "syntax",
    "program_text": "printing",
    "score": "scores",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'imle_mln' has no attribute {name!r}")
    return getattr(importlib.import_module(f"imle_mln.{_HOMES[name]}"), name)
