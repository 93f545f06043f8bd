"""The contest of defaults, with small data and few steps: who takes part, what is chosen by what, what is kept."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from benchmarks.defaults import decisions
from benchmarks.defaults.contest import Contest
from benchmarks.defaults.contestants import CONTESTANTS, DEFAULT, Rule, Surrogate
from benchmarks.defaults.problem import Sizes
from benchmarks.defaults.ranking import mean_ranks, places
from benchmarks.defaults.runs import train
from benchmarks.defaults.tasks import TASKS
from benchmarks.trainings import Book, Page, Run

import imle
from benchmarks import defaults
from imle import losses
from imle.plugins.estimators import OWN

SMALL = {name: replace(task, steps=2, sizes=Sizes(min(task.sizes.train, 20), 10, 10)) for name, task in TASKS.items()}


@pytest.mark.parametrize("name", TASKS)
def test_everybody_who_fits_trains(name):
    task = SMALL[name]
    problem = task.make(0, task.sizes)
    fit = [entry for entry in CONTESTANTS.values() if entry.fits(problem)]
    assert len(fit) >= 20
    for entry in fit:
        run = train(task, problem, entry, task.rates[0], 0)
        assert math.isfinite(run.validation)
        assert math.isfinite(run.test)


def test_every_rule_and_every_loss_takes_part():
    rules = {entry.make().name for entry in CONTESTANTS.values() if isinstance(entry, Rule)}
    kinds = {entry.kind.__name__ for entry in CONTESTANTS.values() if isinstance(entry, Surrogate)}
    assert rules == {spec.id for spec in OWN}
    of_some_solvers = {"CaVE", "FeasibilityAware", "SolverFree", "AveragePrecisionLoss", "RecallLoss"}
    assert kinds == set(losses.__all__) - {"RegularisedFrankWolfe", "SolutionPool", "SolverLoss"} - of_some_solvers


def test_the_default_is_what_a_layer_does_without_options():
    layer, entry = imle.layer("topk", k=2), CONTESTANTS[DEFAULT]
    assert isinstance(entry, Rule)
    same = imle.layer("topk", k=2, **entry._options())
    same.nb_samples = 1
    assert repr(same) == repr(layer)


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("simple", ["5 of 10"]),
        ("SPO+", ["paths"]),
        ("NCE", ["paths", "Sudoku"]),
        ("imle", ["paths", "Sudoku", "5 of 10"]),
    ],
)
def test_who_fits_where(name, fits):
    problems = {task: SMALL[task].make(0, SMALL[task].sizes) for task in ("paths", "Sudoku", "5 of 10")}
    assert [task for task, problem in problems.items() if CONTESTANTS[name].fits(problem)] == fits


@pytest.mark.parametrize("name", ["knapsack", "tours", "VAE", "L2X xor"])
def test_the_same_seed_is_the_same_run(name):
    task = SMALL[name]
    first, again, other = (
        train(task, task.make(seed, task.sizes), CONTESTANTS["imle"], task.rates[0], seed) for seed in (1, 1, 2)
    )
    assert (first.validation, first.test) == (again.validation, again.test) != (other.validation, other.test)


@pytest.mark.parametrize("name", ["paths", "matching", "5 of 10", "Sudoku"])
def test_training_helps(name):
    """A fifth of the steps; by the number that learning rates are chosen by."""
    task = replace(TASKS[name], sizes=Sizes(min(TASKS[name].sizes.train, 100), 50, 20))
    problem = task.make(0, task.sizes)
    before, after = (
        train(replace(task, steps=steps), problem, CONTESTANTS["imle"], task.rates[-1], 0)
        for steps in (1, task.steps // 5)
    )
    assert after.validation < before.validation


def test_explainers_are_held_back_as_in_the_example():
    """Without, they betray the label by which features they pick."""
    problem = TASKS["L2X xor"].make(0, Sizes(10, 5, 5))
    model = problem.model()
    explainer, predictor = problem.groups(model)
    assert explainer["weight_decay"] == 0.01
    assert "weight_decay" not in predictor
    assert [*explainer["params"], *predictor["params"]] == list(model.parameters())


def test_tours_visit_every_city_once():
    problem = decisions.tours(0, Sizes(10, 5, 5))
    solutions = problem.layer(noise=None).solver.solutions
    edges = list(itertools.combinations(range(7), 2))
    assert len(solutions) == len(set(map(tuple, solutions.tolist()))) == 360
    for row in solutions[::45]:
        chosen = [edge for edge, used in zip(edges, row.tolist(), strict=True) if used]
        reached = {0}
        for _ in edges:
            reached |= {city for edge in chosen if reached & set(edge) for city in edge}
        assert sorted(itertools.chain(*chosen)) == sorted([*range(7)] * 2)
        assert reached == set(range(7))


def test_the_true_objective_leads_to_the_best_solutions():
    problem = decisions.sudoku(0, Sizes(10, 5, 5))
    assert torch.equal(problem.layer(noise=None)(problem.solutions), problem.solutions)


def small(tmp_path, **options) -> Contest:
    task = replace(SMALL["5 of 10"], sizes=Sizes(0, 5, 5), rates=(0.1, 1.0))
    names = ("imle", "simple", "identity")
    return Contest(
        tmp_path,
        **{
            "tasks": ["toy"],
            "contestants": names,
            "seeds": 3,
            "workers": 1,
            "program": {"toy": task},
            "entries": {name: CONTESTANTS[name] for name in names},
            **options,
        },
    )


def runs_of(contest, name):
    page = contest.book("toy").page(name, contest.entries[name].recipe)
    return {(run.rate, run.seed): run for run in page.runs}


def test_a_rate_is_chosen_on_two_seeds_and_the_others_follow_it(tmp_path):
    contest = small(tmp_path)
    contest.measure()
    for name in contest.entries:
        found = runs_of(contest, name)
        tuned = {rate: sum(found[rate, seed].validation for seed in (0, 1)) for rate in (0.1, 1.0)}
        best = min(tuned, key=lambda rate: tuned[rate])
        assert found.keys() == {(rate, seed) for rate in (0.1, 1.0) for seed in (0, 1)} | {(best, 2)}


def test_validation_decides_and_test_data_does_not():
    runs = tuple(Run(rate, seed, v, t, 0.0) for rate, v, t in ((0.1, 2.0, 9.0), (1.0, 3.0, 0.0)) for seed in (0, 1))
    assert Page("r", runs).rate((0.1, 1.0), range(2)) == 0.1
    assert Page("r", runs).rate((0.1, 1.0), range(3)) is None
    assert [(run.seed, run.test) for run in Page("r", runs).chosen(0.1)] == [(0, 9.0), (1, 9.0)]


def test_what_is_on_file_is_not_measured_again(tmp_path, monkeypatch):
    measured = []

    def watched(*arguments):
        measured.append(arguments[3:])
        return train(*arguments)

    monkeypatch.setattr("benchmarks.defaults.contest.train", watched)
    small(tmp_path, seeds=2, contestants=["imle"]).measure()
    assert len(measured) == 4
    small(tmp_path, contestants=["imle"]).measure()
    assert [seed for _, seed in measured[4:]] == [2]
    small(tmp_path, contestants=["imle"], fresh=True).measure()
    assert len(measured) == 10


def test_another_recipe_or_budget_is_measured_anew(tmp_path):
    book = Book(tmp_path / "toy.json", "50 steps")
    book.save("imle", Page("beta=1", (Run(0.1, 0, 1.0, 2.0, 0.5),)))
    assert Book(tmp_path / "toy.json", "50 steps").page("imle", "beta=1") == book.pages["imle"]
    assert Book(tmp_path / "toy.json", "50 steps").page("imle", "beta=2") == Page("beta=2")
    assert Book(tmp_path / "toy.json", "60 steps").page("imle", "beta=1") == Page("beta=1")


def test_recipes_tell_apart_all_contestants():
    recipes = [entry.recipe for entry in CONTESTANTS.values()]
    assert len(set(recipes)) == len(recipes)


@pytest.mark.slow
def test_processes_measure_the_same(tmp_path):
    alone, together = small(tmp_path / "one"), small(tmp_path / "two", workers=2)
    for contest in (alone, together):
        contest.measure()
    for name in alone.entries:
        scores = [
            {key: (run.validation, run.test) for key, run in runs_of(contest, name).items()}
            for contest in (alone, together)
        ]
        assert scores[0] == scores[1]


LOW = replace(SMALL["paths"], better="low")


def test_places_by_hand():
    scores = {"a": [10.0, 20.0], "b": [10.6, 21.2], "c": [12.0, 24.0], "d": [10.0, 26.0], "e": [math.nan, 1.0]}
    found = places(LOW, scores, dict.fromkeys(scores, 0.1))
    assert [found[name].rank for name in "abcde"] == [1, 2, 3.5, 3.5, 5]
    assert [found[name].gap for name in "abcde"] == pytest.approx([0, 0.06, 0.2, 0.2, math.inf])
    assert found["d"].spread_of_gap == pytest.approx(math.sqrt(18) / 15)
    assert [found[name].close for name in "abcde"] == [True, True, False, True, False]


def test_a_model_whose_predictions_overflow_has_failed(monkeypatch):
    task = SMALL["terrain"]
    problem = task.make(0, task.sizes)
    monkeypatch.setattr(type(problem), "objective", lambda self, model, rows: model(self.inputs[rows]) + math.inf)
    run = train(task, problem, CONTESTANTS["imle"], 0.1, 0)
    assert run.validation == math.inf
    assert math.isnan(run.test)
    scores = {"a": [run.test], "b": [90.0]}
    assert defaults._cell(places(task, scores, {"a": 0.1, "b": 0.1})["a"]) == "failed; 2"


def test_where_much_is_good():
    found = places(replace(LOW, better="high"), {"a": [50.0], "b": [40.0]}, {"a": 0.1, "b": 0.1})
    assert (found["b"].rank, found["b"].gap, found["b"].best) == (2, pytest.approx(0.2), "a")


def test_mean_ranks_are_among_those_named():
    found = {
        "one": places(LOW, {"x": [1.0], "y": [2.0], "z": [3.0]}, dict.fromkeys("xyz", 0.1)),
        "two": places(LOW, {"z": [1.0], "y": [2.0]}, dict.fromkeys("yz", 0.1)),
    }
    assert mean_ranks(found, ["y", "z"]) == {"y": 1.5, "z": 1.5}


def test_tables_claims_and_notes(tmp_path):
    contest = small(tmp_path, contestants=["imle", "simple"])
    contest.measure()
    ranks, scores = defaults.shown(contest)
    by_name = defaults.found(contest)["toy"]
    assert ranks.row_count == scores.row_count == 2
    best, other = sorted(by_name, key=lambda name: by_name[name].rank)
    assert [str(cell) for cell in ranks.columns[0].cells] == [best, other]
    gap, rank = defaults.claimed(contest)
    assert gap.ours == pytest.approx(1 + by_name[DEFAULT].gap)
    assert gap.met == by_name[DEFAULT].close
    assert (rank.ours, rank.met) == (by_name[DEFAULT].rank, best == DEFAULT)
    assert defaults.noted(contest)[0] == "not measured: toy: identity"


def test_before_anything_is_measured_all_is_missing(tmp_path):
    contest = small(tmp_path)
    assert [*defaults.shown(contest), *defaults.claimed(contest)] == []
    assert defaults.noted(contest) == ["not measured: toy: all", "0 trainings, 0 minutes of one core"]


def test_options_are_read(monkeypatch, capsys):
    monkeypatch.setattr(defaults, "_contest", defaults._contest)
    defaults.configure(["--tasks", "paths", "--contestants", "imle", "SPO+", "--seeds", "2", "--fresh"])
    found = defaults._contest
    assert (found.tasks, found.contestants, found.seeds, found.fresh) == (["paths"], ["imle", "SPO+"], 2, True)
    with pytest.raises(SystemExit):
        defaults.configure(["--tasks", "chess"])
    assert "invalid choice: 'chess'" in capsys.readouterr().err
