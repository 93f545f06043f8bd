"""Compiled kernels for tours: exact dynamic programming, local search, and branch and bound with 1-trees.

They work on *distances* `[m, m]`: what it costs to go from one node to the next, infinite where there is no way. A tour
leaves every node once, enters every node once, and is one cycle.
"""
