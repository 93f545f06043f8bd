"""Grounding: from a program and its evidence to a network of ground clauses."""

from imle_mln.grounding.budget import GroundingProgress, TooManyGroundingsError, grounding_options
from imle_mln.grounding.ground import Grounding, ground
from imle_mln.grounding.vocabulary import Vocabulary

__all__ = ["Grounding", "GroundingProgress", "TooManyGroundingsError", "Vocabulary", "ground", "grounding_options"]
