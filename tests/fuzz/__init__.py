"""`make fuzz`: random instances of all solvers against exact answers, until the time is over.

Nothing here uses a solver of the project, or one that the project uses, to know what is right: sets are listed whole,
programs are solved by a simplex method over whole numbers of any size (`exact`).
"""
