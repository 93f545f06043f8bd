"""Compiled kernels: each solves a whole batch on plain arrays, without Python objects and without the GIL.

All kernels share one convention. They read costs and never write them; they write, per row,

- `solutions[row]`: the 0/1 mask of the path; it comes in as zeros,
- `values[row]`: the sum of the row's own costs over the mask, before any clipping,
- `found[row]`: whether there is a path of finite cost,
- `negatives[row]`: how many entries are below the floor, and were raised to it.
"""
