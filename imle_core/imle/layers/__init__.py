"""From solvers to nn.Modules."""

from imle.layers.blocks import BlockLayer
from imle.layers.build import layer
from imle.layers.module import SolverLayer
from imle.layers.solutions import BlockSolutions
from imle.layers.stats import LayerStats

__all__ = ["BlockLayer", "BlockSolutions", "LayerStats", "SolverLayer", "layer"]
