"""A CP-SAT model and the variables whose coefficients are learned, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model
from ortools.sat.python.cp_model_helper import CpModelProto, IntVar, NotBooleanVariable

from imle.errors import InstanceError
from imle.solvers import Sense
from imle_ortools.plugin import CP_SAT

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Learned:
    """What a prepared CP-SAT solver knows about its model, which is a copy of the user's without objective.

    There are n places (entries of the objective) and k columns (variables with a coefficient, learned or fixed). A
    place reads `sign * variable + shift`: (1, 0) for variables and (-1, 1) for negated literals.

    Attributes:
        model: never changed; solves work on copies of it.
        shape: of the objective, as the user nested the variables.
        places: `[n]` the column of each place.
        signs, shifts: `[n]`.
        variables: `[k]` indices in the model.
        lows, highs: `[k]` bounds of the variables.
        fixed: `[k]` coefficients that are not learned, in the sense of the layer.
        offset: constant of the model's objective.
    """

    model: cp_model.CpModel
    shape: tuple[int, ...]
    places: Ints
    signs: Floats
    shifts: Floats
    variables: Ints
    lows: Floats
    highs: Floats
    fixed: Floats
    offset: float

    @property
    def constant(self) -> NDArray[np.bool_]:
        """`[k]` variables that can only have one value."""
        flags: NDArray[np.bool_] = self.lows == self.highs
        return flags

    @property
    def sizes(self) -> Floats:
        """`[k]` how large variables can be."""
        return np.maximum(np.abs(self.lows), np.abs(self.highs))

    def names(self) -> list[str] | None:
        """`[n]` what places are called, a negated literal as OR-Tools prints it; None if one has no name."""
        variables = self.model.proto.variables
        names = [variables[index].name for index in self.variables[self.places].tolist()]
        if not all(names):
            return None
        return [f"not({name})" if sign < 0 else name for name, sign in zip(names, self.signs.tolist(), strict=True)]

    def pins(self, given: Floats) -> dict[int, int] | None:
        """Values of variables, by number, for values `[n]` of places; None if no variables can have those."""
        if not (np.isfinite(given).all() and (given == np.rint(given)).all()):
            return None
        values = ((given - self.shifts) * self.signs).tolist()
        pins: dict[int, int] = {}
        for index, value in zip(self.variables[self.places].tolist(), values, strict=True):
            ends = list(self.model.proto.variables[index].domain)
            inside = any(low <= value <= high for low, high in zip(ends[::2], ends[1::2], strict=True))
            if not inside or pins.setdefault(index, int(value)) != value:
                return None
        return pins

    def coefficients(self, objective: Floats) -> Floats:
        """`[N, n]` entries to `[N, k]` coefficients; entries of the same variable add up."""
        columns = np.tile(self.fixed, (len(objective), 1))
        with np.errstate(over="ignore"):
            np.add.at(columns.T, self.places, (objective * self.signs).T)
        return columns

    def read(self, values: Floats) -> Floats:
        """`[k]` values of variables to `[n]` values of places."""
        read: Floats = values[self.places] * self.signs + self.shifts
        return read


def learned(model: Any, variables: Any, sense: Sense) -> Learned:
    """Read a model and its learned variables.

    Raises:
        InstanceError: not a model, an invalid one, one with the other sense, or not variables of it.
    """
    if not isinstance(model, cp_model.CpModel):
        raise InstanceError(
            f"{CP_SAT.id}: model: expected a cp_model.CpModel, found {type(model).__name__}",
            hint="from ortools.sat.python import cp_model; model = cp_model.CpModel()",
        )
    wrong = model.validate().strip()
    if wrong:
        raise InstanceError(f"{CP_SAT.id}: model: OR-Tools calls it invalid: {wrong}")
    nested = _nested(variables)
    indices = np.array(
        [_index(model, item, place) for place, item in np.ndenumerate(nested)],
        dtype=np.int64,
    )
    negated = indices < 0
    own = np.where(negated, -indices - 1, indices)
    objective, offset = _objective(model.proto, sense)
    unique, places = np.unique(own, return_inverse=True)
    rest = sorted(objective.keys() - set(unique.tolist()))
    chosen = np.concatenate([unique, np.array(rest, dtype=np.int64)])
    domains = [model.proto.variables[index].domain for index in chosen.tolist()]
    return Learned(
        model=_without_objective(model),
        shape=nested.shape,
        places=places.reshape(-1).astype(np.int64),
        signs=np.where(negated, -1.0, 1.0),
        shifts=np.where(negated, 1.0, 0.0),
        variables=chosen,
        lows=np.array([domain[0] for domain in domains], dtype=np.float64),
        highs=np.array([domain[len(domain) - 1] for domain in domains], dtype=np.float64),
        fixed=np.array([0.0] * len(unique) + [objective[index] for index in rest], dtype=np.float64),
        offset=offset,
    )


def _nested(variables: Any) -> NDArray[np.object_]:
    """An array of whatever was given, in the shape it was nested."""
    if isinstance(variables, Mapping):
        raise InstanceError(
            f"{CP_SAT.id}: variables: expected an array or nested lists, found {type(variables).__name__}",
            hint="its order would decide which entry belongs to which variable; list its values in the order you want",
        )
    try:
        nested = np.array(variables, dtype=object)
    except ValueError:
        nested = np.empty(0, dtype=object)  # lists of lists and scalars, which numpy cannot place
        ragged = True
    else:
        ragged = any(isinstance(item, (list, tuple)) for item in nested.flat)
    if ragged:
        raise InstanceError(
            f"{CP_SAT.id}: variables: expected lists of equal lengths, found a ragged nesting",
            hint="fill up with model.new_constant(0), or give one flat list",
        )
    if not nested.ndim or not nested.size:
        found = type(variables).__name__ if not nested.ndim else f"shape {list(nested.shape)}"
        raise InstanceError(
            f"{CP_SAT.id}: variables: expected at least one variable in an array or list, found {found}",
        )
    return nested


def _index(model: cp_model.CpModel, item: Any, place: tuple[int, ...]) -> int:
    """The index of a variable in the model; negative for a negated literal."""
    where = f"{CP_SAT.id}: variables: {list(place)}"
    if not isinstance(item, (IntVar, NotBooleanVariable)):
        hint = (
            "model.new_constant(value) makes a variable of a number"
            if isinstance(item, (int, np.integer))
            else "make a variable for an expression: y = model.new_int_var(lb, ub, 'y'); model.add(y == expression)"
        )
        raise InstanceError(f"{where}: expected a variable or literal, found {type(item).__name__}", hint=hint)
    base: Any = item if isinstance(item, IntVar) else item.negated()
    if base.model_proto is not model.proto:
        raise InstanceError(
            f"{where}: expected a variable of the model given, found {item} of another model",
            hint="clones have variables of their own: model.get_int_var_from_proto_index(variable.index)",
        )
    return int(item.index)


def _objective(proto: CpModelProto, sense: Sense) -> tuple[dict[int, float], float]:
    """Coefficients of the user's objective by variable, and its offset."""
    if proto.has_floating_point_objective():
        real = proto.floating_point_objective
        found, factor, own = ("max" if real.maximize else "min"), 1.0, real
    elif proto.has_objective():
        whole = proto.objective
        factor = whole.scaling_factor or 1.0  # OR-Tools reads 0 as "not set"
        found, own = ("max" if factor < 0 else "min"), whole
    else:
        return {}, 0.0
    if len(own.vars) and found != sense:
        verbs = {"max": "maximises", "min": "minimises"}
        raise InstanceError(
            f'{CP_SAT.id}: model: its objective {verbs[found]}, but the layer has sense="{sense}"',
            hint=f'give sense="{found}", or turn the fixed coefficients around',
        )
    coefficients: dict[int, float] = {}
    for index, coefficient in zip(own.vars, own.coeffs, strict=True):
        coefficients[index] = coefficients.get(index, 0.0) + factor * coefficient
    return coefficients, factor * own.offset


def _without_objective(model: cp_model.CpModel) -> cp_model.CpModel:
    copy = model.clone()
    copy.proto.clear_objective()
    copy.proto.clear_floating_point_objective()
    return copy
