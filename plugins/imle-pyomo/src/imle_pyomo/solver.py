"""The solver: a Pyomo model is read once, HiGHS or a compiled kernel solves it for every objective."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from imle.solvers import AwaitingInstance, PreparedSolver
from imle_highs.models import ModelSolver
from imle_linear.parametric import PreparedModel, Values
from imle_pyomo.model import read
from imle_pyomo.plugin import PYOMO


@dataclass(frozen=True)
class PyomoSolver(ModelSolver, spec=PYOMO):
    """argmin (or argmax) of the objective of a Pyomo model, as its learned Params or Vars have it.

    See `ModelSolver` for the options.
    """

    def prepare(
        self, model: Any = None, parameters: Any = None, variables: Any = None, values: Any = None
    ) -> PreparedSolver:
        """Bind to a model.

        Args:
            model: a ConcreteModel, or a constructed block; it is not changed, and later changes to it have no effect
                here. Copies of a layer, and worker processes, read it again.
            parameters: the learned mutable Params, which the objective has and nothing else: one, several, or their
                names; by default all such Params.
            variables: learned Vars instead, whose coefficients then come from objectives alone; by default all if there
                are no learned Params.
            values: of mutable Params that are not learned, a mapping from names, or all in one vector; by default their
                own.

        Raises:
            InstanceError: another sense; what is not linear in Vars, but for a convex quadratic objective; or values
                for Params that do not stand affinely.
        """
        who = PYOMO.id
        if model is None:
            return AwaitingInstance(who, "expected a model, found none", "model=...")
        found = read(who, self.sense, model, parameters, variables)
        given = Values(who, found.parameters, found.program.width, values, found.refused)
        return PreparedModel(who, self.sense, found.program, found.learned, given, self.bind, self.bind_quadratic)
