"""Assignment and knapsack for imle, by compiled kernels of its own."""
