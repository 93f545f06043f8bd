"""Linear programs for solver plugins of imle: one reader, one checker of solutions, one prepared solver."""
