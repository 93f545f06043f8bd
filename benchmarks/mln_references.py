"""What one would write without imle-mln: nested loops in Python that ground clause by clause, and the textbook MIP.

The MIP is given to highspy, rebuilt for every solve or built once with only its costs changed; its gap is HiGHS's
default of 1e-4, ours is 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.harness import Claim
from imle_mln.network import GroundNetwork

Floats = NDArray[np.float64]


def bound(name: str, seconds: float, limit: float, note: str) -> Claim:
    return Claim(name, seconds, limit, target=1.0, at_most=True, note=note)


class PlainMIP:
    """The textbook encoding of a ground network for weights whose signs stay: z <= sum l_i, or z >= l_i for every i."""

    def __init__(self, network: GroundNetwork, weights: Floats) -> None:
        self.network, self.weights = network, network.clause_weights(weights)
        self.constant = float(network.constants @ weights)
        atoms, clauses, items = network.atoms, len(network.clauses), network.clauses.items
        row = np.repeat(np.arange(clauses), np.diff(network.clauses.starts))
        variable, sign = np.where(items < 0, ~items, items), np.where(items < 0, -1.0, 1.0)
        negative = (items < 0).astype(float)
        nested = np.zeros(clauses, bool)
        nested[variable[variable >= atoms] - atoms] = True
        soft = ~network.hard
        z = atoms + np.arange(clauses)
        literals = sparse.csr_array((sign, (row, variable)), shape=(clauses, atoms + clauses))
        own = sparse.csr_array((np.ones(clauses), (np.arange(clauses), z)), shape=literals.shape)
        constant = np.bincount(row, negative, clauses)
        above = soft & (nested | (self.weights > 0))
        below = (soft & (nested | (self.weights < 0)))[row]
        single = sparse.csr_array((sign, (np.arange(len(row)), variable)), shape=(len(row), literals.shape[1]))
        block = np.repeat(np.arange(len(network.blocks)), np.diff(network.blocks.starts))
        one = sparse.csr_array(
            (np.ones(len(block)), (block, network.blocks.items)), shape=(len(network.blocks), literals.shape[1])
        )
        parts = (  # matrix @ x >= lower
            (literals[network.hard], 1.0 - constant[network.hard], np.inf),
            ((literals - own)[above], -constant[above], np.inf),
            ((own[row] - single)[below], negative[below], np.inf),
            (one, np.ones(len(network.blocks)), 1.0),
        )
        matrix = sparse.vstack([part for part, _, _ in parts], format="csr")
        program = highspy.HighsLp()
        program.num_col_, program.num_row_ = matrix.shape[1], matrix.shape[0]
        program.sense_ = highspy.ObjSense.kMaximize
        program.col_cost_ = np.concatenate([np.zeros(atoms), np.where(soft, self.weights, 0.0)])
        program.col_lower_, program.col_upper_ = np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])
        program.row_lower_ = np.concatenate([lower for _, lower, _ in parts])
        program.row_upper_ = np.concatenate([np.full(len(lower), upper) for _, lower, upper in parts])
        program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        program.a_matrix_.start_, program.a_matrix_.index_ = matrix.indptr, matrix.indices
        program.a_matrix_.value_ = matrix.data
        kinds = [highspy.HighsVarType.kInteger] * atoms + [highspy.HighsVarType.kContinuous] * clauses
        program.integrality_ = kinds
        self.constant += float(self.weights[network.hard].sum())
        self.native = highspy.Highs()
        self.native.setOptionValue("output_flag", False)
        self.native.setOptionValue("threads", 1)
        self.native.passModel(program)

    def solve(self, unary: Floats) -> float:
        self.native.changeColsCost(len(unary), np.arange(len(unary), dtype=np.int32), unary)
        self.native.run()
        assert self.native.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return float(self.native.getInfo().objective_function_value) + self.constant


Literal = tuple[bool, str, str]  # positive, predicate, its variables as letters
LOOPS: Mapping[str, list[tuple[float, list[Literal]]]] = {
    "transitivity": [
        (1.0, [(False, "Friends", "xy"), (False, "Friends", "yz"), (True, "Friends", "xz")]),
    ],
    "smokers": [
        (-1.4, [(True, "Smokes", "x")]),
        (-2.3, [(True, "Cancer", "x")]),
        (1.5, [(False, "Smokes", "x"), (True, "Cancer", "x")]),
        (1.1, [(False, "Friends", "xy"), (False, "Smokes", "x"), (True, "Smokes", "y")]),
    ],
}
Atom = tuple[str, ...]
Merged = dict[frozenset[tuple[bool, Atom]], float]


def by_loops(name: str, people: Sequence[str], known: Mapping[Atom, bool], closed: str) -> tuple[Merged, float]:
    """Merged ground clauses with their weights, and the weight of those that evidence makes true."""
    merged: Merged = {}
    constant = 0.0
    for weight, clause in LOOPS[name]:
        variables = sorted({v for _, _, letters in clause for v in letters})
        for binding in itertools.product(people, repeat=len(variables)):
            value = dict(zip(variables, binding, strict=True))
            left = set()
            for positive, predicate, letters in clause:
                atom = (predicate, *(value[v] for v in letters))
                truth = known.get(atom, False if predicate == closed else None)
                if truth is positive or (not positive, atom) in left:
                    constant += weight
                    break
                if truth is None:
                    left.add((positive, atom))
            else:
                if left:
                    key = frozenset(left)
                    merged[key] = merged.get(key, 0.0) + weight
    return merged, constant


def smokers_by_hand(evidence: str) -> float:
    """Text to MAP: read lines, ground by loops, model clause by clause in highspy."""
    known: dict[Atom, bool] = {}
    for line in evidence.splitlines():
        predicate, _, arguments = line.lstrip("!").rstrip(")").partition("(")
        known[predicate, *arguments.split(",")] = not line.startswith("!")
    people = sorted({constant for atom in known for constant in atom[1:]})
    merged, constant = by_loops("smokers", people, known, "Friends")
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("threads", 1)
    atoms = {atom: model.addBinary() for atom in sorted({atom for clause in merged for _, atom in clause})}
    objective = []
    for clause, weight in merged.items():
        literals = [atoms[atom] if positive else 1 - atoms[atom] for positive, atom in clause]
        z = model.addVariable(0, 1)
        objective.append(weight * z)
        if weight > 0:
            model.addConstr(z <= model.qsum(literals))
        else:
            for literal in literals:
                model.addConstr(z >= literal)
    model.maximize(model.qsum(objective))
    assert model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return float(model.getObjectiveValue()) + constant
