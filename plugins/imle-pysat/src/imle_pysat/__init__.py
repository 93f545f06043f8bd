"""Weighted partial MaxSAT for imle, by python-sat's RC2."""
