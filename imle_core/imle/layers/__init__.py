"""From solvers to nn.Modules."""

from imle.layers.build import layer
from imle.layers.module import SolverLayer
from imle.layers.stats import LayerStats

__all__ = ["LayerStats", "SolverLayer", "layer"]
