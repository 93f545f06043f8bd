"""`imle.calibrate`: kappa and temperature from solutions and marginals."""

from imle.calibration.calibrate import calibrate
from imle.calibration.report import Calibration, Point

__all__ = ["Calibration", "Point", "calibrate"]
