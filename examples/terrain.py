"""Terrain: learn what crossing a tile costs from pictures of maps and cheapest paths on them (the Warcraft setting).

A small convolutional network gives every tile of a picture a cost, and a solver finds the cheapest path from the upper
left tile to the lower right one, diagonal steps allowed. All that is known in training are the paths: the loss is the
number of tiles in which the path found and the given one differ, and its gradient goes through the solver. No method
sees a cost, but for the last two, which show what costs would be worth. ("Mult." is multiplicative noise.)

The network sees one tile at a time, so it fits maps of any size: trained on 12 x 12, it is tested up to 30 x 30. A test
path counts as optimal if no path is cheaper by the true costs; many maps have several that are equally cheap.

    python examples/terrain.py                # maps made here, three seeds, minutes
    python examples/terrain.py --quick        # one seed, few maps and methods, seconds
    python examples/terrain.py --data DIR     # the public Warcraft maps: DIR/12x12/train_maps.npy, ...
"""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import imle
from common import arguments, bars, layers, methods_of, save, seeds_of, show, with_progress
from imle import datasets, losses, metrics
from imle.errors import SolverWarning
from imle.noise import SumOfGammaNoiseDistribution

SOLVER = "grid-shortest-path"
CHANNELS, BATCH, RATE = 32, 50, 0.01
TEST_SEED = 1000
"""Added to the seed of training maps."""

TIE = 0.05
"""Costs are multiples of 0.1, so paths whose totals differ by less are equally cheap, rounding aside."""


@dataclass(frozen=True)
class Task:
    """Maps to train with, passes over them, their size; maps to test with, and their sizes."""

    train: int
    epochs: int
    size: int
    test: int
    sizes: tuple[int, ...]


FULL = Task(train=4000, epochs=15, size=12, test=200, sizes=(12, 18, 24, 30))
QUICK = Task(train=600, epochs=10, size=12, test=100, sizes=(12, 18))


class Maps(NamedTuple):
    """Pictures `[N, 3, pixels, pixels]`, costs `[N, size, size]`, and one cheapest path each, a mask like the costs."""

    images: Tensor
    costs: Tensor
    paths: Tensor


def with_paths(data: datasets.TerrainData) -> Maps:
    """Add a cheapest path to each map: one with the fewest tiles."""
    return Maps(*data, imle.layer(SOLVER, noise=None)(data.costs))


def load(task: Task, seed: int, folder: Path | None) -> tuple[Maps, dict[int, Maps]]:
    """Maps to train with, and to test with by size: made here, or read from a folder per size such as `12x12`."""
    if folder is None:
        train = datasets.terrain(task.train, size=task.size, seed=seed)
        tests = {size: datasets.terrain(task.test, size=size, seed=seed + TEST_SEED) for size in task.sizes}
    else:
        train = datasets.load_warcraft(folder / f"{task.size}x{task.size}", maps=task.train)
        names = {size: folder / f"{size}x{size}" for size in task.sizes}
        tests = {n: datasets.load_warcraft(f, "test", maps=task.test) for n, f in names.items() if f.is_dir()}
    return with_paths(train), {size: with_paths(data) for size, data in tests.items()}


class Network(nn.Module):
    """Costs `[B, size, size]` of pictures, each tile's from its own pixels. The exponential keeps them positive."""

    def __init__(self, tile: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, CHANNELS, tile, stride=tile),
            nn.BatchNorm2d(CHANNELS),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, CHANNELS, 1),
            nn.BatchNorm2d(CHANNELS),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, 1, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        costs: Tensor = self.layers(images).squeeze(1).exp()
        return costs


Loss = Callable[[Tensor, Maps], Tensor]
"""From predicted costs and what is known of the same maps to a number."""


@dataclass(frozen=True)
class Method:
    """How to make a loss, and a learning rate."""

    make: Callable[[], Loss]
    rate: float = RATE


def estimator(rule: str | imle.estimators.Estimator, *, rate: float = RATE, **options: Any) -> Method:
    """A solver layer after the network, and the tiles in which two paths differ."""

    def make() -> Loss:
        layer = layers(SOLVER, rule, **options)()
        return lambda costs, known: (layer(costs) - known.paths).abs().flatten(1).sum(dim=1).mean()

    return Method(make, rate)


