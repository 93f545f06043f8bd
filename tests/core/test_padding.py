"""What `row_shapes` may tell, and which entries are a row's own then."""

from __future__ import annotations

import pytest

from imle.errors import SolverContractError
from imle.solvers.padding import own_entries

BLOCKS = {"a": (3,), "b": (2, 1), "c": ()}


def test_first_entries_of_each_dimension_are_own():
    assert own_entries("s", [[1, 2]], (2, 3), 5).tolist() == [[[True, True, False], [False] * 3]]
    assert own_entries("s", [[0], [9]], (2,), 2).tolist() == [[False, False], [True, True]]


def test_blocks_lie_side_by_side_and_those_left_out_are_own():
    own = own_entries("s", {"b": [[1, 1]], "a": [[3], [1]]}, BLOCKS, 2)
    assert own.astype(int).tolist() == [[1, 1, 1, 1, 0, 1], [1, 0, 0, 1, 0, 1]]
    assert own_entries("s", {}, BLOCKS, 2).all()


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ([[1]], r"row_shapes: expected sizes of blocks a, b, c, found list"),
        ({"d": [[1]]}, r"s: row_shapes: expected sizes of blocks a, b, c, found sizes of d"),
        ({"b": [[1]]}, r"s: row_shapes: b: expected sizes \[2, 2\], found shape \[1, 1\]"),
        ({"a": [[1]] * 3}, r"s: row_shapes: a: expected sizes \[2, 1\], found shape \[3, 1\]"),
    ],
)
def test_sizes_that_do_not_fit_to_blocks_are_told(told, message):
    with pytest.raises(SolverContractError, match=message):
        own_entries("s", told, BLOCKS, 2)
