"""What the grammar expected, in words, and what the author may have meant."""

from __future__ import annotations

import re

from imle_mln.errors import MLNSyntaxError
from imle_mln.source import Source

_FORMULA = frozenset({"PREDICATE", "_NOT", "LPAR", "FORALL", "EXIST", "NAME", "NUMBER", "STRING"})
_GROUPS = (
    (_FORMULA | {"WEIGHT", "DOMAIN", "STAR"}, "a declaration, a rule"),
    (_FORMULA, "a formula"),
    (frozenset({"NAME", "NUMBER", "STRING"}), "a variable or a constant"),
    (frozenset({"_AND", "_OR", "_IMPLIES", "_IFF"}), "an operator (^, v, =>, <=>)"),
    (frozenset({"SIGN", "PREDICATE"}), "a ground literal"),
)
_WORDS = {
    "NAME": "a variable",
    "PREDICATE": "an atom",
    "ELLIPSIS": "'...'",
    "LPAR": "'('",
    "RPAR": "')'",
    "RBRACE": "'}'",
    "COMMA": "','",
    "PERIOD": "'.'",
    "PLUS": "'+'",
    "_NOT": "'!'",
    "_EQUAL": "'='",
    "_UNEQUAL": "'!='",
    "_NL": "the end of the line",
    "$END": "the end of the line",
}
# So far hints look to both sides.
_NEAR = 200
_FUNCTIONS = "functions are not supported: use a predicate with one more argument"
_OPERATORS = "the operators are ! (not), ^ (and), v (or), => and <=>, the quantifiers FORALL and EXIST"
_STAR = "'*' only declares a closed-world predicate; in formulas ('all signs') it is not supported"
# What the author may have meant: text before the place, text at the place, hint. The first that matches is shown.
_HINTS = tuple(
    (re.compile(rf"(?:{before})\Z", re.IGNORECASE), re.compile(at, re.IGNORECASE), hint)
    for before, at, hint in (
        ("", ":-", "datalog rules are not supported: write premise => conclusion"),
        ("", ":", "weights per ground atom (RockIt's 'conf:') go into the layer's unary instead"),
        (r"[(,=]\s*[^\W\d]\w*[ \t]*", r"\(", _FUNCTIONS),
        (r"\)\s*", r"!?=(?!>)", _FUNCTIONS),
        (r"\W(?:exists|for_?all|all|some)\s+", "", _OPERATORS),
        ("", r"[&|~\u2200-\u22ff\u2190-\u21ff¬]|-+>|(?:and|or|not|exists)\b", _OPERATORS),
        (r"(?:^|[\n(!^]|\Wv|>)\s*(?:[+-]?[\d.]+\s+)?", r"\+", "'+' belongs in the arguments of an atom"),
        ("", r"[<>/%+-]", "comparisons and arithmetic (linked-in functions) are not supported: use predicates"),
        ("", "#", "programs cannot include others: put them in one text"),
        ("", r"\*", _STAR),
        (r"(?:^|\n)[ \t]*\*[^\n]*", r"[.=<^]|v\b", _STAR),
        ("", '"', "a quoted constant ends on its line, with a quotation mark"),
    )
)


def unexpected(source: Source, offset: int, found: str, accepted: set[str]) -> MLNSyntaxError:
    """The error for a place where the grammar cannot go on.

    Args:
        source: the text.
        offset: of the place.
        found: the text there; "" at the end of a line.
        accepted: names of the terminals that could have come.
    """
    before, rest = source.code[:offset], source.code[offset : offset + _NEAR]
    hint = _unclosed(before, found, source.first) or next(
        (h for b, at, h in _HINTS if b.search(before[-_NEAR:]) and at.match(rest)), None
    )
    if hint is None and accepted == {"_EQUAL", "_UNEQUAL"}:
        hint = "an atom has its arguments in parentheses"
    expected = _in_words(accepted)
    shown = repr(found) if found else "the end of the line"
    return source.error(f"expected {expected}, found {shown}", offset, found=found, expected=expected, hint=hint)


def _in_words(accepted: set[str]) -> str:
    left, words = set(accepted), []
    for group, name in _GROUPS:
        if group <= left:
            words.append(name)
            left -= group
    words += sorted({_WORDS[name] for name in left})
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _unclosed(before: str, found: str, first: int) -> str | None:
    """A hint at the innermost open parenthesis, if its line ended without closing it."""
    opened: list[int] = []
    for mark in re.finditer(r'"(?:\\.|[^"\\\n])*+"?|[(){}]', before):
        if mark[0] in "({":
            opened.append(mark.start())
        elif mark[0] in ")}" and opened:
            opened.pop()
    if not opened or (found and "\n" not in before[opened[-1] :]):
        return None
    line, column = first + before.count("\n", 0, opened[-1]), opened[-1] - before.rfind("\n", 0, opened[-1])
    return f"the {before[opened[-1]]!r} at line {line}, column {column} is not closed"
