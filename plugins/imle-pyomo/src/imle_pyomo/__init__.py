"""Pyomo models for imle: the model as its author wrote it, its objective learned."""
