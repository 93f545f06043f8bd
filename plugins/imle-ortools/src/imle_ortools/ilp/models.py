"""OR-Tools' own models as linear programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from ortools.linear_solver.linear_solver_pb2 import MPModelProto
from ortools.linear_solver.python import model_builder
from ortools.linear_solver.pywraplp import Solver
from ortools.math_opt import model_pb2
from ortools.math_opt.python import mathopt

from imle.errors import InstanceError
from imle.solvers import Sense
from imle_linear import arrays
from imle_linear.arrays import Floats
from imle_linear.program import LinearProgram, fixed_costs, learned_variables


class Read(NamedTuple):
    """A model in arrays: n variables, entries of the matrix as (row, column, value).

    `column_of` has the place of each variable by the number the model knows it by.
    """

    lower: Floats
    upper: Floats
    integer: Sequence[bool]
    names: Sequence[str]
    rows: Sequence[int]
    columns: Sequence[int]
    values: Sequence[float]
    row_lower: Floats
    row_upper: Floats
    costs: Floats
    offset: float
    maximise: bool
    column_of: Mapping[int, int]


def from_model(who: str, model: Any, *, sense: Sense, variables: Any, costs: Any) -> LinearProgram:
    """Check and convert a model.

    Args:
        who: the solver, for messages.
        model: a model_builder.Model, mathopt.Model, pywraplp.Solver, or the proto of one.
        sense: the solver's; a model with coefficients of variables that are not learned must agree with it.
        variables: the learned variables: the model's own, their names or numbers; None for all.
        costs: coefficients of the others instead of the model's.

    Raises:
        InstanceError: no such model, or one that is not linear.
    """
    where = f"{who}: model"
    read = _read(where, model)
    n = len(read.lower)
    if n == 0:
        raise InstanceError(f"{where}: expected at least one variable, found none")
    if variables is not None and not isinstance(variables, str) and hasattr(variables, "__iter__"):
        variables = [_place(entry, read.column_of) for entry in variables]
    learned = learned_variables(who, variables, n, tuple(read.names))
    fixed = fixed_costs(who, read.costs if costs is None else costs, learned, n)
    own_sense: Sense = "max" if read.maximise else "min"
    if costs is None and fixed.any() and own_sense != sense:
        raise InstanceError(
            f"{where}: expected a model to be read as sense={sense!r}, found one that says {own_sense!r} and has "
            "coefficients for variables that are not learned",
            hint=f"give sense={own_sense!r}, or costs=... in the sense you mean",
        )
    lower, upper = arrays.bounds(where, np.column_stack([read.lower, read.upper]), n)
    size = len(read.row_lower), n
    entries = arrays.numbers(where, read.values)
    places = np.array(read.rows, np.int64), np.array(read.columns, np.int64)
    return LinearProgram(
        matrix=arrays.checked(where, arrays.from_entries(*places, entries, size)),
        row_lower=_ends(where, read.row_lower),
        row_upper=_ends(where, read.row_upper),
        lower=lower,
        upper=upper,
        integer=np.array(read.integer, np.bool_),
        learned=learned,
        costs=fixed,
        offset=read.offset if own_sense == sense else -read.offset,
        names=tuple(read.names),
    )


def _read(where: str, model: Any) -> Read:
    if isinstance(model, model_builder.Model):
        model = model.export_to_proto()
    elif isinstance(model, Solver):
        native, model = model, MPModelProto()
        native.ExportModelToProto(model)
    elif isinstance(model, mathopt.Model):
        model = model.export_model()
    if isinstance(model, MPModelProto):
        return _from_mp(where, model)
    if isinstance(model, model_pb2.ModelProto):
        return _from_math_opt(where, model)
    raise InstanceError(
        f"{where}: expected a model_builder.Model, mathopt.Model, pywraplp.Solver, a proto of one, or the path of an "
        f"MPS or LP file, found {type(model).__name__}",
        hint="a cp_model.CpModel belongs to ortools-cp-sat" if "CpModel" in type(model).__name__ else "",
    )


def _from_mp(where: str, proto: Any) -> Read:
    if proto.general_constraint:
        kind = proto.general_constraint[0].WhichOneof("general_constraint")
        raise InstanceError(f"{where}: expected linear constraints, found {kind}")
    if len(proto.quadratic_objective.coefficient):
        raise InstanceError(f"{where}: expected a linear objective, found a quadratic one")
    variables, constraints = proto.variable, proto.constraint
    return Read(
        lower=np.array([v.lower_bound for v in variables]),
        upper=np.array([v.upper_bound for v in variables]),
        integer=[v.is_integer for v in variables],
        names=[v.name for v in variables],
        rows=[number for number, c in enumerate(constraints) for _ in c.var_index],
        columns=[column for c in constraints for column in c.var_index],
        values=[value for c in constraints for value in c.coefficient],
        row_lower=np.array([c.lower_bound for c in constraints]),
        row_upper=np.array([c.upper_bound for c in constraints]),
        costs=np.array([v.objective_coefficient for v in variables]),
        offset=float(proto.objective_offset),
        maximise=bool(proto.maximize),
        column_of={number: number for number in range(len(variables))},
    )


_NOT_LINEAR = (
    "auxiliary_objectives",
    "quadratic_constraints",
    "second_order_cone_constraints",
    "sos1_constraints",
    "sos2_constraints",
    "indicator_constraints",
)


def _from_math_opt(where: str, proto: Any) -> Read:
    for field in _NOT_LINEAR:
        if len(getattr(proto, field)):
            raise InstanceError(f"{where}: expected linear constraints and one objective, found {field}")
    if len(proto.objective.quadratic_coefficients.coefficients):
        raise InstanceError(f"{where}: expected a linear objective, found a quadratic one")
    variables, constraints, matrix = proto.variables, proto.linear_constraints, proto.linear_constraint_matrix
    column = {key: number for number, key in enumerate(variables.ids)}  # ids have gaps where variables were deleted
    row = {key: number for number, key in enumerate(constraints.ids)}
    costs = np.zeros(len(column))
    linear = proto.objective.linear_coefficients
    costs[[column[key] for key in linear.ids]] = list(linear.values)
    return Read(
        lower=np.array(variables.lower_bounds, np.float64),
        upper=np.array(variables.upper_bounds, np.float64),
        integer=list(variables.integers),
        names=list(variables.names) or [""] * len(column),
        rows=[row[key] for key in matrix.row_ids],
        columns=[column[key] for key in matrix.column_ids],
        values=list(matrix.coefficients),
        row_lower=np.array(constraints.lower_bounds, np.float64),
        row_upper=np.array(constraints.upper_bounds, np.float64),
        costs=costs,
        offset=float(proto.objective.offset),
        maximise=bool(proto.objective.maximize),
        column_of=column,
    )


def _place(variable: Any, column_of: Mapping[int, int]) -> Any:
    """The place of one of the model's own variables; anything else as it is."""
    for name in ("index", "id"):  # model_builder and pywraplp; MathOpt
        held = getattr(variable, name, None)
        if held is not None and not isinstance(variable, (int, str)):
            number = held() if callable(held) else held
            return column_of.get(number, variable)
    return variable


def _ends(where: str, given: Floats) -> Floats:
    if np.isnan(given).any():
        raise InstanceError(f"{where}: expected right sides that are numbers, found nan")
    return np.where(np.abs(given) >= arrays.INFINITE, np.copysign(np.inf, given), given)
