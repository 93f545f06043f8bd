"""How the rows of a batch are solved: in slices of time, by workers, and again in ever smaller parts where they fail.

Free of torch, for worker processes.
"""
