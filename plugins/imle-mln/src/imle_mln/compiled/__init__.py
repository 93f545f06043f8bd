"""Compiled kernels: loops over ground networks, on plain arrays, without Python objects and without the GIL."""
