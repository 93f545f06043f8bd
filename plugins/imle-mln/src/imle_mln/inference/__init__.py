"""MAP inference over a ground network."""

from imle_mln.inference.engine import MAPEngine
from imle_mln.inference.result import MAPResult

__all__ = ["MAPEngine", "MAPResult"]
