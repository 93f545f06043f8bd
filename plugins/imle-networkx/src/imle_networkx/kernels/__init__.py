"""Compiled kernels: each solves a whole batch on plain arrays, without Python objects and without the GIL.

They read objectives and never write them. All write `solutions[row]`, 0/1 masks that come in as zeros. Kernels for
shortest paths also write, per row,

- `values[row]`: the sum of the row's own costs over the mask, before any clipping,
- `found[row]`: whether there is a path of finite cost,
- `negatives[row]`: how many entries are below the floor, and were raised to it.
"""