def surrogate(kind: Callable[..., nn.Module], *, of_costs: bool = False, **options: Any) -> Method:
    """A loss of `imle.losses`, which calls the solver itself."""

    def make() -> Loss:
        module = kind(imle.layer(SOLVER, noise=None), **options)
        if of_costs:
            return lambda costs, known: module(costs, known.costs, known.paths)
        return lambda costs, known: module(costs, known.paths)

    return Method(make)


def least_squares() -> Loss:
    """No solver: a regression of the costs."""
    return lambda costs, known: (costs - known.costs).square().mean()


NOISY: dict[str, Any] = {"nb_samples": 2, "temperature": 0.3}
# A rule without a second solve has much more variance: it needs more samples and smaller steps.
SCORED: dict[str, Any] = {"nb_samples": 10, "rate": 0.005}
UNDIVIDED = imle.estimators.IMLE(scale=False)
METHODS = {
    "imle": estimator(UNDIVIDED, **NOISY),
    "imle, sum of gamma": estimator(UNDIVIDED, noise=SumOfGammaNoiseDistribution(k=15), **NOISY),
    "imle, symmetric": estimator(imle.estimators.IMLE(symmetric=True, scale=False), **NOISY),
    "aimle": estimator("aimle", **NOISY),
    "blackbox": estimator("blackbox"),
    "identity": estimator("identity"),
    "straight-through": estimator("straight-through", **NOISY),
    "perturbed": estimator("perturbed", temperature=0.3, **SCORED),
    "perturbed, mult.": estimator("perturbed-multiplicative", temperature=0.1, **SCORED),
    "Fenchel-Young": surrogate(losses.PerturbedFenchelYoung, **NOISY),
    # This noise grows with the costs, so that the network cannot outgrow it, as it does the others.
    "Fenchel-Young, mult.": surrogate(
        losses.PerturbedFenchelYoung, noise="multiplicative", nb_samples=2, temperature=0.1
    ),
    "implicit MLE": surrogate(losses.ImplicitMLE, **NOISY),
    "SPO+, costs": surrogate(losses.SPOPlus, of_costs=True),
    "least squares, costs": Method(least_squares),
}
IN_QUICK = ("imle", "blackbox", "Fenchel-Young")
SAME = "all tiles the same"


@dataclass(frozen=True)
class Result:
    """What one method reached with one seed.

    Attributes:
        optimal: share of test maps with an optimal path, by size of map.
        seconds: of training, of one core.
        costs: `[size, size]` predicted for the first test map of the largest size.
    """

    optimal: dict[int, float]
    seconds: float
    costs: Tensor


def train(network: nn.Module, method: Method, known: Maps, epochs: int) -> None:
    """Adam at a rate that rises, then falls."""
    loss_of = method.make()
    optimizer = torch.optim.Adam(network.parameters(), lr=method.rate)
    batches = [rows for _ in range(epochs) for rows in torch.split(torch.randperm(len(known.costs)), BATCH)]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, method.rate, total_steps=len(batches))
    for rows in batches:
        batch = Maps(*(values[rows] for values in known))
        loss = loss_of(network(batch.images), batch)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()


def is_optimal(costs: Tensor, maps: Maps) -> Tensor:
    """Whether the path that predicted costs `[N, size, size]` lead to is a cheapest one. `[N]`."""
    found = imle.layer(SOLVER, noise=None)(costs)
    return metrics.regret(maps.costs, found, maps.paths, sense="min", event_ndim=2) < TIE


def shares(predicted: Mapping[int, Tensor], tests: Mapping[int, Maps]) -> dict[int, float]:
    """Of test maps with an optimal path, by size of map."""
    return {size: float(is_optimal(predicted[size], maps).float().mean()) for size, maps in tests.items()}


@torch.no_grad()
def predict(network: nn.Module, maps: Maps) -> Tensor:
    """Costs `[N, size, size]`, some maps at a time."""
    return torch.cat([network(images) for images in torch.split(maps.images, BATCH)])


