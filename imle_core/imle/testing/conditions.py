"""Why a check may not apply, known before it is made."""

from __future__ import annotations

from functools import partial

from imle.solvers.protocol import row_shapes_of
from imle.testing.check import Condition
from imle.testing.subject import Case, Subject


def announced(subject: Subject) -> str:
    """The solver has a plugin."""
    return "" if subject.module else "the solver has no plugin"


def has_spec(subject: Subject) -> str:
    """The solver has a plugin, or a spec without one."""
    stated = subject.module or getattr(subject.target, "spec", None) is not None
    return "" if stated else "the solver has neither a plugin nor a spec"


def has_class(subject: Subject) -> str:
    """The solver was not given as an object."""
    return "" if isinstance(subject.target, type) else "a solver object was given, whose class is not checked"


def claims(capability: str) -> Condition:
    """The spec claims a capability."""
    return partial(_claims, capability)


def _claims(capability: str, about: Subject | Case) -> str:
    return "" if getattr(about.spec.capabilities, capability) else f"the spec does not claim {capability}"


def knows_solutions(case: Case) -> str:
    """The instance lists its solutions."""
    return "" if case.instance.solutions is not None else "the instance lists no solutions"


def knows_feasible(case: Case) -> str:
    """The instance can tell which solutions are allowed."""
    known = case.instance.solutions is not None or case.instance.feasible is not None
    return "" if known else "the instance has neither solutions nor feasible"


def says_exact(case: Case) -> str:
    """The solver promises the best."""
    return "" if case.spec.exact else "the spec says exact=False"


def knows_best(case: Case) -> str:
    """The instance can tell the best value."""
    known = case.instance.solutions is not None or case.instance.oracle is not None
    return "" if known else "the instance has neither solutions nor oracle"


def has_rows(case: Case) -> str:
    """The instance mixes row parameters."""
    return "" if case.instance.rows else "the instance has no rows"


def has_padding(case: Case) -> str:
    """Row parameters of the solver say how much of an objective is padding."""
    padded = case.instance.rows and row_shapes_of(case.prepare()) is not None
    return "" if padded else "the prepared solver has no row_shapes, or the instance no rows"


def has_duals(case: Case) -> str:
    """The spec has parameters in which values can be differentiated."""
    return "" if any(p.dual for p in case.spec.instance) else "the spec has no parameter with dual"


def has_learned(case: Case) -> str:
    """The spec has parameters that noise may be put on."""
    return "" if any(p.learned for p in case.spec.instance) else "the spec has no parameter with learned"
