"""Markov Logic Networks small enough to look at every world."""
