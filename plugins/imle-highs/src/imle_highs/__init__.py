"""Linear and integer programs for imle: one HiGHS model per feasible set, solved for many objectives."""
