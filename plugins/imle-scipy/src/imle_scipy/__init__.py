"""SciPy's assignment and mixed-integer solvers for imle."""
