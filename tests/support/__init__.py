"""Helpers shared by the tests: real solvers small enough to check by hand, and noise that is known in advance."""
