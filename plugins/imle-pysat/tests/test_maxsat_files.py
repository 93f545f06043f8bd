"""Where clauses come from: files old and new, packed ones, text, pysat's object; what is wrong with them."""

from __future__ import annotations

import bz2
import gzip
import lzma
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from pysat.formula import WCNF, WCNFPlus

from imle.errors import InstanceError
from imle_pysat.clauses import from_lists, from_wcnf, parse
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
    assert parse("test", "2 0\n").variables == 0


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
        ("h 1_0 0\n", "line 1: expected literals, whole numbers other than 0, found '1_0'"),
        ("h " + "9" * 5000 + " 0\n", "line 1: expected literals, whole numbers other than 0, found '9999"),
        ("p wcnf 1 1 1e9999999\n1 1 0\n", "line 1: expected a finite weight, found '1e9999999'"),
        ("p wcnf 1 1\n1 1 0\np wcnf 1 1\n", "line 3: expected one line 'p ...', before all clauses"),
        ("h 1 0\np wcnf 1 2\n1 1 0\n", "line 2: expected one line 'p ...', before all clauses"),
        ("p cnf 2 1\n1 2 0\n%\n0\n-1 0\n", "line 5: expected nothing after the % of line 3, found '-1 0'"),
        ("p cnf 2\n1 2 0\n", "line 1: expected 'p wcnf VARIABLES CLAUSES [TOP]' or"),
        ("p\n1 2 0\n", "line 1: expected 'p wcnf VARIABLES CLAUSES [TOP]' or"),
    ],
)
def test_text_that_is_no_wcnf(text, message):
    with pytest.raises(InstanceError) as caught:
        from_wcnf("maxsat", text)
    assert str(caught.value).startswith(f"maxsat: wcnf: {message}")


def packed(name, text=NEW):
    """A file's bytes after packing, by its suffix."""
    opener = {"gz": gzip, "bz2": bz2, "xz": lzma}[name]
    return opener.compress(text.encode() * 200)


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz"])
def test_damaged_files_are_named(tmp_path, suffix):
    """Cut short at any place, or with a bit flipped: the file is named, whatever the unpacker says."""
    raw = packed(suffix)
    path = tmp_path / f"damaged.wcnf.{suffix}"
    flipped = [raw[:at] + bytes([raw[at] ^ 0x55]) + raw[at + 1 :] for at in range(0, len(raw), 3)]
    refused = 0
    for content in [*(raw[:length] for length in range(1, len(raw), 5)), *flipped]:
        path.write_bytes(content)
        try:
            from_wcnf("maxsat", path)
        except InstanceError as error:
            refused += "damaged.wcnf" in str(error)
        else:
            continue  # what is not checked: times and names in the header
    assert refused > len(raw) // 4


@pytest.mark.parametrize("path", ["a\0b.wcnf", "x" * 100_000 + ".wcnf", "h 1 0", "."])
def test_paths_that_no_file_can_have(path):
    with pytest.raises(InstanceError, match="maxsat: wcnf: cannot read") as caught:
        from_wcnf("maxsat", path)
    assert "a string without line breaks is taken for a path" in caught.value.hint
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("encode", [lambda text: b"\xef\xbb\xbf" + text.encode(), lambda text: text.encode("latin-1")])
@pytest.mark.parametrize(("suffix", "opener"), [(".wcnf", open), (".WCNF.GZ", gzip.open), (".BZ2", bz2.open)])
def test_files_as_other_systems_write_them(tmp_path, encode, suffix, opener):
    """A byte-order mark, comments in Latin-1 or UTF-8 (whose bytes may look like line ends), suffixes in capitals."""
    text = NEW.replace("a comment", "für \xc5 \x85 1 2 0").replace("\n", "\r\n")
    path = tmp_path / f"formula{suffix}"
    with opener(path, "wb") as file:
        file.write(encode(text))
    check(from_wcnf("maxsat", path), 3)
    check(from_wcnf("maxsat", "\ufeff" + text.replace("\x85", "\u2028 h 1 0")), 3)


SATLIB = "c mixed sat?\np cnf 3  3 \n 1 -2 0\n 2 3\n 0 -1 -3 0\n%\n0\n\n"


