"""How large the code is, how its parts hang together, and what a step costs beside the same step written by hand."""
