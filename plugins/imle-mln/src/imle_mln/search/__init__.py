"""Local search over ground networks: a state for every network, however large."""
