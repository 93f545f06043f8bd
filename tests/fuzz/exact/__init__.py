"""Linear programs in exact arithmetic, plain Python."""
