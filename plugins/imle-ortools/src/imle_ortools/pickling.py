"""Layers are copied and sent to other processes; OR-Tools' models lack what that takes, so it is given to them.

Importing this module registers reducers (`copyreg`). Variables keep belonging to the copy of their model.
"""

from __future__ import annotations

import copyreg

from ortools.sat.python import cp_model
from ortools.sat.python.cp_model_helper import CpModelProto, IntVar, Literal, NotBooleanVariable


def _proto_from(text: str) -> CpModelProto:
    proto = CpModelProto()
    if not proto.parse_text_format(text):
        raise ValueError("the text is not a CP-SAT model of this version of OR-Tools")
    return proto


def _negated(literal: IntVar) -> Literal:
    return literal.negated()


def _reduce_proto(proto: CpModelProto) -> tuple[object, ...]:
    return _proto_from, (str(proto),)


def _reduce_model(model: cp_model.CpModel) -> tuple[object, ...]:
    return cp_model.CpModel, (model.proto,)


def _reduce_variable(variable: IntVar) -> tuple[object, ...]:
    return IntVar, (variable.model_proto, variable.index)


def _reduce_negated(literal: NotBooleanVariable) -> tuple[object, ...]:
    return _negated, (literal.negated(),)


copyreg.pickle(CpModelProto, _reduce_proto)  # type: ignore[arg-type]
copyreg.pickle(cp_model.CpModel, _reduce_model)  # type: ignore[arg-type]
copyreg.pickle(IntVar, _reduce_variable)  # type: ignore[arg-type]
copyreg.pickle(NotBooleanVariable, _reduce_negated)  # type: ignore[arg-type]
