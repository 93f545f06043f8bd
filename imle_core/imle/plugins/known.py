"""Solver ids and commands that live in this repository, so that one that is not installed can name its pip line."""

KNOWN = {
    "arborescence": "imle-graphs",
    "bounded-path": "imle-graphs",
    "grid-shortest-path": "imle-networkx",
    "highs-ilp": "imle-highs",
    "highs-lp": "imle-highs",
    "maxsat": "imle-pysat",
    "min-cut": "imle-graphs",
    "mln-map": "imle-mln",
    "networkx-shortest-path": "imle-networkx",
    "ortools-assignment": "imle-ortools",
    "ortools-cp-sat": "imle-ortools",
    "ortools-ilp": "imle-ortools",
    "ortools-knapsack": "imle-ortools",
    "ortools-min-cost-flow": "imle-ortools",
    "perfect-matching": "imle-graphs",
    "pulp-ilp": "imle-pulp",
    "pulp-lp": "imle-pulp",
    "scipy-assignment": "imle-scipy",
    "scipy-milp": "imle-scipy",
    "spanning-tree": "imle-graphs",
    "topk": "imle-topk",
}

KNOWN_COMMANDS = {"demo": "imle-gallery", "gallery": "imle-gallery", "mln": "imle-mln"}
