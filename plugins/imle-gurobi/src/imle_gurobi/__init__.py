"""Gurobi for imle: a gurobipy.Model as its author wrote it, or matrices, its objective learned."""
