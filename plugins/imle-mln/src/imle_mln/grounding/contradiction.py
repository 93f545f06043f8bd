"""Hard formulas that contradict each other once evidence is in: found by unit propagation, told by name."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from imle_mln.grounding.atoms import AtomTable
from imle_mln.network import GroundNetwork

# Rounds of propagation, and clauses of the explanation; what takes longer is left to inference, which does not name it.
_ROUNDS = 100
_TOLD = 5


def contradiction(network: GroundNetwork, atoms: AtomTable, rules: Mapping[int, str]) -> str:
    """What hard clauses of atoms contradict each other, in words; "" if none is found.

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
    reasons = np.full(network.atoms, -1, np.int64)
    for _ in range(_ROUNDS if len(clauses) else 0):
        own = values[variables]
        holds = np.logical_or.reduceat(own == wanted, starts)
        left = np.add.reduceat(own < 0, starts, dtype=np.int64)
        if (broken := np.flatnonzero(~holds & (left == 0))).size:
            return _explained(network, atoms, rules, int(clauses[broken[0]]), reasons)
        last = (~holds & (left == 1))[row] & (own < 0)
        if not last.any():
            break
        values[variables[last]] = wanted[last]
        reasons[variables[last]] = clauses[row[last]]
    return ""


def _explained(
    network: GroundNetwork, atoms: AtomTable, rules: Mapping[int, str], broken: int, reasons: NDArray[np.int64]
) -> str:
    chain = [broken]
    for clause in chain:
        for literal in network.clauses[clause].tolist():
            reason = int(reasons[max(literal, ~literal)])
            if reason not in chain:
                chain.append(reason)
    told = [f"{network.text(clause, atoms.name)} by {rules[clause]}" for clause in reversed(chain[:_TOLD])]
    more = f"; and {len(chain) - _TOLD} more" if len(chain) > _TOLD else ""
    return f"given the evidence, hard formulas contradict each other: {'; '.join(told)}{more}"
