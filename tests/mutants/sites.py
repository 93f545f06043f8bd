"""Where a source can be changed, and to what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.BitAnd: "|",
    ast.BitOr: "&",
}
_SKIPPED = {"__repr__", "extra_repr", "__str__"}


class Site(NamedTuple):
    """One change.

    Attributes:
        file: the source.
        start, end: offsets in its bytes.
        text: what stands there instead.
    """

    file: Path
    start: int
    end: int
    text: str

    def applied(self) -> str:
        """The whole source, changed."""
        content = self.file.read_bytes()
        return (content[: self.start] + self.text.encode() + content[self.end :]).decode()

    def shown(self) -> str:
        """The line and what becomes of it."""
        content = self.file.read_bytes()
        line = content[: self.start].count(b"\n")
        before = content.decode().splitlines()[line].strip()
        return f"{line + 1}: {before}  ->  {self.applied().splitlines()[line].strip()}"


def sites(file: Path) -> list[Site]:
    """All changes of a file, in a fixed order. Texts, annotations and what only shows objects stay."""
    source = file.read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def place(node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset

    module = ast.parse(source)
    module.body = [part for part in module.body if not isinstance(part, (ast.Assign, ast.AnnAssign))]  # tuned numbers
    found = []
    for node in _visited(module):
        for old, text in _changes(node):
            start, end = place(old)
            found.append(Site(file, start, end, text))
    return sorted(set(found))


def _visited(node: ast.AST) -> Iterator[ast.expr]:
    """Expressions that do something."""
    if isinstance(node, ast.FunctionDef) and node.name in _SKIPPED:
        return
    if isinstance(node, (ast.Raise, ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom)):
        return  # messages; what is assumed
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return  # what is assumed, again
    if isinstance(node, ast.expr):
        yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _visited(child)


def _changes(node: ast.expr) -> Iterator[tuple[ast.expr, str]]:
    """An expression of the source, and another to take its place."""
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in _COMPARISONS:
            yield node, f"({ast.unparse(left)} {_COMPARISONS[type(operator)]} {ast.unparse(right)})"
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            if not _is_type(node):
                yield node, f"(({ast.unparse(left)}) {_OPERATORS[type(operator)]} ({ast.unparse(right)}))"
        case ast.BoolOp(op=operator, values=[first, *rest]):
            word = "or" if isinstance(operator, ast.And) else "and"
            yield node, "(" + f" {word} ".join(f"({ast.unparse(value)})" for value in (first, *rest)) + ")"
            yield node, f"({ast.unparse(first)})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield node, f"bool({ast.unparse(operand)})"
        case ast.UnaryOp(op=ast.USub(), operand=operand) if not isinstance(operand, ast.Constant):
            yield node, f"(+({ast.unparse(operand)}))"
        case ast.Constant(value=bool() as value):
            yield node, str(not value)
        case ast.Constant(value=int() as value):
            yield node, str(value + 1)
        case ast.Constant(value=float() as value) if value:
            yield node, repr(value * 2)
        case ast.IfExp(test=test, body=body, orelse=other):
            yield node, f"({ast.unparse(other)} if {ast.unparse(test)} else {ast.unparse(body)})"
        case ast.Call(args=[first, *_], keywords=[]) if isinstance(node.func, ast.Name) and node.func.id == "sorted":
            yield node, f"list({ast.unparse(first)})"
        case _:
            return


def _is_type(node: ast.BinOp) -> bool:
    """Whether this is a union of types, as in isinstance."""
    text = ast.unparse(node)
    return isinstance(node.op, ast.BitOr) and ("None" in text or "int" in text or text[:1].isupper())
