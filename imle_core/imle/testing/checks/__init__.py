"""The checks as plain functions, one file per theme. `imle.testing.CHECKS` lists them."""
