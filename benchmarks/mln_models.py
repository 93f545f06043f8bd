"""Markov Logic Networks that the benchmarks solve: programs, and evidence made for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

TRANSITIVITY = """
person = {{1,...,{n}}}
Friends(person, person)
1.0 Friends(x,y) ^ Friends(y,z) => Friends(x,z)
"""
SMOKERS = """
*Friends(person, person)
Smokes(person)
Cancer(person)
-1.4 Smokes(x)
-2.3 Cancer(x)
1.5 Smokes(x) => Cancer(x)
1.1 Friends(x,y) ^ Smokes(x) => Smokes(y)
"""
ISING = """
cell = {{1,...,{n}}}
*Next(cell, cell)
On(cell)
0.8 Next(x,y) ^ On(x) => On(y)
0.8 Next(x,y) ^ On(y) => On(x)
"""
IMAGE = """
cell = {{1,...,{n}}}
*Next(cell, cell)
On(cell)
0.0 Next(x,y) => (On(x) <=> On(y))
"""
POTTS = """
cell = {{1,...,{n}}}
value = {{1,...,4}}
*Next(cell, cell)
Has(cell, value!)
0.8 Next(x,y) ^ Has(x,v) => Has(y,v)
"""
RECORDS = """
record = {{1,...,{n}}}
Same(record, record)
Same(x,x).
Same(x,y) => Same(y,x).
Same(x,y) ^ Same(y,z) => Same(x,z).
"""
LINKS = """
person = {{1,...,{n}}}
*Before(person, person)
Knows(person, person)
Knows(x,y) => Before(x,y).
0.4 Knows(x,y) ^ Knows(y,z) => Knows(x,z)
"""
ADVISORS = """
*Professor(person)
*Student(person)
*Wrote(person, paper)
*Taught(person, course)
*Assisted(person, course)
Advised(person, person)
1.2 Student(s) ^ Professor(p) ^ Wrote(s,t) ^ Wrote(p,t) => Advised(s,p)
0.8 Student(s) ^ Professor(p) ^ Assisted(s,c) ^ Taught(p,c) => Advised(s,p)
2.0 Advised(s,p) => Student(s) ^ Professor(p)
2.1 Student(s) => EXIST p Advised(s,p)
0.7 !Advised(s,p) v !Advised(s,q) v p = q
-0.4 Advised(s,p)
0.3 Advised(s,p) => !Advised(p,s)
"""
PAPERS = """
topic = {A, B, C, D, E}
*Refers(paper, paper)
*Wrote(author, paper)
Topic(paper, topic!)
0.9 Refers(p,q) ^ Topic(p,t) => Topic(q,t)
0.5 Wrote(a,p) ^ Wrote(a,q) ^ Topic(p,t) => Topic(q,t)
0.1 Topic(p,+t)
"""


def lines(predicate: str, rows: Iterable[Sequence[object]]) -> str:
    return "".join(f"{predicate}({','.join(map(str, row))})\n" for row in rows)


def smokers(people: int) -> str:
    """Four friends each on average; the habits of a quarter and the health of a twentieth are known."""
    rng = np.random.default_rng(0)
    pairs = np.stack(np.divmod(np.unique(rng.integers(0, people**2, 4 * people)), people), axis=1)
    known, ill = (rng.choice(people, people // part, replace=False) for part in (4, 20))
    text = lines("Friends", ((f"P{a}", f"P{b}") for a, b in pairs.tolist() if a != b))
    text += "".join(f"{'!' * int(rng.integers(2))}Smokes(P{a})\n" for a in known)
    return text + lines("Cancer", ([f"P{a}"] for a in ill))


def grid(side: int) -> str:
    cell = np.arange(1, side * side + 1).reshape(side, side)
    across = np.stack([cell[:, :-1], cell[:, 1:]], axis=-1).reshape(-1, 2)
    down = np.stack([cell[:-1], cell[1:]], axis=-1).reshape(-1, 2)
    return lines("Next", [*across.tolist(), *down.tolist()])


def department(people: int) -> str:
    rng = np.random.default_rng(0)
    professors = people // 4
    staff, students = range(professors), range(professors, people)
    wrote = [(a, f"T{t}") for t in range(4 * people) for a in rng.choice(people, rng.integers(1, 4), replace=False)]
    text = lines("Professor", ([a] for a in staff)) + lines("Student", ([a] for a in students))
    text += lines("Wrote", wrote) + lines("Taught", ((a, f"C{2 * a + k}") for a in staff for k in range(2)))
    helped = [(a, f"C{c}") for a in students for c in rng.choice(2 * professors, 3, replace=False)]
    return text + lines("Assisted", helped)


def citations(papers: int) -> str:
    """Two citations a paper, four of five within its topic; authors mostly keep to one; half are labelled."""
    rng = np.random.default_rng(0)
    topic = rng.integers(0, 5, papers)
    members = [np.flatnonzero(topic == k) for k in range(5)]
    refers, wrote = set(), set()
    for p in range(papers):
        for _ in range(2):
            refers.add((p, int(rng.choice(members[topic[p]]) if rng.random() < 0.8 else rng.integers(papers))))
        for _ in range(2):
            group = topic[p] if rng.random() < 0.9 else rng.integers(5)
            wrote.add((int(group * (papers // 5) + rng.integers(papers // 5)), p))
    text = lines("Refers", ((f"P{p}", f"P{q}") for p, q in sorted(refers) if p != q))
    text += lines("Wrote", ((f"X{a}", f"P{p}") for a, p in sorted(wrote)))
    return text + lines("Topic", ((f"P{p}", "ABCDE"[topic[p]]) for p in range(papers) if rng.random() < 0.5))


def random_clauses(rng: np.random.Generator, atoms: int, lengths: Sequence[int]) -> str:
    """A program of ground clauses with random signs and weights."""
    literals = [rng.choice(atoms, length, replace=False) for length in lengths]
    rules = [" v ".join(f"{'!' if rng.random() < 0.5 else ''}On({atom + 1})" for atom in clause) for clause in literals]
    weights = 2 * rng.normal(size=len(lengths))
    text = "".join(f"{weight:.6f} {rule}\n" for weight, rule in zip(weights, rules, strict=True))
    return f"cell = {{1,...,{atoms}}}\nOn(cell)\n{text}"
