"""Tours of one vehicle and of many for imle: compiled kernels, and PyVRP for fleets with time windows."""
