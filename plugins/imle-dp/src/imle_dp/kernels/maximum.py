"""Maxima that LLVM vectorises.

It leaves loops alone that keep the largest of some numbers, since a nan among them would make their order count. Here
are none: what is added up is finite or -inf.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from imle.solvers.compiled import Floats, compiled


def larger(one: float, other: float) -> float:
    """The larger of two numbers, of which none is nan."""
    return one if one > other else other


def _maxnum(context: Any, one: Any, other: Any) -> Any:
    """LLVM's instruction, with the promise that there is no nan, and that 0.0 and -0.0 are the same."""
    del context, one, other
    double = ir.DoubleType()

    def generate(context: Any, builder: Any, signature: Any, numbers: Any) -> Any:
        del context, signature
        function = builder.module.declare_intrinsic("llvm.maxnum", [double], ir.FunctionType(double, [double, double]))
        return builder.call(function, numbers, fastmath=("nnan", "nsz"))

    return types.float64(types.float64, types.float64), generate


_larger: Any = intrinsic(_maxnum)


@overload(larger)
def _compiled_larger(one: Any, other: Any) -> Any:
    del one, other

    def chosen(one: Any, other: Any) -> Any:
        return _larger(one, other)

    return chosen


@compiled
def largest_sum(one: Floats, other: Floats) -> float:
    """The largest sum of an entry of the first and the one of the second at the same place; -inf if there is none."""
    value = -np.inf
    for place in range(len(one)):
        value = larger(value, one[place] + other[place])
    return value
