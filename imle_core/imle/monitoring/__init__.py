"""What solver layers do in a training, as numbers for TensorBoard and other loggers.

`imle.monitoring.lightning.SolverMonitor` is a callback for Lightning's Trainer; it is imported by that name only.
"""

from imle.monitoring.monitor import Monitor

__all__ = ["Monitor"]
