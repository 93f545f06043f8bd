"""Solver ids that live in this repository, so that an id that is not installed can name its pip line."""

KNOWN = {
    "grid-shortest-path": "imle-networkx",
    "highs-ilp": "imle-highs",
    "highs-lp": "imle-highs",
    "mln-map": "imle-mln",
    "networkx-shortest-path": "imle-networkx",
    "ortools-assignment": "imle-ortools",
    "ortools-cp-sat": "imle-ortools",
    "ortools-ilp": "imle-ortools",
    "ortools-knapsack": "imle-ortools",
    "ortools-min-cost-flow": "imle-ortools",
    "pulp-ilp": "imle-pulp",
    "pulp-lp": "imle-pulp",
    "topk": "imle-topk",
}
