"""Linear programs that kernels solve: what is recognised in the matrix, or small, and the engine that uses it."""

from imle_kernels.structures.engine import StructureEngine

__all__ = ["StructureEngine"]
