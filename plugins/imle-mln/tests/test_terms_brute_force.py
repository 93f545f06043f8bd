"""Random programs with functions, arithmetic and comparisons against all worlds.

The reference builds formulas as trees, writes them as text for the library, and evaluates the trees by itself: a
binding counts if all terms that it makes have values, inside quantifiers as well.
"""

from __future__ import annotations

import itertools
import operator
import random

import pytest

import imle_mln
from imle.errors import SolveError

DOMAINS = {"p": ["A", "B"], "n": [1, 2, 3]}
VARIABLES = {"x": "p", "y": "p", "z": "p", "t": "n", "u": "n", "w": "n"}
PREDICATES = {"S": "p", "O": "n", "F": "pn"}
FUNCTIONS = {"boss": ("p", "p"), "age": ("p", "n")}
COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}
OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul}
OPEN = [("S", ("A",)), ("S", ("B",)), ("O", (1,)), ("O", (2,)), ("O", (3,))]


class Draw:
    """A random program, and what its trees are worth."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.values = {
            (name, one): self.random.choice(DOMAINS[kind])
            for name, (_, kind) in FUNCTIONS.items()
            for one in DOMAINS["p"]
            if self.random.random() < 0.7
        }
        self.closed = {(one, k) for one in DOMAINS["p"] for k in DOMAINS["n"] if self.random.random() < 0.5}

    # Trees: terms are ("var", x), ("const", c), ("call", f, term), ("sum", sign, term, term).

    def term(self, kind, names, depth=2):
        pick = self.random.random()
        if depth and pick < 0.3:
            functions = [name for name, (_, value) in FUNCTIONS.items() if value == kind]
            return ("call", self.random.choice(functions), self.term("p", names, depth - 1))
        if depth and pick < 0.6 and kind == "n":
            sign = self.random.choice(list(OPERATIONS))
            return ("sum", sign, self.term("n", names, depth - 1), self.term("n", names, depth - 1))
        own = [name for name in names if VARIABLES[name] == kind]
        if own and pick < 0.9:
            return ("var", self.random.choice(own))
        return ("const", self.random.choice(DOMAINS[kind]))

    def formula(self, names, unused, depth):
        pick = self.random.random()
        if depth and pick < 0.25 and unused:
            name, *rest = unused
            inner = self.formula([*names, name], rest, depth - 1)
            # A bound variable has to be in an atom.
            kind = "S" if VARIABLES[name] == "p" else "O"
            anchor = ("atom", kind, [("var", name)])
            return (self.random.choice(["EXIST", "FORALL"]), name, ("v", ("!", anchor), inner))
        if depth and pick < 0.7:
            sign = self.random.choice(["^", "v", "=>"])
            half = len(unused) // 2
            return (sign, self.formula(names, unused[:half], depth - 1), self.formula(names, unused[half:], depth - 1))
        if depth and pick < 0.8:
            return ("!", self.formula(names, unused, depth - 1))
        if pick < 0.9:
            name = self.random.choice(list(PREDICATES))
            return ("atom", name, [self.term(kind, names) for kind in PREDICATES[name]])
        if pick < 0.93:
            name = self.random.choice(list(FUNCTIONS))
            return ("value", name, self.term("p", names, 1), self.term(FUNCTIONS[name][1], names, 0))
        sign = self.random.choice(list(COMPARISONS))
        left, right = self.term("n", names), self.term("n", names)
        if sign == "=" and "sum" not in (left[0], right[0]) and "call" in (left[0], right[0]):
            # That is the function's atom; where both sides are values, the one on the left.
            call, value = (left, right) if left[0] == "call" else (right, left)
            return ("value", call[1], call[2], value)
        return ("compare", sign, left, right)

    # Text.

    def text(self, tree):
        match tree:
            case ("var", name):
                return name
            case ("const", constant):
                return str(constant)
            case ("call", name, inner):
                return f"{name}({self.text(inner)})"
            case ("sum", sign, left, right):
                return f"({self.text(left)} {sign} {self.text(right)})"
            case ("atom", name, terms):
                # Parentheses around a whole argument are not needed.
                return f"{name}({', '.join(map(self.bare, terms))})"
            case ("value", name, inner, value):
                return f"{name}({self.bare(inner)}) = {self.text(value)}"
            case ("compare", sign, left, right):
                return f"{self.bare(left)} {sign} {self.bare(right)}"
            case ("!", inner):
                return f"!({self.text(inner)})"
            case ("EXIST" | "FORALL" as word, name, inner):
                return f"({word} {name} {self.text(inner)})"
            case (sign, left, right):
                return f"({self.text(left)} {sign} {self.text(right)})"

    def bare(self, term):
        text = self.text(term)
        return text[1:-1] if term[0] == "sum" else text

    # Meaning.

    def number(self, term, binding):
        """The value of a term, None if it has none."""
        match term:
            case ("var", name):
                return binding[name]
            case ("const", constant):
                return constant
            case ("call", name, inner):
                given = self.argument(inner, binding)
                return self.values.get((name, given))
            case ("sum", sign, left, right):
                sides = self.number(left, binding), self.number(right, binding)
                return None if None in sides else OPERATIONS[sign](*sides)

    def argument(self, term, binding):
        """The value of a term as an argument: numbers have to be constants."""
        found = self.number(term, binding)
        return None if term[0] == "sum" and found not in DOMAINS["n"] else found

    def pieces(self, tree, bound=frozenset()):
        """What has to have a value, each with the variables that quantifiers inside bind around it."""
        match tree:
            case ("atom", _, terms):
                yield from ((part, bound) for term in terms for part in self.parts(term))
            case ("value", _, inner, value):
                yield from ((part, bound) for part in (*self.parts(inner), *self.calls(value)))
            case ("compare", _, left, right):
                yield from ((part, bound) for part in (*self.calls(left), *self.calls(right)))
            case ("!", inner):
                yield from self.pieces(inner, bound)
            case ("EXIST" | "FORALL", name, inner):
                yield from self.pieces(inner, bound | {name})
            case (_, left, right):
                yield from self.pieces(left, bound)
                yield from self.pieces(right, bound)

    def defined(self, tree, binding, names=None):
        """Whether what belongs to the rule, or to a quantifier of these variables, has values."""
        return all(
            self.argument(part, binding) is not None
            for part, bound in self.pieces(tree)
            if not self.variables(part) & bound and (names is None or self.variables(part) & names)
        )

    def parts(self, term):
        """What of an argument gets a value of its own: functions' values, and computed numbers."""
        return [*self.calls(term), *([term] if term[0] == "sum" else [])]

    def calls(self, term):
        match term:
            case ("call", _, inner):
                return [*self.parts(inner), term]
            case ("sum", _, left, right):
                return [*self.calls(left), *self.calls(right)]
        return []

    def variables(self, term):
        match term:
            case ("var", name):
                return {name}
            case ("call", _, inner):
                return self.variables(inner)
            case ("sum", _, left, right):
                return self.variables(left) | self.variables(right)
        return set()

    def truth(self, tree, world, binding):
        match tree:
            case ("atom", "F", (one, other)):
                return (self.argument(one, binding), self.argument(other, binding)) in self.closed
            case ("atom", name, (term,)):
                return world[name, (self.argument(term, binding),)]
            case ("value", name, inner, value):
                return self.values.get((name, self.argument(inner, binding))) == self.number(value, binding)
            case ("compare", sign, left, right):
                return COMPARISONS[sign](self.number(left, binding), self.number(right, binding))
            case ("!", inner):
                return not self.truth(inner, world, binding)
            case ("EXIST" | "FORALL" as word, name, inner):
                found = [
                    self.truth(inner, world, case)
                    for value in DOMAINS[VARIABLES[name]]
                    if self.defined(inner, case := {**binding, name: value}, {name})
                ]
                return any(found) if word == "EXIST" else all(found)
            case ("^", left, right):
                return self.truth(left, world, binding) and self.truth(right, world, binding)
            case ("v", left, right):
                return self.truth(left, world, binding) or self.truth(right, world, binding)
            case ("=>", left, right):
                return not self.truth(left, world, binding) or self.truth(right, world, binding)

    def free(self, tree, bound=()):
        match tree:
            case ("atom", _, terms):
                return set().union(*map(self.variables, terms)) - set(bound)
            case ("value", _, left, right) | ("compare", _, left, right):
                return (self.variables(left) | self.variables(right)) - set(bound)
            case ("!", inner):
                return self.free(inner, bound)
            case ("EXIST" | "FORALL", name, inner):
                return self.free(inner, (*bound, name))
            case (_, left, right):
                return self.free(left, bound) | self.free(right, bound)

    def rule(self):
        names = self.random.sample(["x", "y", "t", "u"], self.random.randint(1, 2))
        tree = self.formula(names, ["z", "w"], 3)
        for name in sorted(self.free(tree)):
            kind = "S" if VARIABLES[name] == "p" else "O"
            tree = ("v", ("atom", kind, [("var", name)]), tree)
        weight = self.random.choice([None, 1.5, 0.75, -0.5, -1.25])
        return weight, tree

    def groundings(self, tree):
        names = sorted(self.free(tree))
        for values in itertools.product(*(DOMAINS[VARIABLES[name]] for name in names)):
            binding = dict(zip(names, values, strict=True))
            if self.defined(tree, binding):
                yield binding


