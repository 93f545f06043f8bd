"""OR-Tools for imle: any CP-SAT model, min-cost flow, and compiled solvers for assignment and knapsack."""
