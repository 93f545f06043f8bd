"""What the grammar expected, in words, and what the author may have meant."""

from __future__ import annotations

import re

from imle_mln.errors import MLNSyntaxError
from imle_mln.source import Source

_TERM = frozenset({"NAME", "NUMBER", "STRING", "CONSTANT"})
_FORMULA = _TERM | {"PREDICATE", "_NOT", "LPAR", "FORALL", "EXIST", "STAR"}
_LOGIC = frozenset({"_AND", "_OR", "_IMPLIES", "_IFF", "COMMA"})
_COMPARISON = frozenset({"_EQUAL", "_UNEQUAL", "COMPARE"})
_GROUPS = (
    (_FORMULA | {"WEIGHT", "DOMAIN", "COUNTED", "DIRECTIVE"}, "a declaration, a rule"),
    (_FORMULA, "a formula"),
    (_TERM | {"PREDICATE", "LPAR"}, "a variable or a constant"),
    (_TERM, "a variable or a constant"),
    (_LOGIC, "an operator (^, v, =>, <=>)"),
    (frozenset({"PLUS", "MINUS"}), "an operator (+, -, *, /)"),
    (_COMPARISON, "a comparison (=, !=, <, <=, >, >=)"),
    (frozenset({"SIGN", "PREDICATE", "BARE"}), "a ground literal"),
    (frozenset({"BARE", "STRING"}), "a constant"),
)
_ARITHMETIC = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "STEP"})
# What could stand somewhere, but is not told where something of these could, too.
_UNTOLD = (
    ("MINUS", _ARITHMETIC),
    ("_AND", _COMPARISON | {"_IF", "_COLON"}),
    ("_EQUAL", frozenset({"_COLON"})),
    ("PERIOD", frozenset({"_IF"})),
    ("_NOT", frozenset({"_QUESTION"})),
    ("LPAR", frozenset({"LSQB"})),
    ("SIGN", frozenset({"STRING", "DOMAIN"})),
)
_WORDS = {
    "NAME": "a variable",
    "PREDICATE": "an atom",
    "ELLIPSIS": "'...'",
    "LPAR": "'('",
    "RPAR": "')'",
    "RSQB": "']'",
    "RBRACE": "'}'",
    "COMMA": "','",
    "PERIOD": "'.'",
    "PLUS": "'+'",
    "NUMBER": "a number",
    "BARE": "a constant",
    "STRING": "a quoted constant",
    "COMPARE": "a comparison",
    "_IF": "':-'",
    "_NOT": "'!'",
    "_QUESTION": "'?'",
    "_COLON": "':'",
    "_EQUAL": "'='",
    "_UNEQUAL": "'!='",
    "_NL": "the end of the line",
    "$END": "the end of the line",
}
# So far hints look to both sides.
_NEAR = 200
_OPERATORS = "the operators are ! (not), ^ (and), v (or), => and <=>, the quantifiers FORALL and EXIST"
_COMMENTS = "comments begin with //, or stand between /* and */"
_STAR = "'*' declares a closed-world predicate, or stands before an atom for both its signs"
Hints = tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...]


def _compiled(*hints: tuple[str, str, str]) -> Hints:
    return tuple(
        (re.compile(rf"(?:{b})\Z", re.IGNORECASE), re.compile(at, re.IGNORECASE), hint) for b, at, hint in hints
    )


# What the author may have meant: text before the place, text at the place, hint. The first that matches is shown.
_QUOTE = ("", '"', "a quoted constant ends on its line, with a quotation mark")
_IN_PROGRAMS = _compiled(
    (r"(?:^|\n)[^\n]*", r":-?[ \t]*[+-]?\d", "utilities and decision networks are not supported"),
    (r"(?:^|\n)[ \t]*", "%|;|--", _COMMENTS),
    ("", ":(?!-)", "a rule whose weight is a variable's constant is written weight: P(x, weight) => A(x)"),
    (
        r"(?:^|\n)[ \t]*[-+(]*[\d.](?:\S*|\S*[^\W\d]\S*[ \t]+)",
        "",
        "a weight is a number such as -1.5, or computed as in log(0.7/0.3), and a blank follows it",
    ),
    (r"\W(?:exists?|for_?all)\s*\([^()\n]*\)\s*", "", "a quantifier is written EXIST x, y P(x, y)"),
    (r"\W(?:for_?all|all|some)\s+", "", _OPERATORS),
    ("", r"[&|~\u2200-\u22ff\u2190-\u21ff¬]|-+>|(?:and|or|not)\b", _OPERATORS),
    (r"(?:^|[\n(!^]|\Wv|>)\s*(?:[+-]?[\d.]+\s+)?", r"\+", "'+' belongs in the arguments of an atom"),
    ("-", ">", _OPERATORS),
    ("", r"[<>/%+-]", "what is compared or computed with are variables, numbers and values of functions"),
    ("", "#", 'a directive is a line of its own, such as #include "file.mln"'),
    ("", r"\?[^\W\d]", "variables are lower-case names, without the '?' of pracmln's PRACGrammar"),
    ("", r"\$", "constants of a program such as $n are not supported: write the number"),
    ("", r"\*", _STAR),
    (r"(?:^|\n)[ \t]*\*[^\n]*", r"[.=<^]|v\b", _STAR),
    _QUOTE,
)
_IN_EVIDENCE = _compiled(
    ("", "[#%]", _COMMENTS),
    ("", ":-|=>", "rules stand in programs; evidence is one ground literal a line"),
    ("", ":", "0.7 A(X) is a probability; RockIt's weights are constants: *P(x, float_), and conf: P(x, conf) => A(x)"),
    ("", r"\(", "a function's value is given as f(X) = Y, and Y is used where it is needed"),
    ("", r"[v^]\b", "evidence is one ground literal a line"),
    _QUOTE,
)


def unexpected(source: Source, offset: int, found: str, accepted: set[str], *, evidence: bool) -> MLNSyntaxError:
    """The error for a place where the grammar cannot go on.

    Args:
        source: the text.
        offset: of the place.
        found: the text there; "" at the end of a line.
        accepted: names of the terminals that could have come.
        evidence: whether this is evidence, and no program.
    """
    before, rest = source.code[:offset], source.code[offset : offset + _NEAR]
    hint = _unclosed(before, found, source.first) or next(
        (
            h
            for b, at, h in (_IN_EVIDENCE if evidence else _IN_PROGRAMS)
            if b.search(before[-_NEAR:]) and at.match(rest)
        ),
        None,
    )
    if hint is None and accepted >= _COMPARISON and "_AND" not in accepted:
        hint = "an atom has its arguments in parentheses"
    expected = _in_words(accepted)
    shown = repr(found) if found else "the end of the line"
    return source.error(f"expected {expected}, found {shown}", offset, found=found, expected=expected, hint=hint)


def _in_words(accepted: set[str]) -> str:
    left, words = set(accepted), list[str]()
    for also, untold in _UNTOLD:
        left -= untold if also in accepted and left - untold else frozenset()
    for group, name in _GROUPS:
        if group <= left:
            words.append(name)
            left -= group
    words += sorted({_WORDS[name] for name in left if name not in _ARITHMETIC or name == "PLUS"})
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
