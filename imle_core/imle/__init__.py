"""imle: any combinatorial solver as a differentiable torch layer."""
