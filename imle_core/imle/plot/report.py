"""What `imle.diagnose` found."""

from __future__ import annotations

from typing import Any, Protocol


class Drawable(Protocol):
    """A report that can draw itself, as `imle.diagnosis.Diagnosis` can."""

    def figure(self) -> Any:
        """A matplotlib Figure."""


def diagnosis(report: Drawable) -> Any:
    """Draw a diagnosis: its grid of steps and temperatures, the rows' gradients, where the time goes, and its advice.

    Args:
        report: what `imle.diagnose` returned.

    Returns:
        the matplotlib Figure. `report.plot(path)` writes it.

    Raises:
        SolverUnavailableError: matplotlib is not installed.
    """
    return report.figure()
