"""Compiled kernels: each solves a whole batch on plain arrays, without Python objects and without the GIL."""
