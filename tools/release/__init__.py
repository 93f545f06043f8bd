"""What is published: the distributions of this repository, their metadata, and the lowest versions they work with."""
