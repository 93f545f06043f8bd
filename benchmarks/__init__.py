"""Benchmarks: every speed claim of the README, as a ratio measured side by side in one run."""
