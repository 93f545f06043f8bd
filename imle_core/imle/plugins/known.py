"""Solver ids and commands that live in this repository, so that one that is not installed can name its pip line."""

KNOWN = {
    "arborescence": "imle-networkx",
    "assignment": "imle-kernels",
    "bounded-path": "imle-networkx",
    "grid-shortest-path": "imle-networkx",
    "highs-ilp": "imle-highs",
    "highs-lp": "imle-highs",
    "highs-qp": "imle-highs",
    "knapsack": "imle-kernels",
    "maxsat": "imle-pysat",
    "min-cut": "imle-networkx",
    "mln-map": "imle-mln",
    "networkx-shortest-path": "imle-networkx",
    "ortools-cp-sat": "imle-ortools",
    "ortools-ilp": "imle-ortools",
    "ortools-min-cost-flow": "imle-ortools",
    "perfect-matching": "imle-networkx",
    "pulp-ilp": "imle-pulp",
    "pulp-lp": "imle-pulp",
    "scipy-assignment": "imle-scipy",
    "scipy-milp": "imle-scipy",
    "spanning-tree": "imle-networkx",
    "topk": "imle-topk",
}

KNOWN_COMMANDS = {"demo": "imle-gallery", "gallery": "imle-gallery", "mln": "imle-mln"}
