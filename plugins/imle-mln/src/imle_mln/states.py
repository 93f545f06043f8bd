"""What a layer returns, and what states are worth."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor
from torch.utils._pytree import register_pytree_node

from imle.layers import SolverLayer, traced
from imle_mln.views import Rows

if TYPE_CHECKING:
    from imle_mln.layer import MLNLayer


class Score(NamedTuple):
    """What states are worth, from an evaluator that shares nothing with the engines.

    Attributes:
        weighted: `[*batch]`, float64: sum of weight times count over all formulas, plus unaries; hard formulas do not
            count.
        counts: `[*batch, F]` true groundings of each formula.
        violated: `[*batch]` ground hard clauses and exactly-one blocks that do not hold.
    """

    weighted: Tensor
    counts: Tensor
    violated: Tensor


class MLNState(tuple[Tensor, Tensor]):
    """`state, counts = layer(...)`, and views by predicate: `out["Topic"]` is `[*batch, papers, topics]`.

    To `torch.func`, `torch.compile` and `torch.export` it is a tree (pytree) of its tensors.

    Attributes:
        features: `[*batch, G]` truths of the ground features, in the order of `layer.features`; None unless the layer
            was made with ground_weights=True.
    """

    features: Tensor | None
    _layer: MLNLayer
    _rows: Rows | None
    _inner: int

    def __new__(
        cls,
        state: Tensor,
        counts: Tensor,
        features: Tensor | None,
        layer: MLNLayer,
        rows: Rows | None = None,
        inner: int = 1,
    ) -> MLNState:
        """`rows` are None where all have the layer's own evidence; `inner` dimensions of a state follow the batch's."""
        made = super().__new__(cls, (state, counts))
        made.features, made._layer, made._rows, made._inner = features, layer, rows, inner
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
        if self._rows is None:
            return self._layer.rows().table(self.state, key)
        state, inner = self.state, self._inner
        lead = state.shape[:-inner]
        flat = state.reshape(lead.numel(), *state.shape[-inner:])
        found = self._rows.tile(len(flat)).table(flat, key)  # a dimension that was mapped by vmap comes first
        return found.reshape(*lead, *found.shape[1:])


def _flatten(found: MLNState) -> tuple[list[Tensor], tuple[MLNLayer, Rows | None, int]]:
    features = [] if found.features is None else [found.features]
    return [found.state, found.counts, *features], (found._layer, found._rows, found._inner)


def _unflatten(parts: Iterable[Any], context: Any) -> MLNState:
    state, counts, *features = parts
    return MLNState(state, counts, features[0] if features else None, *context)


def _dump(context: Any) -> tuple[str, int]:
    """What becomes of the context in an exported program that is saved; rows of their own never get there."""
    layer, _, inner = context
    return b64encode(traced.dumped(layer)).decode(), inner


def _load(content: Any) -> tuple[SolverLayer, None, int]:
    layer, inner = content
    return traced.restored(b64decode(layer)), None, inner


register_pytree_node(
    MLNState,
    _flatten,
    _unflatten,
    serialized_type_name="imle_mln.states.MLNState",
    to_dumpable_context=_dump,
    from_dumpable_context=_load,
)
