"""What a layer returns, and what states are worth."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from imle_mln.views import Rows


class Score(NamedTuple):
    """What states are worth, from an evaluator that shares nothing with the engines.

    Attributes:
        weighted: `[*batch]` sum of weight times count over all formulas, plus unaries; hard formulas do not count.
        counts: `[*batch, F]` true groundings of each formula.
        violated: `[*batch]` ground hard clauses and exactly-one blocks that do not hold.
    """

    weighted: Tensor
    counts: Tensor
    violated: Tensor


class MLNState(tuple[Tensor, Tensor]):
    """`state, counts = layer(...)`, and views by predicate: `out["Topic"]` is `[*batch, papers, topics]`.

    Attributes:
        features: `[*batch, G]` truths of the ground features, in the order of `layer.features`; None unless the layer
            was made with ground_weights=True.
    """

    features: Tensor | None
    _rows: Rows
    _lead: torch.Size

    def __new__(cls, state: Tensor, counts: Tensor, features: Tensor | None, rows: Rows, lead: torch.Size) -> MLNState:
        made = super().__new__(cls, (state, counts))
        made.features, made._rows, made._lead = features, rows, lead
        return made

    @property
    def state(self) -> Tensor:
        """`[*batch, A]` atoms, in the order of `layer.atoms`."""
        return self[0]

    @property
    def counts(self) -> Tensor:
        """`[*batch, F]` true groundings, in the order of `layer.formulas`."""
        return self[1]

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            return super().__getitem__(key)
        if len(self._rows.parts) == 1 and self._rows.parts[0][1] is None:
            return self._rows.table(self.state, key)
        inner = self.state.shape[len(self._lead) :]
        found = self._rows.table(self.state.reshape(-1, *inner), key)
        return found.reshape(*self._lead, *found.shape[1:])
