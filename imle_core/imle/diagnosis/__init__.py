"""`imle.diagnose`: how a layer's gradients do, and what to change."""

from imle.diagnosis.diagnose import diagnose
from imle.diagnosis.report import Advice, Cell, Diagnosis

__all__ = ["Advice", "Cell", "Diagnosis", "diagnose"]
