"""Mutants: small changes of the sources that tests are to notice. `make mutants` counts those that live."""
