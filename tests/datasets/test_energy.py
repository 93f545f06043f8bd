"""Electricity prices and schedules: what is read, how it is split, and what is wrong with a damaged file."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler
from sklearn.utils import shuffle

from imle import datasets
from imle.errors import OptionError
from support.energy import FOLDER, needs_energy


def made(days=(500, 160), seed=0):
    """Arrays as the file has them."""
    random = np.random.default_rng(seed)
    total = sum(days)
    x = np.column_stack([np.repeat(np.arange(total), 48), random.normal(3, 2, (48 * total, 8))])
    y, cut = random.uniform(0, 99, 48 * total), 48 * days[0]
    weights = random.choice([3, 5, 7], 48)
    return {"X_1gtrain": x[:cut], "X_1gtest": x[cut:], "y_train": y[:cut], "y_test": y[cut:], "weights": weights}


def load(folder, arrays, **options):
    np.savez(folder / "prices.npz", **arrays)
    return datasets.load_energy(folder, **options)


def test_days_are_standardised_shuffled_and_split_as_the_benchmark_does(tmp_path):
    arrays = made()
    data = load(tmp_path, arrays, seed=3)
    scaler = StandardScaler().fit(arrays["X_1gtrain"][:, 1:])
    x = np.concatenate([scaler.transform(arrays[f"X_1g{part}"][:, 1:]) for part in ("train", "test")])
    y = np.concatenate([arrays["y_train"], arrays["y_test"]]).reshape(-1, 48)
    x, y = shuffle(x.reshape(-1, 48, 8), y, random_state=3)
    parts = (data.train, slice(550)), (data.validation, slice(550, 650)), (data.test, slice(650, None))
    for part, rows in parts:
        np.testing.assert_allclose(part.features, x[rows], atol=1e-5)
        np.testing.assert_allclose(part.values, y[rows], rtol=1e-6)
        np.testing.assert_allclose(part.prices, y[rows] / arrays["weights"], rtol=1e-6)
        assert {t.dtype for t in part} == {torch.float32}
    assert [len(part.values) for part, _ in parts] == [550, 100, 10]
    assert data.weights.tolist() == arrays["weights"].tolist()


def test_a_feature_that_never_changes_is_zero(tmp_path):
    arrays = made()
    arrays["X_1gtrain"][:, 2] = arrays["X_1gtest"][:, 2] = 7
    assert not load(tmp_path, arrays).train.features[:, :, 1].any()


@needs_energy
def test_the_real_prices():
    data = datasets.load_energy(FOLDER)
    assert [len(part.values) for part in data[:3]] == [550, 100, 139]
    assert data.weights.unique().tolist() == [3, 5, 7]
    assert data.weights.sum() == 240
    whole = torch.cat([part.features for part in data[:3]])
    assert whole.mean().abs() < 0.1
    assert 20 < data.train.prices.mean() < 100, "euros per megawatt hour"
    by_weight = [data.train.values[:, data.weights == w].mean() / w for w in (3, 5, 7)]
    assert max(by_weight) < 1.1 * min(by_weight), "values grow with weights"


def changed(name, change):
    """The arrays, with one of them changed."""
    arrays = made()
    arrays[name] = change(arrays[name].astype(float))
    return arrays


def at(place, value):
    def change(array):
        array[place] = value
        return array

    return change


def swapped(array):
    """Two days in the wrong order."""
    array[48:96], array[96:144] = array[96:144].copy(), array[48:96].copy()
    return array


DAMAGED = [
    (changed("X_1gtrain", lambda x: x[:, :8]), r"X_1gtrain: expected \[half hours, 9\], found \[24000, 8\]"),
    (changed("X_1gtest", lambda x: x[0]), r"X_1gtest: expected \[half hours, 9\], found \[9\]"),
    (changed("X_1gtrain", lambda x: x[:-1]), r"X_1gtrain: expected whole days of 48 rows, found 23999 rows"),
    (
        changed("y_test", lambda y: y[:-48]),
        r"y_test: expected \[7680\], a value for each row of X_1gtest, found \[7632\]",
    ),
    (changed("y_train", at(5, np.nan)), r"y_train: expected finite numbers, found nan at \[5\]"),
    (changed("X_1gtest", at((7, 2), np.inf)), r"X_1gtest: expected finite numbers, found inf at \[7, 2\]"),
    (changed("X_1gtrain", swapped), r"column 0: expected days numbered in order, found 0 before 2"),
    (
        changed("X_1gtrain", at((3, 0), 1)),
        r"column 0: expected the number of one day in 48 rows each, found 0 and 1 in",
    ),
    (changed("X_1gtest", lambda x: x - 1), r"column 0: expected days numbered in order, found 499 before 499"),
    (made(days=(500, 150)), r"expected more than 650 days, found 650"),
    (changed("weights", lambda w: w[:47]), r"weights: expected 48 whole numbers >= 1, found shape \[47\]"),
    (changed("weights", at(0, 0)), r"weights: expected 48 whole numbers >= 1, found 0 to 7"),
    (changed("weights", at(0, 2.5)), r"weights: expected 48 whole numbers >= 1, found 2\.5 to 7"),
    ({**made(), "y_test": made()["y_test"].astype(str)}, r"y_test: expected real numbers, found <U"),
    (
        {name: a for name, a in made().items() if name != "y_test"},
        r"expected the arrays X_1gtrain, .*, found no y_test",
    ),
]


@pytest.mark.parametrize(("arrays", "message"), DAMAGED)
def test_a_damaged_file_is_refused_by_name(tmp_path, arrays, message):
    with pytest.raises(OptionError, match=rf"prices\.npz: .*{message}"):
        load(tmp_path, arrays)


@pytest.mark.parametrize("bytes_left", [0, 7, 100_000])
def test_a_file_that_was_cut_off(tmp_path, bytes_left):
    load(tmp_path, made())
    path = tmp_path / "prices.npz"
    path.write_bytes(path.read_bytes()[:bytes_left])
    with pytest.raises(OptionError, match=r"prices\.npz: expected arrays as numpy\.savez writes them, found"):
        datasets.load_energy(tmp_path)


def test_a_single_array_is_no_archive(tmp_path):
    with (tmp_path / "prices.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(OptionError, match=r"prices\.npz: expected arrays as .*, found a single array"):
        datasets.load_energy(tmp_path)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(OptionError, match=r"prices\.npz: no such file") as failure:
        datasets.load_energy(tmp_path)
    assert "predopt-benchmarks" in str(failure.value.hint)
    with pytest.raises(OptionError, match=r"load2\.txt: no such file"):
        datasets.load_schedule(tmp_path, 2)


@pytest.mark.parametrize("seed", [-1, 1.5, None])
def test_what_is_no_seed(tmp_path, seed):
    with pytest.raises(OptionError, match="datasets: seed: expected an int"):
        load(tmp_path, made(), seed=seed)


LOAD = """\
30
1
2
0 190 0.1 0.0
50
1 170 0.1 0.1
60
2
0 10 1 25 471.40
26
1 23 8 48 426.43
60
"""


def schedule(folder, text):
    (folder / "load1.txt").write_text(text)
    return datasets.load_schedule(folder, 1)


def test_a_schedule_by_hand(tmp_path):
    data = schedule(tmp_path, LOAD)
    assert (data.minutes, data.slots) == (30, 48)
    assert data.capacities.tolist() == [[50], [60]]
    assert data.durations.tolist() == [10, 23]
    assert data.earliest.tolist() == [1, 8]
    assert data.latest.tolist() == [25, 48]
    assert data.power.tolist() == [471.40, 426.43]
    assert data.uses.tolist() == [[26], [60]]


@needs_energy
@pytest.mark.parametrize(("number", "jobs", "machines"), [(1, 10, 3), (2, 15, 3), (3, 20, 5)])
def test_the_real_schedules(number, jobs, machines):
    data = datasets.load_schedule(FOLDER, number)
    assert data.capacities.shape == (machines, 1)
    assert data.uses.shape == (jobs, 1)
    assert data.slots == 48


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("30\n", "31\n", "line 1: expected a number of minutes that divides a day, found '31'"),
        ("30\n", "half\n", "line 1: expected the minutes of a slot, found 'half'"),
        ("30\n1\n", "30\n0\n", "line 2: expected a number of resources >= 1, found '0'"),
        ("1 170", "2 170", "line 6: expected machine 1, found '2 170 0.1 0.1'"),
        ("0.1 0.0", "0.1", "line 4: expected id, idle, up and down of a machine, found '0 190 0.1'"),
        ("50", "50 50", "line 5: expected 1 capacities, found '50 50'"),
        ("50", "-50", "line 5: expected capacities >= 0, found '-50'"),
        ("471.40", "nan", "line 9: expected id, duration, earliest, latest and power of a task, found"),
        ("471.40", "-1", "line 9: expected a task of power >= 0 that fits into slots 0 to 48, found"),
        ("1 25 4", "20 25 4", "line 9: expected a task of power >= 0 that fits"),
        ("8 48 4", "8 49 4", "line 11: expected a task of power >= 0 that fits"),
        ("0 10 1", "1 10 1", "line 9: expected task 0, found '1 10 1 25 471.40'"),
        ("\n60\n2", "\n60\n3", "line 13: expected id, duration, .* of a task, found the end of the file"),
        ("\n60\n2", "\n60\n1", "line 11: expected the end of the file, after as many tasks as it announces, found"),
        ("426.43\n60", "426.43\n61", "line 12: expected no more resources than some machine has, found '61'"),
        ("426.43\n60\n", "426.43", "line 12: expected 1 resources that the task uses, found the end of the file"),
        ("30\n", "dreißig\n", "expected a text file of numbers, found"),
        (LOAD, "", "line 1: expected the minutes of a slot, found ''"),
    ],
)
def test_a_damaged_schedule_is_refused_by_line(tmp_path, old, new, message):
    assert LOAD.count(old)
    with pytest.raises(OptionError, match=rf"load1\.txt: {message}"):
        schedule(tmp_path, LOAD.replace(old, new, 1))


@pytest.mark.parametrize("number", [0, 4, "1", None, True])
def test_what_is_no_number_of_a_schedule(number):
    with pytest.raises(OptionError, match=re.escape(f"number: expected 1, 2 or 3, found {number!r}")):
        datasets.load_schedule("anywhere", number)
