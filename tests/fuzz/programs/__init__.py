"""Random linear and integer programs for all solvers of them."""
