"""What a literal is worth: soft clauses of any sign of weight as rewards for single literals."""

from __future__ import annotations

from collections.abc import Sequence

from imle_pysat.formula import Bools, Clause, Formula


class Selectors:
    """One literal per soft clause that says whether it is satisfied, with the hard clauses that make it do so.

    A clause of one literal is its own. A longer one gets a new variable s. Rewarding the clause needs `s -> clause`
    only, rewarding its falsification (a negative weight) needs `clause -> s` only: the solver has an interest in the
    rest. An empty clause or one that is always true needs neither.

    Args:
        formula: its soft clauses.
    """

    def __init__(self, formula: Formula) -> None:
        self.top = formula.variables
        self.literal: list[int] = []
        self._up: list[list[Clause]] = []
        self._down: list[list[Clause]] = []
        for clause in formula.soft:
            literals = sorted(set(clause), key=abs)
            if not literals or any(-literal in literals for literal in literals):
                self._append(0, [], [])
            elif len(literals) == 1:
                self._append(literals[0], [], [])
            else:
                self.top += 1
                self._append(self.top, [[-self.top, *literals]], [[self.top, -literal] for literal in literals])

    def _append(self, literal: int, up: list[Clause], down: list[Clause]) -> None:
        self.literal.append(literal)
        self._up.append(up)
        self._down.append(down)

    def rewards(self, weights: Sequence[int], unary: Sequence[int] = ()) -> tuple[dict[int, int], list[Clause]]:
        """Rewards, all positive, by literal; and the clauses that define the selectors among them.

        Args:
            weights: one per soft clause, of any sign.
            unary: one per variable, of any sign, gained if it is true.
        """
        net = dict(enumerate(unary, 1))
        needed: list[Clause] = []
        for literal, up, down, weight in zip(self.literal, self._up, self._down, weights, strict=True):
            if literal and weight:
                variable = abs(literal)
                net[variable] = net.get(variable, 0) + (weight if literal > 0 else -weight)
                needed.extend(up if weight > 0 else down)
        return {
            (variable if reward > 0 else -variable): abs(reward) for variable, reward in net.items() if reward
        }, needed

    def missed(self, rewards: dict[int, int], true: Bools, satisfied: Bools) -> int:
        """The sum of rewards that an assignment does not gain.

        Args:
            rewards: as `rewards` gives them.
            true: `[V]` which variables are true.
            satisfied: `[S]` which soft clauses hold.
        """
        clause_of = {literal: clause for clause, literal in enumerate(self.literal) if literal > len(true)}
        held = {literal: true[abs(literal) - 1] for literal in rewards if abs(literal) <= len(true)}
        held |= {literal: satisfied[clause_of[abs(literal)]] for literal in rewards if abs(literal) > len(true)}
        return sum(reward for literal, reward in rewards.items() if bool(held[literal]) != (literal > 0))
