"""How different two solutions are."""

from __future__ import annotations

from torch import Tensor

from imle.metrics.checks import rows_of


def hamming(
    solution: Tensor, target: Tensor, *, event_ndim: int = 1, share: bool = False, tolerance: float = 1e-6
) -> Tensor:
    """The number of entries in which two solutions differ.

    Args:
        solution: `[*batch, *event]`.
        target: `[*batch, *event]`.
        event_ndim: how many trailing dimensions make up one solution.
        share: divide by the number of entries.
        tolerance: entries differ if they are further apart than this.

    Returns:
        `[*batch]`.

    Raises:
        ObjectiveError: shapes differ.
        OptionError: an option is not valid.
    """
    one, other = rows_of(event_ndim, solution=solution, target=target)
    different = ((one - other).abs() > tolerance).to(one.dtype)
    return different.mean(dim=-1) if share else different.sum(dim=-1)


def exact_match(solution: Tensor, target: Tensor, *, event_ndim: int = 1, tolerance: float = 1e-6) -> Tensor:
    """1 where two solutions agree in every entry, else 0; the mean is the accuracy.

    Args:
        solution, target, event_ndim, tolerance: as for `hamming`.

    Returns:
        `[*batch]`.

    Raises:
        ObjectiveError, OptionError: as for `hamming`.
    """
    different = hamming(solution, target, event_ndim=event_ndim, tolerance=tolerance)
    return (different == 0).to(different.dtype)
