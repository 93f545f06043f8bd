"""Shortest paths for imle: NetworkX describes the graph, compiled kernels solve the batch."""
