"""What several sections compute: the demo's map, paths drawn on it, and learning it."""
