"""Solver ids and commands that live in this repository, so that one that is not installed can name its pip line."""

KNOWN = {
    "arborescence": "imle-networkx",
    "assignment": "imle-kernels",
    "bounded-path": "imle-networkx",
    "grid-shortest-path": "imle-networkx",
    "gurobi-ilp": "imle-gurobi",
    "highs-ilp": "imle-highs",
    "highs-lp": "imle-highs",
    "knapsack": "imle-kernels",
    "maxsat": "imle-pysat",
    "max-weight-matching": "imle-networkx",
    "min-cut": "imle-networkx",
    "mln-map": "imle-mln",
    "networkx-shortest-path": "imle-networkx",
    "ortools-cp-sat": "imle-ortools",
    "ortools-ilp": "imle-ortools",
    "ortools-min-cost-flow": "imle-ortools",
    "perfect-matching": "imle-networkx",
    "pulp-ilp": "imle-pulp",
    "pulp-lp": "imle-pulp",
    "ranking": "imle-kernels",
    "ranking-matrix": "imle-kernels",
    "scipy-assignment": "imle-scipy",
    "scipy-milp": "imle-scipy",
    "segmentation": "imle-dp",
    "spanning-tree": "imle-networkx",
    "subset": "imle-kernels",
    "topk": "imle-topk",
    "viterbi": "imle-dp",
}

KNOWN_COMMANDS = {"demo": "imle-gallery", "gallery": "imle-gallery", "mln": "imle-mln"}
