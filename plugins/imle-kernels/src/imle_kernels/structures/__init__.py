"""Linear programs that have algorithms of their own: what is recognised in the matrix, and the engine that uses it."""

from imle_kernels.structures.engine import StructureEngine

__all__ = ["StructureEngine"]
