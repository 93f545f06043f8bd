"""Half-hourly electricity prices of the Irish market, as the field's benchmark has them (Mandi et al., JAIR 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imle.datasets.checks import check_seed
from imle.errors import OptionError

Floats = NDArray[np.float64]

SLOTS = 48
"""Half hours of a day."""

FEATURES = 8
"""Of each half hour; the file's first column is the number of the day."""

TRAIN, VALIDATION = 550, 100
"""Days of the benchmark's parts; the rest is for testing."""

WHERE = (
    "prices.npz is Data.npz of the knapsack problem in the repository PredOpt/predopt-benchmarks on GitHub, and "
    "load1.txt to load3.txt are its scheduling instances"
)


class EnergyDays(NamedTuple):
    """Predict a number for every half hour of a day.

    Attributes:
        features: `[days, 48, 8]`, standardised.
        values: `[days, 48]` what an item of the knapsack is worth: about the price times the item's weight.
        prices: `[days, 48]`, values divided by weights.
    """

    features: Tensor
    values: Tensor
    prices: Tensor


class EnergyData(NamedTuple):
    """Days of electricity prices, and the weights of a knapsack with an item for each half hour.

    Attributes:
        train: 550 days.
        validation: 100 days.
        test: the rest, 139 days.
        weights: `[48]` of items, whole numbers (3, 5 or 7), the same every day.
    """

    train: EnergyDays
    validation: EnergyDays
    test: EnergyDays
    weights: Tensor


def load_energy(folder: str | Path, *, seed: int = 0) -> EnergyData:
    """Read the benchmark's electricity prices, which this package does not contain, and split them as it does.

    Features are standardised by mean and deviation of the file's own training part; then all days are shuffled, and
    divided into 550, 100 and the rest. The same seed gives the days that the benchmark's code takes for it. The file
    has values, not prices: prices here are values divided by weights, which leaves in whatever noise went into values.

    Args:
        folder: with the file `prices.npz`.
        seed: of the shuffle.

    Raises:
        OptionError: a bad seed; the file is missing or damaged, lacks an array, or has one of another shape than
            `X_1gtrain, X_1gtest [48 days, 9]`, `y_train, y_test [48 days]`, `weights [48]`; numbers that are not
            finite, weights that are not positive whole numbers, days that are not whole or not in order, or too few.

    Source: Mandi, Kotary, Berden, Mulamba, Bucarey, Guns & Fioretto 2024, section 5.
    """
    check_seed(seed)
    path = Path(folder) / "prices.npz"
    arrays = _read(path)
    weights = arrays["weights"]
    if weights.shape != (SLOTS,) or (weights < 1).any() or (weights % 1).any():
        raise _unexpected(path, "weights", f"{SLOTS} whole numbers >= 1", _shown(weights))
    parts = [_part(path, arrays, name) for name in ("train", "test")]
    days = np.concatenate([day for day, *_ in parts])
    if (wrong := np.flatnonzero(np.diff(days) != 1)).size:
        found = f"{days[wrong[0]]:g} before {days[wrong[0] + 1]:g}"
        raise _unexpected(path, "X_1gtrain, X_1gtest, column 0", "days numbered in order", found)
    if len(days) <= TRAIN + VALIDATION:
        raise _unexpected(path, "X_1gtrain, X_1gtest", f"more than {TRAIN + VALIDATION} days", str(len(days)))
    fitted = parts[0][1].reshape(-1, FEATURES)
    scale = fitted.std(axis=0)
    scale[scale == 0] = 1.0
    features = (np.concatenate([x for _, x, _ in parts]) - fitted.mean(axis=0)) / scale
    values = np.concatenate([y for *_, y in parts])
    order = np.arange(len(days))
    np.random.RandomState(seed).shuffle(order)

    train, validation, test = (
        EnergyDays(*(torch.from_numpy(array[rows]).float() for array in (features, values, values / weights)))
        for rows in np.split(order, [TRAIN, TRAIN + VALIDATION])
    )
    return EnergyData(train, validation, test, torch.from_numpy(weights.astype(np.int64)))


def _read(path: Path) -> dict[str, Floats]:
    """All arrays, as finite float64."""
    if not path.is_file():
        raise OptionError(f"datasets: {path}: no such file", hint=WHERE)
    names = ("X_1gtrain", "X_1gtest", "y_train", "y_test", "weights")
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
            if not isinstance(found, np.lib.npyio.NpzFile):
                raise TypeError("a single array")
            missing = [name for name in names if name not in found]
            arrays = {} if missing else {name: found[name] for name in names}
    except Exception as error:  # a damaged archive or header raises anything
        raise OptionError(
            f"datasets: {path}: expected arrays as numpy.savez writes them, found {error}",
            hint="the file may have been cut off; download it again",
        ) from error
    if missing:
        raise OptionError(f"datasets: {path}: expected the arrays {', '.join(names)}, found no {missing[0]}")
    for name, array in arrays.items():
        if array.dtype.kind not in "uif":
            raise _unexpected(path, name, "real numbers", str(array.dtype))
        arrays[name] = array = array.astype(np.float64)
        if (bad := np.argwhere(~np.isfinite(array))).size:
            place = tuple(map(int, bad[0]))
            raise _unexpected(path, name, "finite numbers", f"{array[place]} at {list(place)}")
    return arrays


def _part(path: Path, arrays: Mapping[str, Floats], part: str) -> tuple[Floats, Floats, Floats]:
    """Numbers of days `[days]`, features `[days, 48, 8]` and values `[days, 48]`."""
    x, y = arrays[f"X_1g{part}"], arrays[f"y_{part}"]
    if x.ndim != 2 or x.shape[1] != 1 + FEATURES:
        raise _unexpected(path, f"X_1g{part}", f"[half hours, {1 + FEATURES}]", str(list(x.shape)))
    if not len(x) or len(x) % SLOTS:
        raise _unexpected(path, f"X_1g{part}", f"whole days of {SLOTS} rows", f"{len(x)} rows")
    if y.shape != x.shape[:1]:
        raise _unexpected(path, f"y_{part}", f"[{len(x)}], a value for each row of X_1g{part}", str(list(y.shape)))
    whole = x.reshape(-1, SLOTS, 1 + FEATURES)
    day = whole[:, :, 0]
    if (wrong := np.argwhere(day != day[:, :1])).size:
        row, slot = map(int, wrong[0])
        raise _unexpected(
            path,
            f"X_1g{part}, column 0",
            f"the number of one day in {SLOTS} rows each",
            f"{day[row, 0]:g} and {day[row, slot]:g} in rows {SLOTS * row} to {SLOTS * row + SLOTS - 1}",
        )
    return day[:, 0], whole[:, :, 1:], y.reshape(-1, SLOTS)


def _unexpected(path: Path, name: str, expected: str, found: str) -> OptionError:
    return OptionError(f"datasets: {path}: {name}: expected {expected}, found {found}")


def _shown(array: Floats) -> str:
    return f"shape {list(array.shape)}" if array.shape != (SLOTS,) else f"{array.min():g} to {array.max():g}"
