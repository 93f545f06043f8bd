"""Grounding: from a program and its evidence to a network of ground clauses."""

from imle_mln.grounding.atoms import AtomTable, PredicateAtoms
from imle_mln.grounding.budget import LIMIT, GroundingProgress, TooManyGroundingsError, grounding_options
from imle_mln.grounding.evidence import Evidence, Known
from imle_mln.grounding.formulas import FormulaTable
from imle_mln.grounding.ground import Grounding, ground
from imle_mln.grounding.vocabulary import Vocabulary

__all__ = [
    "LIMIT",
    "AtomTable",
    "Evidence",
    "FormulaTable",
    "Grounding",
    "GroundingProgress",
    "Known",
    "PredicateAtoms",
    "TooManyGroundingsError",
    "Vocabulary",
    "ground",
    "grounding_options",
]
