"""What pracmln 1.2.4 says of some programs. It needs Python 3.8: benchmarks/pracmln.py says how it is installed.

cd plugins/imle-mln/tests; PYTHON_OF_PRACMLN pracmln_answers.py > pracmln_answers.json
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile

PEOPLE = "person = {Ann, Ben, Cat}\nFriends(person, person)\nSmokes(person)\nCancer(person)\n\n"
FRIENDS = "Friends(Ann,Ben)\nFriends(Ben,Cat)\nFriends(Cat,Cat)\n"
TOPICS = "paper = {P1, P2, P3}\ntopic = {Agents, Logic, Nets}\nCites(paper, paper)\nTopic(paper, topic!)\n\n"
CITES = "Cites(P1,P2)\nCites(P2,P3)\nCites(P3,P1)\n"

# Name: program, evidence, training databases, predicates that are given.
CASES = {
    "smokers": (
        PEOPLE
        + "1.1 Friends(x,y) ^ Smokes(x) => Smokes(y)\n-0.4 Smokes(x)\n1.5 Smokes(x) => Cancer(x)\n-0.3 Cancer(x)\n",
        FRIENDS + "Smokes(Ann)\n",
        [FRIENDS + "Smokes(Ann)\nSmokes(Ben)\nCancer(Ann)\n"],
        ["Friends"],
    ),
    "two databases": (
        PEOPLE
        + "0.2 Friends(x,y) ^ Smokes(x) ^ Smokes(y)\n0.15 Smokes(x)\n-0.3 !Cancer(x) v Smokes(x)\n0.4 Cancer(x)\n",
        FRIENDS + "!Cancer(Ben)\n",
        [
            FRIENDS + "Smokes(Ann)\nSmokes(Ben)\nCancer(Ann)\n",
            "Friends(Cat,Ann)\nSmokes(Ann)\nSmokes(Cat)\nCancer(Ben)\n",
        ],
        ["Friends"],
    ),
    "an equivalence, a computed weight, a formula that has to hold": (
        PEOPLE + "1.3 Friends(x,y) => (Smokes(x) <=> Smokes(y))\nlogx(0.3/0.7) Smokes(x)\n0.6 Cancer(x)\n"
        "Cancer(x) => Smokes(x).\n",
        FRIENDS + "!Smokes(Cat)\n",
        [],
        ["Friends"],
    ),
    "no clauses, equalities, negative weights": (
        PEOPLE + "-0.7 Smokes(x) ^ Smokes(y) ^ !(x = y)\n"
        "1.9 (Smokes(x) ^ !Cancer(x)) v (Friends(x,Ann) ^ Cancer(x))\n0.8 !(Smokes(x) <=> Cancer(x))\n",
        FRIENDS + "Cancer(Cat)\n!Smokes(Ben)\n",
        [FRIENDS + "Smokes(Ben)\nCancer(Cat)\nCancer(Ben)\n"],
        ["Friends"],
    ),
    "or before and": (
        PEOPLE + "1.9 Smokes(x) ^ Cancer(x) v Friends(x,Ann) ^ !Cancer(Ben)\n-0.5 Smokes(x)\n",
        FRIENDS,
        [FRIENDS + "Smokes(Ben)\nCancer(Cat)\n"],
        ["Friends"],
    ),
    "a quantifier ends": (
        PEOPLE + "1.7 EXIST y (Friends(x,y) ^ Smokes(y)) => Cancer(x)\n-0.3 Cancer(x)\n0.2 Smokes(x)\n",
        FRIENDS,
        [FRIENDS + "Smokes(Ben)\nCancer(Ann)\n"],
        ["Friends"],
    ),
    "somebody": (
        PEOPLE + "1.7 EXIST y (Friends(x,y) ^ Smokes(y))\n-0.9 Smokes(x)\n0.35 Cancer(x)\n",
        FRIENDS,
        [FRIENDS + "Smokes(Ben)\nCancer(Cat)\nCancer(Ann)\n"],
        ["Friends"],
    ),
    "exactly one topic": (
        TOPICS + "0.9 Cites(p,q) ^ Topic(p,t) => Topic(q,t)\n0.5 Topic(p,Logic)\n-0.25 Topic(p,Nets)\n",
        CITES,
        [CITES + "Topic(P1,Logic)\nTopic(P2,Logic)\nTopic(P3,Agents)\n"],
        ["Cites"],
    ),
    "at most one food": (
        "person = {Ann, Ben}\nfood = {Rice, Soup, Fish}\nEats(person, food?)\nHungry(person)\n\n"
        "1.4 Hungry(x) ^ Eats(x,Soup)\n0.3 Eats(x,f)\n-0.8 Hungry(x)\n",
        "Hungry(Ben)\n",
        ["Hungry(Ben)\nEats(Ben,Soup)\nEats(Ann,Rice)\n"],
        [],
    ),
}


def answers():
    """By case: the MAP state, marginals, and the weights that maximise likelihoods with a Gaussian prior."""
    from pracmln.mlnlearn import EVIDENCE_PREDS

    from pracmln import MLN, Database, MLNLearn, MLNQuery

    def read(program, evidence):
        for name, text in (("program.mln", program), ("evidence.db", evidence)):
            with open(name, "w") as file:
                file.write(text)
        mln = MLN(mlnfile="program.mln", grammar="StandardGrammar", logic="FirstOrderLogic")
        return {"mln": mln, "db": Database.load(mln, "evidence.db")}

    found = {}
    for name, (program, evidence, training, given) in CASES.items():
        own = found[name] = {}
        for key, method in (("map", "WCSPInference"), ("marginals", "EnumerationAsk")):
            if key == "map" and "EXIST" in program:
                continue  # WCSPInference raises
            parts = read(program, evidence)
            queries = [one.name for one in parts["mln"].predicates if one.name not in given]
            options = {"cw_preds": given, "verbose": False, "multicore": False}
            query = MLNQuery(mln=parts["mln"], db=parts["db"][0], method=method, queries=queries, **options)
            own[key] = {str(atom): float(truth) for atom, truth in sorted(query.run().results.items())}
        for key, method in (("pll", "BPLL"), ("pll given", "DPLL"), ("likelihood", "LL")):
            if not training:
                continue
            options = {"use_prior": True, "prior_mean": 0, "prior_stdev": 2.0, "verbose": False, "multicore": False}
            options.update(epreds=",".join(given), discr_preds=EVIDENCE_PREDS)
            parts = read(program, "---\n".join(training))
            learned = MLNLearn(mln=parts["mln"], db=parts["db"], method=method, **options).run()
            own[key] = [float(weight) for weight in learned.weights]
    return found


if __name__ == "__main__":
    there = os.getcwd()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        os.chdir(folder)
        try:
            made = answers()
        finally:
            os.chdir(there)
    sys.stdout.write(json.dumps(made, indent=1) + "\n")
