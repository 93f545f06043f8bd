"""Integer programs over matrices or models: recognised structures, CP-SAT, HiGHS, SCIP and CBC behind one solver."""
