"""Top-k selection for imle: the reference plugin, and the smallest complete one."""
