"""Instances as linear programs: matrices, or MPS and LP files."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import highspy
import numpy as np

from imle.errors import InstanceError
from imle.solvers import Sense
from imle_highs import mps
from imle_highs.native import QuietHighs
from imle_linear import arrays
from imle_linear.arrays import Floats
from imle_linear.instance import ProgramInput, refuse_beside_model
from imle_linear.program import LinearProgram, fixed_costs, from_matrices, learned_variables

_HARMLESS = re.compile("appears more than once in this constraint")
"""Warnings that leave no doubt about what is meant: in LP files, terms of one variable are added up."""


def read(
    who: str,
    sense: Sense,
    instance: ProgramInput,
    *,
    integrality: Any,
    default_integrality: int,
    quadratic: bool = False,
) -> LinearProgram:
    """Check and convert an instance; of a file with a quadratic term, where that is allowed, all but this term.

    Raises:
        InstanceError: the parts do not fit together, or there is a file besides them.
    """
    if instance.model is None:
        return from_matrices(
            who,
            A_ub=instance.A_ub,
            b_ub=instance.b_ub,
            A_eq=instance.A_eq,
            b_eq=instance.b_eq,
            bounds=instance.bounds,
            integrality=default_integrality if integrality is None else integrality,
            variables=instance.variables,
            costs=instance.costs,
        )
    refuse_beside_model(who, instance, integrality)
    return from_file(
        who, instance.model, sense=sense, variables=instance.variables, costs=instance.costs, quadratic=quadratic
    )


def quadratic_term(who: str, path: Any, sense: Sense) -> Floats:
    """Q of a file that `read` has taken: `[n, n]`, of x'Qx/2 to be minimised, whatever the sense.

    Raises:
        InstanceError: the file has another sense.
    """
    highs = QuietHighs()
    highs.readModel(os.fsdecode(path))
    lp, hessian = highs.getLp(), highs.getModel().hessian_
    n = int(lp.num_col_)
    found = np.zeros((n, n))
    start = np.array(hessian.start_, dtype=np.int64)
    column = np.repeat(np.arange(len(start) - 1), np.diff(start))
    index, value = np.array(hessian.index_, dtype=np.int64), np.array(hessian.value_)
    found[index, column] = found[column, index] = value
    maximises = lp.sense_ == highspy.ObjSense.kMaximize
    if found.any() and maximises != (sense == "max"):
        other = "max" if maximises else "min"
        raise InstanceError(
            f"{who}: model {os.fsdecode(path)!r}: expected a file to be read as sense={sense!r}, found one that says "
            f"{other!r} and has a quadratic term",
            hint=f"give sense={other!r}",
        )
    return -found if maximises else found


def from_file(
    who: str, path: Any, *, sense: Sense, variables: Any, costs: Any, quadratic: bool = False
) -> LinearProgram:
    """Read a model.

    Args:
        who: the solver, for messages.
        path: of an MPS or LP file; what it says about variables, rows and integrality holds.
        sense: the solver's; a file with coefficients of variables that are not learned must agree with it.
        variables: indices or column names of the learned variables; None for all.
        costs: coefficients of the others instead of the file's.
        quadratic: whether there may be a quadratic term, which is then left out.

    Raises:
        InstanceError: there is no such file, HiGHS cannot read it, or it is not linear.
    """
    try:
        name = os.fsdecode(path)
    except TypeError:
        raise InstanceError(f"{who}: model: expected the path of an MPS or LP file, found {path!r}") from None
    where = f"{who}: model {name!r}"
    lp = _read(where, name, quadratic)
    n = int(lp.num_col_)
    names = tuple(lp.col_names_)
    learned = learned_variables(who, variables, n, names)
    fixed = fixed_costs(who, np.array(lp.col_cost_) if costs is None else costs, learned, n)
    file_sense = "max" if lp.sense_ == highspy.ObjSense.kMaximize else "min"
    if costs is None and fixed.any() and file_sense != sense:
        raise InstanceError(
            f"{where}: expected a file to be read as sense={sense!r}, found one that says {file_sense!r} and has "
            "coefficients for variables that are not learned",
            hint=f"give sense={file_sense!r}, or costs=... in the sense you mean",
        )
    entries = arrays.numbers(where, lp.a_matrix_.value_)
    starts = np.array(lp.a_matrix_.start_, dtype=np.int64)
    index = np.array(lp.a_matrix_.index_, dtype=np.int64)
    major = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    by_column = lp.a_matrix_.format_ == highspy.MatrixFormat.kColwise
    rows, columns = (index, major) if by_column else (major, index)
    lower, upper = arrays.bounds(where, np.column_stack([lp.col_lower_, lp.col_upper_]), n)
    integer = [kind == highspy.HighsVarType.kInteger for kind in lp.integrality_] or [False] * n
    return LinearProgram(
        matrix=arrays.checked(where, arrays.from_entries(rows, columns, entries, (int(lp.num_row_), n))),
        row_lower=np.array(lp.row_lower_, dtype=np.float64),
        row_upper=np.array(lp.row_upper_, dtype=np.float64),
        lower=lower,
        upper=upper,
        integer=np.array(integer, dtype=np.bool_),
        learned=learned,
        costs=fixed,
        offset=float(lp.offset_) if file_sense == sense else -float(lp.offset_),
        names=names,
    )


def _read(where: str, path: str, quadratic: bool) -> highspy.HighsLp:
    if not os.path.isfile(path):
        raise InstanceError(f"{where}: expected an MPS or LP file, found no such file")
    if damaged := mps.damage(path):
        raise InstanceError(f"{where}: expected a file that can be unpacked, found a damaged one: {damaged}")
    highs = QuietHighs()
    highs.setOptionValue("small_matrix_value", arrays.LEAST)
    status, warning = _read_model(highs, path)
    if status == highspy.HighsStatus.kError:
        raise InstanceError(
            f"{where}: expected an MPS or LP file with a linear model, found one HiGHS cannot read",
            hint="names end in .mps or .lp (.gz too); quadratic constraints and SOS are not supported",
        )
    if warning:
        raise InstanceError(
            f"{where}: expected a file that HiGHS reads without a warning, found: {warning}",
            hint="what HiGHS warns of, it leaves out or changes; correct the file",
        )
    if highs.getHessianNumNz() and not quadratic:
        raise InstanceError(f"{where}: expected a linear objective, found a quadratic one", hint="use highs-qp")
    lp = highs.getLp()
    misread = mps.misread(path, spaces=any(" " in name for name in (*lp.col_names_, *lp.row_names_)))
    if misread:
        raise InstanceError(f"{where}: expected a number in line {misread.line}, found {misread.found!r}")
    semi = (highspy.HighsVarType.kSemiContinuous, highspy.HighsVarType.kSemiInteger)
    for number, kind in enumerate(lp.integrality_):
        if kind in semi:
            raise InstanceError(
                f"{where}: expected continuous and integer variables, found the semi-continuous variable "
                f"{lp.col_names_[number] if lp.col_names_ else number!r}",
                hint="model it with a 0/1 variable and two rows",
            )
    if not lp.num_col_:
        raise InstanceError(f"{where}: expected at least one variable, found none")
    return lp


def _read_model(highs: QuietHighs, path: str) -> tuple[highspy.HighsStatus, str]:
    """HiGHS' status, and the first warning it has of the file, if any; its status does not tell of all."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        highs.setOptionValue("log_to_console", False)
        highs.setOptionValue("log_file", str(log))
        highs.setOptionValue("output_flag", True)
        status = highs.readModel(path)
        highs.silent()
        highs.setOptionValue("log_file", "")  # closes it
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    warnings = [line.removeprefix("WARNING:").strip() for line in lines if line.startswith("WARNING:")]
    return status, next((warning for warning in warnings if not _HARMLESS.search(warning)), "")
