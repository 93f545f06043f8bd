"""Random programs with cardinalities, literals of both signs and soft evidence against all worlds: MAP, marginals, and
expected counts.
"""

from __future__ import annotations

import itertools
import math
import operator
import re

import numpy as np
import pytest
from scipy.special import logsumexp

import imle_mln
from imle.errors import InstanceError, SolveError
from support.random_mln import Draw, Reference, bindings, evaluated, worlds

COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


class Constructs:
    """A random program with more than `Draw` writes, and what all its worlds are worth.

    Attributes:
        program, evidence: texts.
        table: `[W]` truths by atom.
        fine: `[W]` the worlds in which all holds that has to.
        score: `[W]`.
        counts: `[W]` true groundings, of each formula with a weight.
    """

    def __init__(self, seed):
        self.draw = Draw(seed)
        self.random = self.draw.random
        text, rules = self.draw.program()
        self.said = self.draw.evidence()
        self.soft = {
            atom: self.random.choice([0.1, 0.25, 0.5, 0.8])
            for atom, sign in self.said.items()
            if sign == "?" and self.random.random() < 0.6
        }
        self.counted = list(filter(None, (self.cardinality() for _ in range(self.random.randint(0, 1)))))
        starred, signed = self.both_signs() if self.random.random() < 0.5 else ([], [])
        self.program = "\n".join([text, *(line for line, *_ in self.counted), *starred])
        self.evidence = "\n".join(
            f"{self.soft.get(atom, sign)} {atom[0]}({','.join(atom[1])})" for atom, sign in self.said.items()
        )
        self.rules = [*rules, *signed]

    def cardinality(self):
        """Its text and formula, what is counted, and its bound; None for formulas without variables."""
        formula = self.draw.formula(1)
        free = sorted(Reference(formula).free())
        if not free:
            return None
        counted = self.random.sample(free, self.random.randint(1, min(2, len(free))))
        sign = self.random.choice(list(COMPARISONS))
        number = self.random.randint(int(sign == "<"), 3)
        return f"|{','.join(counted)}| ({formula}) {sign} {number}", Reference(formula), counted, sign, number

    def both_signs(self):
        """A rule with a star before one or two atoms, and the rules that it stands for."""
        weight, text, plus = self.draw.rule()
        places = [found.start() for found in re.finditer(r"\b[A-Z]\(", text)]
        stars = sorted(self.random.sample(places, self.random.randint(1, min(2, len(places)))), reverse=True)

        def written(marks):
            made = text
            for star, mark in zip(stars, marks, strict=True):
                made = made[:star] + mark + made[star:]
            return made

        marked = re.sub(rf"(?<=[(,])({'|'.join(plus) or '-'})(?=[,)])", r"+\1", written("*" * len(stars)))
        # the first atom of the text is last in `stars`, and its sign changes slowest
        signs = [tuple(reversed(one)) for one in itertools.product(("", "!"), repeat=len(stars))]
        line = f"({marked})." if weight is None else f"{weight} ({marked})"
        return [line], [(weight, written(one), plus) for one in signs]

    def evaluate(self):
        """Whether there are few enough worlds to."""
        found = worlds(self.draw, self.said)
        if found is None:
            return False
        self.table, inside = found
        self.fine, self.score, self.counts = evaluated(self.draw, self.rules, *found)
        for _, formula, counted, sign, number in self.counted:
            others = sorted(formula.free() - set(counted))
            for case in bindings(others, self.draw.domains):
                cases = ({**case, **own} for own in bindings(counted, self.draw.domains))
                true = sum(formula.truth(self.table, one, self.draw.domains).astype(int) for one in cases)
                self.fine = self.fine & COMPARISONS[sign](true, number)
        for atom, chance in self.soft.items():
            if len(set(self.table[atom][inside].tolist())) == 2:  # others are decided by their block
                self.score = self.score + math.log(chance / (1 - chance)) * self.table[atom]
        return True

    def text(self, atom):
        return f"{atom[0]}({','.join(atom[1])})"


def check(made):
    """Whether there was a world."""
    if not made.fine.any():
        with pytest.raises(SolveError, match="infeasible"):
            imle_mln.map_inference(made.program, made.evidence)
        with pytest.raises(SolveError, match="infeasible"):
            imle_mln.marginals(made.program, made.evidence)
        return False
    best = imle_mln.map_inference(made.program, made.evidence)
    assert best.score == pytest.approx(made.score[made.fine].max(), abs=1e-9), (made.program, made.evidence)
    found = imle_mln.marginals(made.program, made.evidence)
    total = logsumexp(made.score[made.fine])
    chances = np.where(made.fine, np.exp(np.where(made.fine, made.score, 0) - total), 0)
    assert found.log_partition == pytest.approx(total, abs=1e-9), (made.program, made.evidence)
    names = {made.text(atom): atom for atom in made.table}
    wanted = [float(chances @ made.table[names[name]]) for name in found.atoms]
    assert found.probabilities == pytest.approx(wanted, abs=1e-9), (made.program, made.evidence)
    assert found.counts == pytest.approx([float(chances @ count) for count in made.counts], abs=1e-8)
    return True


def test_random_constructs_mean_what_they_say():
    done, seen = 0, {"cardinality": 0, "both": 0, "soft": 0, "infeasible": 0}
    for seed in itertools.count():
        made = Constructs(seed)
        try:
            imle_mln.parse_database(made.evidence, imle_mln.parse_program(made.program))
        except InstanceError:  # such as `+x` inside a quantifier, or two values of a block
            continue
        if not made.evaluate():
            continue
        if check(made):
            done += 1
            seen["cardinality"] += len(made.counted)
            seen["both"] += "*" in re.sub(r"(?m)^\*", "", made.program)
            seen["soft"] += bool(made.soft)
        else:
            seen["infeasible"] += 1
        if done == 60:
            break
    assert min(seen.values()) > 5, seen


def test_cardinalities_of_large_formulas_are_not_multiplied_out():
    """Its four copies, each a conjunction once negated, would make millions of clauses."""
    program = "a = {A, B}\nP(a)\nQ(a)\n|x,y| (P(x) ^ Q(y) <=> P(y) v Q(x) => P(x)) <= 3\n1 P(x)\n0.5 Q(x)\n"
    p = q = list(itertools.product((False, True), repeat=2))
    best = max(
        sum(p) + 0.5 * sum(q)
        for p, q in itertools.product(p, q)
        if sum((p[x] and q[y]) == (not (p[y] or q[x]) or p[x]) for x in (0, 1) for y in (0, 1)) <= 3
    )
    assert imle_mln.map_inference(program).score == best
