"""What the gallery shows, one experiment a file: each runs the library and returns what it recorded."""
