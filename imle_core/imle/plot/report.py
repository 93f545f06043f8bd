"""What `imle.diagnose` found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imle.diagnosis.report import Diagnosis


def diagnosis(report: Diagnosis) -> Any:
    """Draw a diagnosis: its grid of steps and temperatures, the rows' gradients, where the time goes, and its advice.

    Args:
        report: what `imle.diagnose` returned.

    Returns:
        the matplotlib Figure. `report.plot(path)` writes it.

    Raises:
        SolverUnavailableError: matplotlib is not installed.
    """
    from imle.diagnosis.picture import figure

    return figure(report)
