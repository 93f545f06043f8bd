"""The sections of both pages, one a file: each runs the library and shows what came of it."""
