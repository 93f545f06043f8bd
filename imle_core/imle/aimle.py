"""`from imle.aimle import aimle`: the name of torch-adaptive-imle for the same function as `imle.imle.imle`.

What makes it adaptive is its target: pass `AdaptiveTargetDistribution(initial_alpha=1.0, initial_beta=0.0)`.
"""

from imle.imle import imle as aimle

__all__ = ["aimle"]
