"""Paths, trees, matchings and cuts of graphs for imle: compiled kernels solve the whole batch."""