def check(seed):
    """Whether there was something with a term of its own to check."""
    draw = Draw(seed)
    rules = [draw.rule() for _ in range(draw.random.randint(1, 3))]
    lines = ["p = {A, B}", "n = {1, 2, 3}", "S(p)", "O(n)", "*F(p, n)", "p boss(p)", "n age(p)"]
    lines += [f"({draw.text(tree)})." if weight is None else f"{weight} ({draw.text(tree)})" for weight, tree in rules]
    facts = [f"{name}({one}) = {value}" for (name, one), value in draw.values.items()]
    facts += [f"F({one}, {k})" for one, k in sorted(draw.closed)]
    program, evidence = "\n".join(lines), "\n".join(facts)
    scores, counts = [], []
    for truths in itertools.product((False, True), repeat=len(OPEN)):
        world = dict(zip(OPEN, truths, strict=True))
        found = [sum(draw.truth(tree, world, one) for one in draw.groundings(tree)) for _, tree in rules]
        sizes = [sum(1 for _ in draw.groundings(tree)) for _, tree in rules]
        fine = all(
            count == size for (weight, _), count, size in zip(rules, found, sizes, strict=True) if weight is None
        )
        scores.append(
            sum(w * count for (w, _), count in zip(rules, found, strict=True) if w is not None) if fine else None
        )
        counts.append([count for (w, _), count in zip(rules, found, strict=True) if w is not None])
    feasible = [score for score in scores if score is not None]
    if not feasible:
        with pytest.raises(SolveError, match="infeasible"):
            imle_mln.map_inference(program, evidence)
        return True
    state = imle_mln.map_inference(program, evidence)
    assert state.score == pytest.approx(max(feasible), abs=1e-9), (program, evidence)
    true = set(state.true_atoms)
    at = sum((f"{name}({row[0]})" in true) << (len(OPEN) - 1 - k) for k, (name, row) in enumerate(OPEN))
    assert state.counts.tolist() == counts[at], (program, evidence)
    own = [sum(1 for _ in draw.groundings(tree)) for weight, tree in rules if weight is not None]
    assert state.problem.grounding.network.groundings.tolist() == own, (program, evidence)
    read = imle_mln.parse_program(program)
    assert imle_mln.parse_program(imle_mln.program_text(read)) == read, program
    return any("_" in "".join(rule.types) for rule in read.rules)


@pytest.mark.parametrize("block", range(4))
def test_terms_mean_what_they_say(block):
    assert sum(check(seed) for seed in range(25 * block, 25 * block + 25)) > 10
