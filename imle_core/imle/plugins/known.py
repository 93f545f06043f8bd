"""Solver ids that live in this repository, so that an id that is not installed can name its pip line."""

KNOWN = {
    "grid-shortest-path": "imle-networkx",
    "networkx-shortest-path": "imle-networkx",
    "topk": "imle-topk",
}
