"""The weights of rules: numbers, sums of them, and functions of them."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping

# ProbCog's and pracmln's logx: probabilities of zero have a weight, if a bad one.
_LOG_OF_ZERO = -100.0


def _logx(number: float) -> float:
    return math.log(number) if number > 0 else _LOG_OF_ZERO


_FUNCTIONS: Mapping[str, Callable[[float], float]] = {
    "log": math.log,
    "ln": math.log,
    "logx": _logx,
    "exp": math.exp,
    "sqrt": math.sqrt,
    "float": float,
}
_OPERATIONS: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
}


def weight_of(text: str) -> float:
    """The number that a text such as `0.5 + log(0.9/0.1)` stands for, as the grammar's WEIGHT has it.

    Raises:
        ArithmeticError, ValueError: it stands for none, as log(0) does.
    """
    plain = text.strip().lower()
    if re.fullmatch(r"[+-]?[\d.]+(?:e[+-]?\d+)?|[+-]?(?:inf(?:inity)?|nan)", plain):
        return float(plain)
    # Python has no numbers such as 05.
    return _value(ast.parse(re.sub(r"(?<![\d.e])0+(?=\d)", "", plain), mode="eval").body)


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name):
            return float(name)
        case ast.UnaryOp(op=sign, operand=operand):
            return -_value(operand) if isinstance(sign, ast.USub) else _value(operand)
        case ast.BinOp(left=left, op=operator, right=right):
            return _OPERATIONS[type(operator)](_value(left), _value(right))
        case ast.Call(func=ast.Name(id=name), args=[argument]):
            return _FUNCTIONS[name](_value(argument))
    raise ValueError(f"expected a number, found {ast.unparse(node)}")