def run(method: Method, known: Maps, tests: Mapping[int, Maps], epochs: int, seed: int) -> Result:
    """Train a new network, and test it."""
    torch.manual_seed(seed)
    network = Network(known.images.shape[-1] // known.costs.shape[-1])
    start = time.process_time()
    with warnings.catch_warnings():
        # noise and targets push some costs below zero, which the solver reads as zero: no harm is seen here
        warnings.simplefilter("ignore", SolverWarning)
        train(network, method, known, epochs)
    seconds = time.process_time() - start
    network.eval()
    predicted = {size: predict(network, maps) for size, maps in tests.items()}
    return Result(shares(predicted, tests), seconds, predicted[max(tests)][0])


def draw(axes: Any, cells: Tensor, path: Tensor, title: str) -> None:
    """Costs `[size, size]` or a picture `[3, pixels, pixels]`, with a path across it."""
    size = len(path)
    shown = cells.permute(1, 2, 0) if cells.ndim == 3 else cells
    axes.imshow(shown.numpy(), extent=(0, size, size, 0), cmap="viridis")
    rows, columns = (path.nonzero() + 0.5).unbind(1)
    axes.scatter(columns, rows, s=14, color="white", edgecolors="black", linewidths=0.7)
    axes.set_title(title, fontsize=11)
    axes.set_axis_off()


def plot(results: Mapping[str, Sequence[Result]], maps: Maps, path: Path) -> None:
    """A test map of the last seed: picture, true costs, learned costs, with paths; then how often methods are right."""
    figure = Figure(figsize=(17, 4.6), layout="constrained")
    picture, true, learned, chart = figure.subplots(1, 4, width_ratios=[1, 1, 1, 1.1])
    name = next(name for name in results if name != SAME)
    costs = results[name][-1].costs
    found = imle.layer(SOLVER, noise=None)(costs.unsqueeze(0))[0]
    draw(picture, maps.images[0], maps.paths[0], "an unseen map, and a cheapest path")
    draw(true, maps.costs[0], maps.paths[0], "true costs")
    draw(learned, costs, found, f"costs learned by {name}, and their path")
    size = max(results[SAME][0].optimal)
    right = {name: [100 * result.optimal[size] for result in runs] for name, runs in results.items()}
    bars(chart, right, f"optimal paths on unseen {size} x {size} maps, %", baselines=[SAME])
    save(figure, path)


def untrained(tests: Mapping[int, Maps]) -> Result:
    """The same cost for every tile: the path with the fewest."""
    flat = {size: torch.ones_like(maps.costs) for size, maps in tests.items()}
    return Result(shares(flat, tests), 0.0, flat[max(tests)][0])


def main(argv: Sequence[str] | None = None) -> dict[str, list[Result]]:
    """Run the example; returns what it shows: results by method, one per seed."""
    parser = arguments(__doc__, METHODS, plot="terrain.png", quick="one seed, fewer maps and methods")
    parser.add_argument("--data", type=Path, default=None, help="folder of the Warcraft maps, with a folder per size")
    options = parser.parse_args(argv)
    task = QUICK if options.quick else FULL
    methods = methods_of(options, METHODS, IN_QUICK)
    results: dict[str, list[Result]] = {name: [] for name in (SAME, *methods)}
    for seed, name in with_progress(list(itertools.product(seeds_of(options), results)), "training"):
        if name == SAME:  # the first of a seed
            known, tests = load(task, seed, options.data)
            results[name].append(untrained(tests))
        else:
            results[name].append(run(METHODS[name], known, tests, task.epochs, seed))
    columns = {
        f"{size} x {size}": {name: [100 * result.optimal[size] for result in found] for name, found in results.items()}
        for size in tests
    }
    seconds = {name: [result.seconds for result in found] for name, found in results.items() if name != SAME}
    title = "Test maps with an optimal path, in %; seconds of training, on one core"
    show(title, {**columns, "seconds": seconds}, ends=SAME)
    plot(results, tests[max(tests)], options.plot)
    return results


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