def test_plain_cnf_is_soft_where_clauses_are_learned_and_hard_where_variables_are(tmp_path):
    path = tmp_path / "uf3.cnf"
    path.write_text(SATLIB)
    assert parse("test", SATLIB).soft == [[1, -2], [2, 3], [-1, -3]]
    assert MaxSATSolver().prepare(wcnf=path).objective_shape == (3,)
    prepared = MaxSATSolver(weights="variables").prepare(wcnf=path)
    assert prepared.formula.hard == [[1, -2], [2, 3], [-1, -3]]
    assert not prepared.formula.soft
    # of all eight assignments, only 001 and 110 satisfy the three clauses
    found = prepared.solve(np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 3.0], [-9.0, 4.0, -9.0], [1.0, 1.0, 2.5]]))
    assert found.solutions.tolist() == [[1, 1, 0], [0, 0, 1], [1, 1, 0], [0, 0, 1]]
    assert found.values.tolist() == [2, 3, -5, 2.5]


@pytest.mark.parametrize(("declared", "hint"), [(4, "cut short"), (2, "correct the line")])
def test_headers_that_declare_another_number_of_clauses(declared, hint):
    text = f"c cut\np wcnf 2 {declared} 10\n10 1 2 0\n10 -1 -2 0\n3 1 0\n"
    with pytest.raises(InstanceError, match=f"expected {declared} clauses, as line 2 declares, found 3") as caught:
        from_wcnf("maxsat", text)
    assert hint in caught.value.hint
    assert len(parse("test", text.replace(f"2 {declared} 10", "2 3 10")).hard) == 2


def test_variables_may_have_any_numbers():
    """Solvers take memory for every number up to the largest: here for those that occur."""
    last = 2**30 - 1
    text = f"h 1 {last} 0\nh -1 -{last} 0\n1 1 0\n2 -1 {last} 0\n"
    found = MaxSATSolver().prepare(wcnf=text).solve(np.array([[1.0, 2.0], [3.0, 2.0]]))
    assert found.solutions.tolist() == [[0, 1], [1, 0]]
    prepared = MaxSATSolver(weights="variables").prepare(hard=[[2, 900_000], [-2, -900_000]])
    objective = np.zeros((2, 900_000))
    objective[:, [0, 1, 2, -1]] = [[0.5, 1.0, -0.5, 2.0], [-0.5, 2.0, 0.5, 1.0]]  # 1 and 3 are in no clause
    found = prepared.solve(objective)
    assert [np.flatnonzero(row).tolist() for row in found.solutions] == [[0, 899_999], [1, 2]]
    assert found.values.tolist() == [2.5, 2.5]
    assert MaxSATSolver(weights="variables", sense="min").prepare(hard=[[2, 3]]).solve(
        np.array([[-1.0, 1.0, 2.0]])
    ).solutions.tolist() == [[1, 1, 0]]


@pytest.mark.parametrize(
    "written",
    ["1e9999999", "1e-9999999", "1/0", "1e301", "9" * 302, "1." + "0" * 1000, "1_0", "0x10", "nan", "1e", "", "٣"],
)
def test_weights_out_of_bounds_are_refused_at_once(written):
    with pytest.raises(InstanceError, match="line 2: expected a finite weight, found") as caught:
        parse("test", f"h 1 0\n{written or '-'} 1 0\n")
    assert "at most 1e300 in size" in caught.value.hint
    assert len(caught.value.message) < 150
    with pytest.raises(InstanceError, match="soft_weights: expected a finite weight"):
        from_lists("maxsat", None, [[1]], [Decimal(written) if written.startswith("1e") and written[2:] else written])


def test_weights_are_taken_as_written():
    written = ("1e300", "-1e-999", "1/3", ".5", "3.", "+2", "1E+002", "007", "1." + "0" * 998)
    text = "".join(f"{one} 1 0\n" for one in written)
    expected = [10**300, -Fraction(1, 10**999), Fraction(1, 3), Fraction(1, 2), 3, 2, 100, 7, 1]
    assert parse("test", text).weights == expected
    given = [Decimal("0.1"), 0.1, np.float32(0.5), np.int64(3), Fraction(1, 7), "1/9", True]
    found = from_lists("maxsat", None, [[1]] * 7, given).weights
    assert found == [Fraction(1, 10), Fraction(0.1), Fraction(1, 2), 3, Fraction(1, 7), Fraction(1, 9), 1]


def test_cardinality_constraints_of_pysat_are_refused():
    formula = WCNFPlus()
    formula.append([1, 2])
    formula.append([[1, 2, 3], 1], is_atmost=True)
    formula.append([1], weight=1)
    with pytest.raises(InstanceError, match="expected clauses only, found 1 cardinality constraints"):
        from_wcnf("maxsat", formula)


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
