"""Compiled kernels: each solves a whole batch on plain arrays, without Python objects and without the GIL.

Arguments that all of them take:

- `scores`: `[N, *shape]` to be maximised, which kernels read and never write,
- `lengths`: `[N, D]` how much of each row is used,
- `solutions`: `[N, *shape]` zeros, in which the best solution is written,
- `found`: `[N]` written: whether there is one.

What a mask forbids is barred by adding -inf. Tables hold values only: the way back looks again for the terms that make
the maximum, which costs little beside the way there and leaves its loops to SIMD. Of equal terms it takes the first.
"""
