"""Hard formulas and blocks that contradict each other once evidence is in: found by unit propagation, told by name."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from imle_mln.grounding.atoms import AtomTable
from imle_mln.network import GroundNetwork
from imle_mln.printing import declaration_text

# Rounds of propagation, and clauses of the explanation; what takes longer is left to inference, which does not name it.
_ROUNDS = 100
_TOLD = 5


def contradiction(network: GroundNetwork, atoms: AtomTable, rules: Mapping[int, str]) -> str:
    """What hard clauses of atoms and blocks contradict each other, in words; "" if nothing is found.

    Args:
        network: its hard clauses.
        atoms: for names.
        rules: for each hard clause the rule that makes it so, as text.
    """
    lengths = np.diff(network.clauses.starts)
    if not (network.hard & (lengths == 1)).any():
        return ""  # nothing to begin with
    items = network.clauses.items
    nested = np.logical_or.reduceat(np.where(items < 0, ~items, items) >= network.atoms, network.clauses.starts[:-1])
    clauses = np.flatnonzero(network.hard & ~nested)
    kept = np.repeat(network.hard & ~nested, lengths)
    items, lengths = items[kept], lengths[clauses]
    row, starts = np.repeat(np.arange(len(clauses)), lengths), np.cumsum(lengths) - lengths
    wanted = items >= 0
    variables = np.where(wanted, items, ~items)
    values = np.full(network.atoms, -1, np.int8)
    # what decides each atom: a clause, or -2 - block
    reasons = np.full(network.atoms, -1, np.int64)
    choices = network.choices.entries()
    exactly = np.arange(len(choices.starts)) < len(network.blocks)
    for _ in range(_ROUNDS if len(clauses) else 0):
        own = values[variables]
        holds = np.logical_or.reduceat(own == wanted, starts)
        left = np.add.reduceat(own < 0, starts, dtype=np.int64)
        if (broken := np.flatnonzero(~holds & (left == 0))).size:
            return _explained(network, atoms, rules, int(clauses[broken[0]]), reasons)
        last = (~holds & (left == 1))[row] & (own < 0)
        values[variables[last]] = wanted[last]
        reasons[variables[last]] = clauses[row[last]]
        own = values[choices.variable]
        true = np.add.reduceat(own == 1, choices.starts, dtype=np.int64)
        unknown = np.add.reduceat(own < 0, choices.starts, dtype=np.int64)
        if (broken := np.flatnonzero((true > 1) | (exactly & (true + unknown == 0)))).size:
            return _explained(network, atoms, rules, -2 - int(broken[0]), reasons)
        sure = ((true == 1) | (exactly & (true + unknown == 1)))[choices.row] & (own < 0)
        values[choices.variable[sure]] = (true == 0)[choices.row[sure]]
        reasons[choices.variable[sure]] = -2 - choices.row[sure]
        if not last.any() and not sure.any():
            break
    return ""


def _explained(
    network: GroundNetwork, atoms: AtomTable, rules: Mapping[int, str], broken: int, reasons: NDArray[np.int64]
) -> str:
    chain = [broken]
    for one in chain:
        for literal in (network.clauses[one] if one >= 0 else network.choices[-2 - one]).tolist():
            reason = int(reasons[max(literal, ~literal)])
            if reason != -1 and reason not in chain:
                chain.append(reason)
    told = [
        f"{network.text(one, atoms.name)} by {rules[one]}" if one >= 0 else _block_text(network, atoms, -2 - one)
        for one in reversed(chain[:_TOLD])
    ]
    more = f"; and {len(chain) - _TOLD} more" if len(chain) > _TOLD else ""
    return f"given the evidence, hard formulas contradict each other: {'; '.join(told)}{more}"


def _block_text(network: GroundNetwork, atoms: AtomTable, block: int) -> str:
    """What a block says, and the line that declares it."""
    predicate = atoms.predicate_of(int(network.choices[block][0]))
    many = "exactly one" if block < len(network.blocks) else "at most one"
    return f"{many} by line {predicate.line}: {declaration_text(predicate)}"
