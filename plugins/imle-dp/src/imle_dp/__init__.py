"""Sequences and trees for imle, by compiled dynamic programs."""
