"""What torch's compiler does not look into. Imported only while it is at work, for its own import takes a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from imle.layers.operators import OperatorLayer, dumped, keep_alive


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def portable_key(layer: OperatorLayer) -> Tensor:
    """The key of a layer in an exported program, `[bytes]`.

    Raises:
        OptionError: something that belongs to the layer cannot travel.
    """
    return keep_alive(torch.frombuffer(bytearray(dumped(layer)), dtype=torch.uint8), layer)


@torch.compiler.disable(reason="instances per row are Python objects")  # type: ignore[no-untyped-call, untyped-decorator]
def solve_rows(layer: OperatorLayer, *objective: Any, **given: Any) -> Any:
    """The forward pass of a layer whose rows have instances of their own."""
    return layer.forward(*objective, **given)


@torch.compiler.disable(reason="it calls solvers")  # type: ignore[no-untyped-call, untyped-decorator]
def outside_graphs(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """A function that calls solvers in plain Python, such as the forward pass of a loss."""
    return function(*arguments, **keywords)
