"""MAP inference over a ground network."""

from imle_mln.inference.engine import ENGINES, MAPEngine
from imle_mln.inference.result import MAPResult

__all__ = ["ENGINES", "MAPEngine", "MAPResult"]
