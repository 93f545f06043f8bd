"""Where clauses come from: files old and new, packed ones, text, pysat's object; what is wrong with them."""

from __future__ import annotations

import bz2
import gzip
import lzma
from fractions import Fraction

import numpy as np
import pytest
from pysat.formula import WCNF

from imle.errors import InstanceError
from imle_pysat.clauses import from_wcnf, parse
from imle_pysat.maxsat import MaxSATSolver

OLD = "c a comment\np wcnf 4 4 10\n10 -1 -2 0\n10 -2\n -3 0\n3 1 0 0.5 2 3 0\n"
NEW = "c a comment\nh -1 -2 0\nh -2 -3 0\n3 1 0\n0.5 2 3 0\n"


def check(formula, variables):
    assert formula.hard == [[-1, -2], [-2, -3]]
    assert formula.soft == [[1], [2, 3]]
    assert formula.weights == [3, Fraction(1, 2)]
    assert formula.variables == variables


def test_both_formats():
    check(parse("test", OLD), 4)
    check(parse("test", NEW), 3)
    assert parse("test", "p wcnf 1 2\n5 1 0\n7 -1 0\n").soft == [[1], [-1]]  # no top: all are soft
    assert parse("test", "p cnf 2 2\n1 2 0\n-1 0\n").soft == [[1, 2], [-1]]
    assert parse("test", "h 1 0\n2 0\n").soft == [[]]  # an empty clause


@pytest.mark.parametrize(("suffix", "opener"), [("", open), (".gz", gzip.open), (".bz2", bz2.open), (".xz", lzma.open)])
def test_files(tmp_path, suffix, opener):
    path = tmp_path / f"formula.wcnf{suffix}"
    with opener(path, "wt") as file:
        file.write(NEW)
    check(from_wcnf("maxsat", path), 3)
    check(from_wcnf("maxsat", str(path)), 3)


def test_objects_and_text():
    check(from_wcnf("maxsat", NEW), 3)
    formula = WCNF()
    formula.extend([[-1, -2], [-2, -3]])
    formula.extend([[1], [2, 3]], weights=[3, 0.5])
    check(from_wcnf("maxsat", formula), 3)
    prepared = MaxSATSolver(weights="variables").prepare(wcnf=OLD)
    assert prepared.objective_shape == (4,)
    result = prepared.solve(np.array([[-4.0, 0.0, -1.0, 2.0]]))
    assert result.solutions.tolist() == [[0, 1, 0, 1]]
    assert result.values.tolist() == [2.5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p wcnf x 1\n1 1 0\n", "line 1: expected 'p wcnf VARIABLES CLAUSES [TOP]' or"),
        ("h 1 0\nh 2\n", "line 2: expected 0 at the end of the last clause, found none"),
        ("h 1 0\nh x 0\n", "line 2: expected literals, whole numbers other than 0, found 'x'"),
        ("h 1 0\nmuch 1 0\n", "line 2: expected a finite weight, found 'much'"),
        ("h 1 0\ninf 1 0\n", "line 2: expected a finite weight, found 'inf'"),
        ("c nothing\n", "expected clauses, found none"),
    ],
)
def test_text_that_is_no_wcnf(text, message):
    with pytest.raises(InstanceError) as caught:
        from_wcnf("maxsat", text)
    assert str(caught.value).startswith(f"maxsat: wcnf: {message}")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InstanceError, match=r"maxsat: wcnf: cannot read .*missing"):
        from_wcnf("maxsat", tmp_path / "missing.wcnf")
    broken = tmp_path / "broken.wcnf.gz"
    broken.write_bytes(b"not packed")
    with pytest.raises(InstanceError, match="cannot read"):
        from_wcnf("maxsat", broken)
    with pytest.raises(InstanceError, match="expected a path, the text of a WCNF file or pysat's WCNF, found int"):
        from_wcnf("maxsat", 7)


@pytest.mark.parametrize(
    ("options", "instance", "message"),
    [
        ({}, {"hard": [[1]]}, "expected soft clauses to learn weights for, found none"),
        ({}, {"soft": [[0]]}, "soft: clause 0: expected literals, whole numbers other than 0, found 0"),
        ({}, {"soft": [[1], [True]]}, "soft: clause 1: expected literals"),
        ({}, {"soft": [[1.5]]}, "soft: clause 0: expected literals"),
        ({}, {"soft": [1, 2]}, "soft: expected a list of clauses, each a list of literals, found 1 at position 0"),
        ({}, {"soft": [[2**30]]}, "soft: clause 0: expected literals"),
        ({}, {"hard": [[1], [-1]], "soft": [[2]]}, "expected hard clauses that can be satisfied together"),
        ({}, {"hard": [[]], "soft": [[2]]}, "expected hard clauses that can be satisfied together"),
        ({}, {"soft": [[1]], "soft_weights": [1]}, "soft_weights: expected none, because weights of clauses are"),
        ({}, {"soft_weights": [1]}, "expected soft beside soft_weights, found soft_weights alone"),
        ({}, {"wcnf": NEW, "soft": [[1]]}, "expected either wcnf or hard and soft, found wcnf and one of these"),
        ({"weights": "variables"}, {"soft": [[1]]}, "soft_weights missing: weights of variables are learned"),
        ({"weights": "variables"}, {"soft": [[1]], "soft_weights": [1, 2]}, "soft_weights: expected one per soft"),
        ({"weights": "variables"}, {"soft": [[1]], "soft_weights": [np.nan]}, "soft_weights: expected a finite"),
        ({"weights": "variables"}, {"hard": []}, "expected at least one variable, found none"),
    ],
)
def test_instances_that_are_refused(options, instance, message):
    with pytest.raises(InstanceError) as caught:
        MaxSATSolver(**options).prepare(**instance)
    assert str(caught.value).startswith(f"maxsat: {message}")
