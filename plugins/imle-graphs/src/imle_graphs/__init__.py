"""Trees, matchings, cuts and bounded paths for imle."""
