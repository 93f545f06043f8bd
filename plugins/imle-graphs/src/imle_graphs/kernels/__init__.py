"""Compiled kernels: each solves a whole batch on plain arrays, without Python objects and without the GIL.

Each file is complete in itself: numba looks for changes of a kernel's own file only when it reuses machine code.
"""
