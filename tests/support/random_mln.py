"""Random Markov Logic Networks, and a reference that evaluates them in all worlds.

It shares nothing with the library: its own parser (with Alchemy's precedence), its own evaluator, its own reading of
evidence, closed worlds and declarations of exactly one and at most one.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter

import numpy as np

DOMAINS = {"a": ["A1", "A2", "A3"], "b": ["B1", "B2"]}
ARITIES = {"P": "a", "Q": "ab", "R": "b", "Z": "", "T": "ab", "E": "aa"}
VARIABLES = {"x": "a", "y": "a", "s": "b", "t": "b"}
LEVELS = ["<=>", "=>", "v", "^"]  # from the weakest
MOST = 9  # open atoms


# The reference.


class Reference:
    """A formula, read by precedence climbing and evaluated for all worlds at once."""

    def __init__(self, text):
        self.tokens = re.findall(r"<=>|=>|!=|[=^!(),]|\w+", text)
        self.at = 0
        self.tree = self.binary(0)
        assert self.at == len(self.tokens), text

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def peek(self, ahead=0):
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else ""

    def binary(self, level):
        if level == len(LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while self.peek() == LEVELS[level]:
            self.next()
            left = (LEVELS[level], left, self.binary(level + 1))
        return left

    def unary(self):
        if self.peek() == "!":
            self.next()
            return ("!", self.unary())
        if self.peek() in ("EXIST", "FORALL"):
            word, names = self.next(), [self.next()]
            while self.peek() == ",":
                self.next()
                names.append(self.next())
            return (word, names, self.binary(0))
        if self.peek() == "(":
            self.next()
            inner = self.binary(0)
            assert self.next() == ")"
            return inner
        first = self.next()
        if self.peek() in ("=", "!="):
            return (self.next(), first, self.next())
        assert self.next() == "("
        arguments = []
        while self.peek() != ")":
            arguments.append(self.next())
            if self.peek() == ",":
                self.next()
        self.next()
        return ("atom", first, arguments)

    def free(self, tree=None, bound=()):
        tree = tree or self.tree
        kind = tree[0]
        if kind in ("EXIST", "FORALL"):
            return self.free(tree[2], (*bound, *tree[1]))
        if kind in ("atom", "=", "!="):
            terms = tree[2] if kind == "atom" else tree[1:]
            return {name for name in terms if name in VARIABLES and name not in bound}
        return set().union(*(self.free(part, bound) for part in tree[1:]))

    def truth(self, world, binding, domains, tree=None):
        tree = tree or self.tree
        kind = tree[0]

        def again(part, more=()):
            return self.truth(world, {**binding, **dict(more)}, domains, part)

        if kind == "atom":
            return world[tree[1], tuple(binding.get(name, name) for name in tree[2])]
        if kind in ("=", "!="):
            same = binding.get(tree[1], tree[1]) == binding.get(tree[2], tree[2])
            return np.bool_(same == (kind == "="))
        if kind == "!":
            return ~again(tree[1])
        if kind in ("EXIST", "FORALL"):
            cases = itertools.product(*(domains[VARIABLES[name]] for name in tree[1]))
            parts = [again(tree[2], zip(tree[1], values, strict=True)) for values in cases]
            return np.logical_or.reduce(parts) if kind == "EXIST" else np.logical_and.reduce(parts)
        left, right = again(tree[1]), again(tree[2])
        return {"^": left & right, "v": left | right, "=>": ~left | right, "<=>": left == right}[kind]


def bindings(names, domains):
    for values in itertools.product(*(domains[VARIABLES[name]] for name in names)):
        yield dict(zip(names, values, strict=True))


# Random programs.


class Draw:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.seen = Counter()
        self.domains = {kind: names[: self.random.randint(1, len(names))] for kind, names in DOMAINS.items()}
        self.predicates = self.random.sample(sorted(ARITIES), self.random.randint(1, 3))
        self.closed = {name for name in self.predicates if self.random.random() < 0.3}
        self.unique = {name for name in self.predicates if name == "T" and self.random.random() < 0.8}
        self.optional = {name for name in self.predicates if name == "E" and seed % 4}

    def note(self, what):
        self.seen[what] += 1
        return what

    def term(self, kind):
        if self.random.random() < 0.2:
            self.note("constant")
            return self.random.choice(self.domains[kind])
        return self.random.choice([name for name, own in VARIABLES.items() if own == kind])

    def atom(self):
        name = self.random.choice(self.predicates)
        return f"{name}({','.join(self.term(kind) for kind in ARITIES[name])})"

    def operand(self, depth):
        pick = self.random.random()
        if depth and pick < 0.25:
            return f"({self.formula(depth - 1)})"
        if depth and pick < 0.4:
            word = self.note(self.random.choice(["EXIST", "FORALL"]))
            # A quantifier takes all that follows, so it mostly stands in parentheses; its variables are in an atom.
            predicate = self.random.choice([name for name in self.predicates if ARITIES[name]] or [""])
            if predicate:
                kinds = ARITIES[predicate]
                terms = [self.random.choice([n for n, k in VARIABLES.items() if k == kind]) for kind in kinds]
                body = f"{word} {','.join(dict.fromkeys(terms))} {predicate}({','.join(terms)})"
                body += f" {self.random.choice(LEVELS)} {self.formula(depth - 1)}" if self.random.random() < 0.5 else ""
                return body if self.random.random() < 0.2 else f"({body})"
        if pick < 0.5:
            return self.note("!") + self.operand(depth)
        return self.atom()

    def formula(self, depth):
        parts = [self.operand(depth)]
        before = ""
        for _ in range(self.random.choice([0, 1, 1, 2, 3]) if depth else self.random.randint(0, 1)):
            sign = self.random.choice(LEVELS)
            if before:
                self.note(f"{before} {sign}")
            before = sign
            parts += [sign, self.operand(max(0, depth - 1))]
        text = " ".join(parts)
        if self.random.random() < 0.15 and depth:
            names = sorted(Reference(text).free())
            same = [pair for pair in itertools.combinations(names, 2) if VARIABLES[pair[0]] == VARIABLES[pair[1]]]
            if same:
                left, right = self.random.choice(same)
                text = f"({text}) v {left} {self.note(self.random.choice(['=', '!=']))} {right}"
        return text

    def rule(self):
        """(weight, text, variables with +)."""
        text = self.formula(2)
        loose = sorted(Reference(text).free(), key=lambda name: re.search(rf"\b{name}\b", text).start())
        if self.random.random() < 0.25:
            self.note("hard")
            return None, text, []
        weight = self.random.choice([1.5, 0.75, 2.0, -0.5, -1.25])
        self.note("negative weight" if weight < 0 else "positive weight")
        plus = [name for name in loose if self.random.random() < 0.15]
        for _ in plus:
            self.note("+")
        return weight, text, plus

    def program(self):
        lines = [f"{kind} = {{{', '.join(names)}}}" for kind, names in self.domains.items()]
        for name in self.predicates:
            arguments = list(ARITIES[name])
            if name in self.unique:
                arguments[-1] += self.note("!block")[0]
            if name in self.optional:
                arguments[-1] += self.note("?block")[0]
            lines.append(f"{'*' * (name in self.closed)}{name}({', '.join(arguments)})")
            if name in self.closed:
                self.note("closed")
        rules = [self.rule() for _ in range(self.random.randint(1, 3))]
        for weight, text, plus in rules:
            marked = re.sub(rf"(?<=[(,])({'|'.join(plus) or '-'})(?=[,)])", r"+\1", text)
            lines.append(f"{marked}." if weight is None else f"{weight} {marked}")
        return "\n".join(lines), rules

    def evidence(self):
        said = {}
        for name in self.predicates:
            rate = self.random.choice([0.0, 0.3, 0.7])
            for atom in itertools.product(*(self.domains[kind] for kind in ARITIES[name])):
                if self.random.random() < rate:
                    said[name, atom] = self.note(self.random.choice(["", "!", "?"]))
        return said


def worlds(draw, said):
    """All worlds that agree with the evidence, as arrays by atom; and which have the number of values declared."""
    fixed, loose = {}, []
    for name in draw.predicates:
        for atom in itertools.product(*(draw.domains[kind] for kind in ARITIES[name])):
            sign = said.get((name, atom), "!" if name in draw.closed else "?")
            if sign == "?":
                loose.append((name, atom))
            else:
                fixed[name, atom] = sign == ""
    if len(loose) > MOST:
        return None
    states = (np.arange(1 << len(loose))[:, None] >> np.arange(len(loose))) & 1 == 1
    table = {atom: states[:, at] for at, atom in enumerate(loose)}
    table |= {atom: np.full(len(states), value) for atom, value in fixed.items()}
    fine = np.ones(len(states), bool)
    for name in draw.unique | draw.optional:
        firsts, seconds = (draw.domains[kind] for kind in ARITIES[name])
        for first in firsts:
            true = sum(table[name, (first, second)].astype(int) for second in seconds)
            fine &= (true <= 1) & (true >= (name in draw.unique))
    return table, fine


def evaluated(draw, rules, world, fine):
    """Which worlds hold the hard rules, too; the score of each; and its counts of each formula with a weight."""
    score, counts = np.zeros(len(fine)), []
    for weight, formula, plus in rules:
        reference = Reference(formula)
        for case in bindings(plus, draw.domains):
            others = bindings(sorted(reference.free() - set(plus)), draw.domains)
            truths = [reference.truth(world, {**case, **other}, draw.domains) for other in others]
            count = np.broadcast_to(np.sum(truths, axis=0, dtype=float), score.shape)
            if weight is None:
                fine = fine & (count == len(truths))
            else:
                counts.append(count)
                score = score + weight * count
    return fine, score, counts
