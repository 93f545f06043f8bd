"""The conformance kit: what every solver must do, as functions, as pytest parametrisation and as `imle check`.

Nothing here is imported by the rest of imle, and importing it imports neither torch nor pytest:

    from imle.testing import Instance, check_solver, parametrize_with_checks
"""

from imle.testing.catalogue import CHECKS
from imle.testing.check import Check
from imle.testing.failure import CheckFailure, Inconclusive, NotApplicable
from imle.testing.instance import Floats, Instance
from imle.testing.parametrize import parametrize_with_checks
from imle.testing.report import CheckOutcome, Report, State
from imle.testing.resolve import subjects_of
from imle.testing.run import check_solver
from imle.testing.subject import Case, Subject

__all__ = [
    "CHECKS",
    "Case",
    "Check",
    "CheckFailure",
    "CheckOutcome",
    "Floats",
    "Inconclusive",
    "Instance",
    "NotApplicable",
    "Report",
    "State",
    "Subject",
    "check_solver",
    "parametrize_with_checks",
    "subjects_of",
]
