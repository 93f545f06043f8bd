"""MPS and LP files: what is taken from them, and what is refused."""

from __future__ import annotations

import gzip

import highspy
import numpy as np
import pytest

from imle.errors import InstanceError
from imle.solvers import SolveStatus
from imle_highs.ilp import HighsILPSolver
from imle_highs.lp import HighsLPSolver

MIXED = """\
Maximize
 obj: 2 x + 3 y - 1 z + 7
Subject To
 c1: x + y + z <= 4
 c2: x - y >= -2
Bounds
 x <= 3
 -5 <= z <= 5
General
 y
End
"""
TAIL = "\nSubject To\n c1: x + y >= 1\n"
UNREADABLE = (
    ": expected an MPS or LP file with a linear model, found one HiGHS cannot read"
    "\n  hint: names end in .mps or .lp (.gz too); quadratic constraints and SOS are not supported"
)


@pytest.fixture
def write(tmp_path):
    def written(text, name="model.lp"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return written


def test_everything_comes_from_the_file(write):
    prepared = HighsILPSolver(sense="max").prepare(model=write(MIXED), variables=["y", "x"])
    assert prepared.objective_shape == (2,)
    assert prepared.labels == ["y", "x"]
    result = prepared.solve(np.array([[3.0, 2.0], [-1.0, 1.5]]))
    assert result.status.tolist() == [SolveStatus.OPTIMAL] * 2
    assert result.solutions.tolist() == [[5, 3], [0, 3]]  # z goes to its lower bound: -(-5) = 5
    assert result.values.tolist() == [15 + 6 + 5 + 7, 4.5 + 5 + 7]


def test_costs_replace_those_of_the_file(write):
    prepared = HighsILPSolver(sense="max").prepare(model=str(write(MIXED)), variables=[0, 1], costs=[0, 0, 2])
    assert prepared.solve(np.array([[1.0, 1.0]])).values.tolist() == [8.0 + 7]


def test_a_file_without_fixed_part_may_be_read_in_either_sense(write):
    prepared = HighsILPSolver(sense="min").prepare(model=write(MIXED))
    result = prepared.solve(np.array([[1.0, 1.0, 1.0]]))
    assert result.solutions.tolist() == [[0, 0, -5]]
    assert result.values.tolist() == [-5.0 - 7]


def test_the_sense_of_fixed_parts_must_agree(write):
    path = write(MIXED)
    with pytest.raises(InstanceError) as caught:
        HighsILPSolver().prepare(model=path, variables=["x"])
    assert str(caught.value) == (
        f"highs-ilp: model {str(path)!r}: expected a file to be read as sense='min', found one that says 'max' and has "
        "coefficients for variables that are not learned\n  hint: give sense='max', or costs=... in the sense you mean"
    )


@pytest.mark.parametrize("suffix", ["mps", "lp"])
def test_round_trip(tmp_path, suffix):
    """A random program written by HiGHS and read back has the same solutions as its matrices."""
    rng = np.random.default_rng(5)
    matrix = rng.integers(-3, 9, size=(4, 6)).astype(float)
    b = matrix.clip(0).sum(axis=1) / 2
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = 6, 4
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = np.ones(6), np.zeros(6), np.arange(1.0, 7.0)
    lp.row_lower_, lp.row_upper_ = np.full(4, -np.inf), b
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    rows, columns = np.nonzero(matrix)
    lp.a_matrix_.start_ = np.searchsorted(rows, np.arange(5)).astype(np.int32)
    lp.a_matrix_.index_, lp.a_matrix_.value_ = columns.astype(np.int32), matrix[rows, columns]
    integrality = [1, 0, 1, 1, 0, 1]
    kinds = highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger
    lp.integrality_ = [kinds[flag] for flag in integrality]
    highs = highspy.Highs()
    highs.silent()
    highs.passModel(lp)
    path = tmp_path / f"model.{suffix}"
    assert highs.writeModel(str(path)) != highspy.HighsStatus.kError
    objective = rng.normal(size=(20, 6))
    read = HighsILPSolver(sense="max").prepare(model=path).solve(objective)
    bounds = [(0, up) for up in range(1, 7)]
    given = HighsILPSolver(sense="max").prepare(A_ub=matrix, b_ub=b, bounds=bounds, integrality=integrality)
    np.testing.assert_allclose(read.values, given.solve(objective).values, atol=1e-9)
    np.testing.assert_allclose(read.solutions, given.solve(objective).solutions, atol=1e-9)


REFUSED = {
    "quadratic objective": (
        "Minimize\n obj: x + [ x ^ 2 ] / 2" + TAIL + "End\n",
        ": expected a linear objective, found a quadratic one\n  hint: use highs-qp",
    ),
    "quadratic row": ("Minimize\n obj: x\nSubject To\n c1: [ x ^ 2 ] + y <= 1\nEnd\n", UNREADABLE),
    "SOS": ("Minimize\n obj: x + y" + TAIL + "SOS\n s1: S1:: x:1 y:2\nEnd\n", UNREADABLE),
    "semi-continuous": (
        "Minimize\n obj: x + y" + TAIL + "Bounds\n 2 <= x <= 5\nSemi-Continuous\n x\nEnd\n",
        ": expected continuous and integer variables, found the semi-continuous variable 'x'"
        "\n  hint: model it with a 0/1 variable and two rows",
    ),
    "crossed bounds": (
        "Minimize\n obj: x + y" + TAIL + "Bounds\n 3 <= x <= 2\nEnd\n",
        ": expected lower <= upper, found (3, 2) for variable 0",
    ),
    "no model": ("what is this", UNREADABLE),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_content(write, name):
    text, message = REFUSED[name]
    path = write(text)
    with pytest.raises(InstanceError) as caught:
        HighsILPSolver().prepare(model=path)
    assert str(caught.value) == f"highs-ilp: model {str(path)!r}{message}"


def test_missing_file(tmp_path):
    path = tmp_path / "nowhere.mps"
    with pytest.raises(InstanceError) as caught:
        HighsLPSolver().prepare(model=path)
    assert str(caught.value) == f"highs-lp: model {str(path)!r}: expected an MPS or LP file, found no such file"


def test_unknown_names(write):
    with pytest.raises(InstanceError) as caught:
        HighsILPSolver().prepare(model=write(MIXED), variables=["x", "w"])
    assert str(caught.value) == (
        "highs-ilp: variables: expected indices 0 to 2 or names of the file's columns, found 'w'"
    )


def test_integer_variables_need_the_integer_solver(write):
    with pytest.raises(InstanceError) as caught:
        HighsLPSolver(sense="max").prepare(model=write(MIXED))
    assert str(caught.value) == (
        "highs-lp: expected continuous variables, found 1 integer ones, the first being 'y'\n  hint: use highs-ilp"
    )


def test_a_file_and_matrices(write):
    path = write(MIXED)
    with pytest.raises(InstanceError) as caught:
        HighsILPSolver().prepare(model=path, A_ub=[[1]], bounds=(0, 1), integrality=1)
    assert str(caught.value) == (
        "highs-ilp: expected either model or matrices and bounds, found model and A_ub, bounds, integrality"
        "\n  hint: rows, bounds and integrality come from the model"
    )


MPS = """NAME small
ROWS
 N COST
 L R1
COLUMNS
    X COST 1 R1 1
    Y COST 2 R1 2
RHS
    RHS R1 10
BOUNDS
 UP BND X 4
ENDATA
"""
WARNED = "expected a file that HiGHS reads without a warning, found: "
MISREAD = {
    "a coefficient that is dropped": ("Y COST 2 R1 2", "Y COST 2 R1 1e-13", WARNED + ".*1e-13.*ignored"),
    "a column in two blocks": ("    Y COST 2 R1 2", "    Y COST 2\n    X R1 3", WARNED + ".*same name .X."),
    "an entry twice": ("    Y COST 2 R1 2", "    Y COST 2 R1 2\n    Y R1 5", WARNED + ".*duplicate nonzero 5"),
    "a right side twice": ("    RHS R1 10", "    RHS R1 10\n    RHS R1 11", WARNED + ".*duplicate value 11"),
    "a row that is none": ("Y COST 2 R1 2", "Y COST 2 R9 2", WARNED + 'Row name "R9".*not defined'),
    "a row twice": (" L R1", " L R1\n G R1", WARNED + ".*same name"),
    "a bound twice": (" UP BND X 4", " UP BND X 4\n UP BND X 5", WARNED + ".*duplicate upper bound"),
    "nan in a row": ("Y COST 2 R1 2", "Y COST 2 R1 nan", r"expected finite entries .* found nan at \(0, 1\)"),
    "nan in the objective": ("Y COST 2", "Y COST nan", "costs: expected finite numbers .*found nan at position 1"),
    "a word": ("Y COST 2 R1 2", "Y COST 2 R1 two", "expected a number in line 7, found 'two'"),
    "a decimal comma": ("Y COST 2 R1 2", "Y COST 2,5 R1 2", "expected a number in line 7, found '2,5'"),
    "a comma in a bound": ("UP BND X 4", "UP BND X 4,5", "expected a number in line 11, found '4,5'"),
}


@pytest.mark.parametrize("name", MISREAD)
@pytest.mark.parametrize("suffix", ["mps", "mps.gz"])
def test_what_would_be_misread(tmp_path, name, suffix):
    """FAULTS A7: HiGHS warns, or says nothing, and goes on with another program."""
    old, new, message = MISREAD[name]
    assert old in MPS
    path = tmp_path / f"model.{suffix}"
    content = MPS.replace(old, new).encode()
    path.write_bytes(gzip.compress(content) if suffix == "mps.gz" else content)
    with pytest.raises(InstanceError, match=message):
        HighsILPSolver().prepare(model=path)


def test_small_coefficients_are_kept(write):
    """FAULTS A7: HiGHS itself drops them from 1e-9 on."""
    text = "Minimize\n obj: x\nSubject To\n c1: 1e-10 x <= 1e-8\nBounds\n x <= 1000000\nGeneral\n x\nEnd\n"
    result = HighsILPSolver().prepare(model=write(text)).solve(np.array([[-1.0]]))
    assert (result.solutions.tolist(), result.values.tolist()) == ([[100]], [-100])


def test_terms_of_one_variable_add_up(write):
    path = write("Maximize\n obj: x\nSubject To\n c1: x + y + x <= 9\nGeneral\n x y\nEnd\n")
    assert HighsILPSolver(sense="max").prepare(model=path).solve(np.array([[1.0, 0.0]])).values.tolist() == [4]


def test_damaged_files(tmp_path):
    whole = gzip.compress(MPS.encode())
    broken = bytearray(whole)
    broken[-6] ^= 255
    for content in (whole[:60], whole[:-8], bytes(broken), b"hello"):
        path = tmp_path / "model.mps.gz"
        path.write_bytes(content)
        with pytest.raises(InstanceError, match=r"model.mps.gz': expected a file that can be unpacked, found a"):
            HighsILPSolver().prepare(model=path)


@pytest.mark.parametrize("path", ["a\0b.mps", ".", ""])
def test_paths_of_no_file(path):
    with pytest.raises(InstanceError, match="expected an MPS or LP file, found no such file"):
        HighsILPSolver().prepare(model=path)


def test_models_that_are_no_path():
    with pytest.raises(InstanceError, match="model: expected the path of an MPS or LP file, found 3"):
        HighsILPSolver().prepare(model=3)
