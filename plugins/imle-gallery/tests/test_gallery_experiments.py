"""The numbers of the gallery against closed forms and enumerations."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from imle.errors import OptionError, SolveError
from imle.plugins import estimators
from imle_gallery.gallery import chosen
from imle_gallery.plan import GalleryPlan
from imle_gallery.sections import error, grid, paths, race, solvers, sums


def quiet(_: str) -> None:
    """No progress."""


def gumbel_quantile(u: np.ndarray) -> np.ndarray:
    return -np.log(-np.log(u))


def test_ks_distance_of_a_distribution_and_itself():
    n = 1000
    draws = gumbel_quantile((np.arange(n) + 0.5) / n)
    assert sums.ks_distance(draws, sums.gumbel_cdf) == pytest.approx(0.5 / n)
    moved = sums.ks_distance(draws + 0.1, sums.gumbel_cdf)
    x = np.linspace(-5, 10, 100_001)
    assert moved == pytest.approx(np.abs(sums.gumbel_cdf(x) - sums.gumbel_cdf(x - 0.1)).max(), abs=1 / n)


def test_gumbel_density_is_the_slope_of_the_distribution():
    x = np.linspace(-3, 8, 50)
    slope = (sums.gumbel_cdf(x + 1e-6) - sums.gumbel_cdf(x - 1e-6)) / 2e-6
    assert np.allclose(sums.gumbel_density(x), slope, atol=1e-9)


def test_exact_distance():
    assert sums.exact_distance(1) == pytest.approx(math.exp(-1), abs=1e-9)  # at 0, where Exp(1) begins
    distances = [sums.exact_distance(length) for length in (1, 10, 100, 1000)]
    assert distances == sorted(distances, reverse=True)
    assert distances[3] * 1000 == pytest.approx(2 * math.exp(-2), rel=0.01)  # sup t^2 e^-t / 2s, at t = 2


def test_sums_follow_their_exact_law(tiny_plan):
    found = sums.run(tiny_plan, seed=0, tick=quiet)
    assert [(one.kappa, one.length) for one in found] == [(1, 1), (1, 10), (4, 1), (4, 10)]
    bound = math.sqrt(math.log(2 / 1e-6) / (2 * tiny_plan.sums))  # Dvoretzky, Kiefer and Wolfowitz
    for one in found:
        assert abs(one.distance - one.exact) < bound
        inside = (one.density * np.diff(sums.EDGES)).sum() * tiny_plan.sums
        assert inside == pytest.approx(round(inside))
        assert 0.95 * tiny_plan.sums < inside <= tiny_plan.sums


def monotone_paths(side: int) -> np.ndarray:
    masks = []
    for downs in itertools.combinations(range(2 * side - 2), side - 1):
        cell, mask = [0, 0], np.zeros((side, side))
        mask[0, 0] = 1
        for step in range(2 * side - 2):
            cell[0 if step in downs else 1] += 1
            mask[tuple(cell)] = 1
        masks.append(mask)
    return np.array(masks)


ALL_PATHS = monotone_paths(error.SIDE)


@pytest.mark.parametrize("temperature", [0.05, 1.0, 20.0])
def test_exact_marginals_of_paths(temperature):
    problem = error.lattice(0)
    costs = np.random.default_rng(0).normal(size=(error.SIDE, error.SIDE))
    weights = np.exp(-(ALL_PATHS * costs).sum(axis=(1, 2)) / temperature)
    expected = (weights[:, None, None] * ALL_PATHS).sum(axis=0) / weights.sum()
    found = replace(problem, objective=costs.reshape(-1)).exact(temperature)
    assert np.allclose(found.reshape(costs.shape), expected)
    assert (ALL_PATHS.sum(axis=(1, 2)) == problem.ones).all()


def test_the_solver_finds_the_cheapest_of_these_paths():
    costs = torch.randn(20, error.SIDE**2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = error.lattice(0).layer(output="map")(costs).numpy()
    totals = ALL_PATHS.reshape(len(ALL_PATHS), -1) @ costs.numpy().T
    assert (found == ALL_PATHS.reshape(len(ALL_PATHS), -1)[totals.argmin(axis=0)]).all()


@pytest.mark.parametrize("temperature", [0.05, 1.0, 20.0])
def test_exact_marginals_of_subsets(temperature):
    problem = error.subsets(0)
    scores = problem.objective
    masks = np.array([mask for mask in itertools.product((0.0, 1.0), repeat=error.ITEMS) if sum(mask) == error.CHOSEN])
    weights = np.exp(masks @ scores / temperature)
    assert np.allclose(problem.exact(temperature), weights @ masks / weights.sum())
    best = problem.layer(output="map")(torch.from_numpy(scores)[None])[0].numpy()
    assert (best == masks[weights.argmax()]).all()


def test_errors(tiny_plan):
    items, paths_found = error.run(tiny_plan, seed=0, tick=quiet)
    assert (items.problem.ones, paths_found.problem.ones) == (5, 15)
    for errors in (items, paths_found):
        assert len(errors.curves) == 5
        place = list(errors.exact).index(error.SHOWN)
        for name, values in errors.curves.items():
            shown, exact = errors.estimates[name][error.SHOWN], errors.exact[error.SHOWN]
            assert shown.shape == exact.shape
            assert shown.sum() == pytest.approx(errors.problem.ones)
            assert values[place] == pytest.approx(np.abs(shown - exact).mean())
    # the floor is what independent draws of every entry would leave
    rng, exact = np.random.default_rng(0), items.exact[error.SHOWN]
    means = rng.binomial(items.draws, exact, size=(4000, error.ITEMS)) / items.draws
    place = list(items.exact).index(error.SHOWN)
    assert items.floor[place] == pytest.approx(np.abs(means - exact).mean(), rel=0.05)


def test_paths(tiny_plan):
    gathered = paths.one_by_one(tiny_plan, seed=0, tick=quiet)
    quiet_paths, loud = gathered
    assert quiet_paths.distinct == 1
    assert loud.distinct == tiny_plan.paths
    assert (loud.mean == loud.marginals[-1]).all()


def test_grid(tiny_plan):
    found = grid.run(tiny_plan, seed=0, tick=quiet)
    settings = [(key[0], one.setting.target_temperature, one.setting.temperature) for key, one in found.cells.items()]
    assert settings == list(found.cells) == list(itertools.product((1, 3), (0, 2), (0, 2)))
    assert found.solves == sum(one.solves for one in found.cells.values())
    # without any noise all samples are one, solved once: S makes no difference
    assert found.cells[1, 0, 0].loss == found.cells[3, 0, 0].loss


def test_every_estimator_takes_part_or_cannot(tiny_plan):
    of_one_problem = {"simple", "implicit"}
    assert set(race.entrants()) == {record.id for record in estimators()} - of_one_problem
    found = race.run(tiny_plan, seed=0, tick=quiet)
    for _, runner in found.runners:
        assert len(runner.wrong) == len(runner.sparsity) == tiny_plan.race_steps + 1
        assert runner.wrong[0] == (runner.best[0] != found.gold).sum()
        assert len(runner.best) == 3
        assert runner.step_seconds > 0
    starts = {runner.wrong[0] for _, runner in found.runners}
    assert len(starts) == 1  # the same start


def test_each_runner_has_the_setting_that_was_best_on_the_held_out_seed(tiny_plan, monkeypatch):
    plan = replace(tiny_plan, race_rates=(1e-9, 0.3), race_noise=(1.0, 2.0), race_trial=6, race_steps=2, race_every=2)
    few = {name: options for name, options in race.entrants().items() if name in ("imle", "blackbox")}
    seeds, real = [], race.initial_weights
    monkeypatch.setattr(race, "initial_weights", lambda seed: seeds.append(seed) or real(seed))
    monkeypatch.setattr(race, "entrants", lambda: few)
    found = race.run(plan, seed=5, tick=quiet)
    held_out = 5 + race.HELD_OUT
    assert seeds == [*[held_out] * 4, 5, *[held_out] * 2, 5]  # twice as many trials where there is noise
    by_name = {training.name: setting for setting, training in found.runners}
    assert {setting.rate for setting in by_name.values()} == {0.3}  # 1e-9 moves nothing
    assert by_name["blackbox"].temperature is None
    assert by_name["imle"].temperature in (1.0, 2.0)
    text = race.view(found).intro
    assert "tuned per rule, on a held-out seed" in text
    assert str(by_name["imle"]) in race.view(found).html


@pytest.mark.parametrize("id_", ["topk", "grid-shortest-path", "assignment"])
def test_portraits(tiny_plan, id_):
    case = solvers.small_case(id_, 0)
    found = solvers.run(tiny_plan, [id_], seed=0, tick=quiet, strict=True)
    (portrait,) = found.drawn
    objective = torch.from_numpy(case.objectives(solvers.ROWS, seed=0))
    best = case.layer(output="map")(objective).flatten(1).numpy()
    assert (portrait.gold == best).all()
    assert (portrait.marginals[0] == best[0]).all()  # without noise
    assert portrait.marginals.shape == (len(solvers.TEMPERATURES), math.prod(case.shape))
    assert portrait.marginals.min() >= 0
    assert portrait.marginals.max() <= 1
    assert len(portrait.loss) == tiny_plan.solver_steps + 1
    assert portrait.failed == 0
    assert portrait.right[0] == (portrait.best[0].reshape(portrait.gold.shape) == portrait.gold).all(axis=1).sum()


@pytest.mark.parametrize("id_", ["grid-shortest-path", "assignment"])
def test_portraits_of_grids_are_grids(tiny_plan, id_):
    found = solvers.run(tiny_plan, [id_], seed=0, tick=quiet, strict=True)
    (portrait,), view = found.drawn, solvers.view(found)
    shape, number = portrait.case.shape, len(solvers.TEMPERATURES)
    assert len(view.canvases) == 2 * number
    assert {canvas.layers[0].cells.shape[1:] for canvas in view.canvases} == {shape}
    marginals, learned = view.canvases[:number], view.canvases[number:]
    expected = (255 * portrait.marginals / portrait.brightest).round().reshape(number, *shape)
    assert (np.concatenate([canvas.layers[0].cells for canvas in marginals]) == expected).all()
    for canvas, best in zip(learned, portrait.best[-1], strict=False):
        tiles = canvas.layers[0].cells[-1]
        assert (((tiles == 2) | (tiles == 3)) == (best != 0)).all()


def test_portraits_leave_a_choice():
    assert solvers.small_case("grid-shortest-path", 0).shape == (3, 4)  # of the one before, all paths are the diagonal


def test_a_solver_learns():
    plan = GalleryPlan(solver_steps=60, solver_draws=5)
    (portrait,) = solvers.run(plan, ["topk"], seed=0, tick=quiet, strict=True).drawn
    assert portrait.right[-1] > solvers.ROWS * 0.8 > portrait.right[0]
    assert portrait.loss[-1] < portrait.loss[0] / 4


def test_ids():
    everything = solvers.ids_of(["all"])
    assert {"topk", "spanning-tree", "mln-map"} <= set(everything)
    assert solvers.ids_of(["topk", "imle-topk/topk"]) == ("topk",)


def test_solvers_of_several_blocks_are_shown_in_one_tensor(tiny_plan):
    found = solvers.run(tiny_plan, ["mln-map", "topk"], seed=0, tick=quiet, strict=False)
    assert [portrait.name for portrait in found.drawn] == ["mln-map", "topk"]
    assert not found.left_out


def test_one_solver_that_fails_does_not_end_the_gallery(tiny_plan, monkeypatch):
    real = solvers.small_case

    def failing(solver_id, seed):
        if solver_id == "spanning-tree":
            raise SolveError("row 0: infeasible")
        return real(solver_id, seed)

    monkeypatch.setattr(solvers, "small_case", failing)
    found = solvers.run(tiny_plan, ["spanning-tree", "topk"], seed=0, tick=quiet, strict=False)
    assert found.left_out == {"spanning-tree": "row 0: infeasible"}
    assert len(found.drawn) == 1
    with pytest.raises(OptionError, match="spanning-tree: cannot be shown: row 0"):
        solvers.run(tiny_plan, ["spanning-tree"], seed=0, tick=quiet, strict=True)


@pytest.mark.parametrize("section", chosen((), ["topk"]), ids=lambda section: section.name)
def test_progress_is_told_as_announced(section, tiny_plan):
    told = []
    section.run(tiny_plan, seed=0, tick=told.append)
    assert len(told) == section.work(tiny_plan)
