"""Why a most probable world is as it is: what other values of an atom would cost, and which formulas say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from imle.errors import InstanceError
from imle_mln.changes import Changes, Moves, single_moves
from imle_mln.errors import did_you_mean
from imle_mln.evidence.text import atom_name
from imle_mln.grounding import Grounding
from imle_mln.network import Bools, Floats
from imle_mln.units import MOST, Units


class Reason(NamedTuple):
    """What a formula says about a change.

    Attributes:
        formula: as text.
        gain: what it adds to the score of the world as it is, compared with the changed one.
        groundings: how many more of its groundings are true in the world as it is.
    """

    formula: str
    gain: float
    groundings: float


class CostlyGrounding(NamedTuple):
    """A ground formula, or what is left of it once evidence is known.

    Attributes:
        text: such as "!Smokes(Ann) v Smokes(Ben)".
        cost: what it takes from the score.
    """

    text: str
    cost: float


@dataclass(frozen=True)
class Explanation:
    """Why an atom has its truth in a world.

    Attributes:
        atom: as text.
        truth: in the world.
        instead: what would be changed: the atom, and in a block the value that would take its place.
        cost: by how much the score falls if it is changed and all else stays; infinite where a hard formula forbids it,
            below 0 where the world is not a best one.
        reasons: formulas with a part in that, those that speak most for the world as it is first.
        unary: the part of the atoms' own unaries.
        forced: hard ground clauses that would break.
    """

    atom: str
    truth: bool
    instead: tuple[str, ...]
    cost: float
    reasons: tuple[Reason, ...]
    unary: float
    forced: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.atom} is {str(self.truth).lower()}; {' and '.join(self.instead)} instead would "]
        lines[0] += "break a hard formula" if self.forced else f"cost {self.cost:.6g}"
        lines += [f"  {'hard':>10}  {text}" for text in self.forced]
        lines += [f"  {reason.gain:>+10.4g}  {reason.formula} ({reason.groundings:+g})" for reason in self.reasons]
        if self.unary:
            lines.append(f"  {self.unary:>+10.4g}  unary")
        return "\n".join(lines)


class Ranked(NamedTuple):
    """A state of some atoms.

    Attributes:
        cost: how much less it scores than the world as it is.
        atoms: their truths, by name.
    """

    cost: float
    atoms: dict[str, bool]


class Explainer:
    """Looks at one world.

    Args:
        grounding: whose world it is.
        world: `[A]` truths of all open atoms.
        weights: `[F]` of formulas.
        unary: `[A]` what each atom adds to the score if it is true.
    """

    def __init__(self, grounding: Grounding, world: Bools, weights: Floats, unary: Floats) -> None:
        self._grounding, self._network = grounding, grounding.network
        self._world, self._weights, self._unary = world, weights, unary
        self._units = Units.of(self._network)
        self._changes = Changes(self._network, self._world)
        self._numbers = {name: number for number, name in enumerate(grounding.atoms.names)}

    def explain(self, atom: str) -> Explanation:
        """Why an atom has its truth.

        Args:
            atom: an open one, such as "Smokes(Ann)".

        Raises:
            InstanceError: no open atom has this name.
        """
        number = self._number(atom)
        moves = self._moves(number)
        gains, differences = self._gains(moves)
        best = int(np.argmax(gains))
        forced = np.flatnonzero(self._network.hard & (self._changes.clauses(moves)[[best]].toarray()[0] < 0))
        change = moves.atoms[[best]].toarray()[0].astype(np.int64)
        counts = differences[[best]].toarray()[0]
        parts = -counts * self._weights
        order = sorted(np.flatnonzero(counts).tolist(), key=lambda at: -parts[at])
        names = self._grounding.formulas.names
        return Explanation(
            atom=self._grounding.atoms.name(number),
            truth=bool(self._world[number]),
            instead=tuple(self._literal(at, bool(change[at] > 0)) for at in np.flatnonzero(change).tolist()),
            cost=float(0.0 - gains[best]),
            reasons=tuple(Reason(names[at], float(parts[at]), float(-counts[at])) for at in order),
            unary=float(-(change @ self._unary)),
            forced=tuple(self._network.text(clause, self._grounding.atoms.name) for clause in forced.tolist()),
        )

    def violated(self, most: int = 10) -> list[CostlyGrounding]:
        """The ground formulas that cost the world most: false ones that speak for it, true ones that speak against.

        Args:
            most: how many at most.
        """
        clause = self._network.clause_weights(self._weights)
        costs = np.where(self._changes.truths, -clause, clause)
        order = np.argsort(-costs, kind="stable")[:most]
        return [
            CostlyGrounding(
                self._network.text(at, self._grounding.atoms.name, positive=bool(clause[at] > 0)), float(costs[at])
            )
            for at in order.tolist()
            if costs[at] > 0
        ]

    def best_states(self, atom: str, most: int = 5) -> list[Ranked]:
        """The best states of the atoms that hang together with one, all else as it is; the best first.

        Args:
            atom: an open one.
            most: how many at most; states that break hard formulas are none.

        Raises:
            InstanceError: no open atom has this name, or too many hang together with it.
        """
        own = int(self._units.unit[self._number(atom)])
        part = next(part for part in self._units.parts(self._network) if own in part)
        if self._units.states(part) > MOST:
            raise InstanceError(f"{atom}: expected at most {MOST:,} states of what it hangs together with, found more")
        atoms, worlds = self._units.worlds(part)
        row, column = np.nonzero(worlds != self._world[atoms])
        moves = Moves.of(row, atoms[column], self._world, np.arange(len(worlds)))
        names = [self._grounding.atoms.name(one) for one in atoms.tolist()]
        gains, _ = self._gains(moves)
        found = []
        for at in np.argsort(-gains, kind="stable")[:most].tolist():
            if np.isfinite(gains[at]):
                truths = sorted(zip(atoms.tolist(), names, worlds[at].tolist(), strict=True))
                found.append(Ranked(float(0.0 - gains[at]), {name: truth for _, name, truth in truths}))
        return found

    def _number(self, atom: str) -> int:
        name = atom_name(atom)
        if name not in self._numbers:
            raise InstanceError(
                f"expected an open atom, found {atom!r}, which evidence decides or the program does not have",
                hint=did_you_mean(name, self._numbers),
            )
        return self._numbers[name]

    def _moves(self, number: int) -> Moves:
        """What changes an atom: the other values of its unit, or the one of its block that makes it true."""
        moves = single_moves(self._network, self._world, self._units.unit == self._units.unit[number])
        own = np.flatnonzero(moves.atoms[:, [number]].toarray()[:, 0])
        return Moves(moves.atoms[own], moves.group[own])

    def _gains(self, moves: Moves) -> tuple[Floats, Any]:
        """What moves add to the score, -inf for those that break a hard clause; and sparse `[M, F]` to counts."""
        counts, breaking = self._changes.counts(moves)
        gains: Floats = counts @ self._weights + moves.atoms @ self._unary
        gains[breaking] = -np.inf
        return gains, counts

    def _literal(self, atom: int, truth: bool) -> str:
        return ("" if truth else "!") + self._grounding.atoms.name(atom)
