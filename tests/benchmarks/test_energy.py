"""The benchmark on electricity prices: exact decisions, every method in a short training, choices by validation."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from benchmarks.energy import contest, problems, training
from benchmarks.energy.contest import TUNED, Entry, Standing
from benchmarks.energy.methods import DEFAULT, OURS, RATES
from benchmarks.energy.problems import PROBLEMS, Part, per_edge, per_slot
from benchmarks.energy.published import CHOICES, MAKERS
from benchmarks.energy.scheduling import ScheduleSolver
from benchmarks.trainings import Book, Page, Run
from ortools.sat.python import cp_model
from scipy.optimize import Bounds, LinearConstraint, milp

import imle
from benchmarks import energy
from imle import datasets
from support.energy import FOLDER, needs_energy


def cp_sat(data):
    """The same schedules as a CP-SAT model whose learned variables are what is drawn, in hundredths, slot by slot."""
    model, slots = cp_model.CpModel(), data.slots
    drawn = [0] * slots
    intervals = [[] for _ in data.capacities]
    for job, (duration, first, end) in enumerate(zip(data.durations, data.earliest, data.latest, strict=True)):
        starts = range(int(first), int(end - duration) + 1)
        begins = [model.new_bool_var("") for _ in starts]
        hosts = [model.new_bool_var("") for _ in intervals]
        model.add_exactly_one(begins)
        model.add_exactly_one(hosts)
        at = model.new_int_var(starts[0], starts[-1], "")
        model.add(at == sum(slot * begin for slot, begin in zip(starts, begins, strict=True)))
        for machine, host in enumerate(hosts):
            intervals[machine].append(model.new_optional_fixed_size_interval_var(at, int(duration), host, ""))
        power = round(100 * float(data.power[job]))
        for slot, begin in zip(starts, begins, strict=True):
            for busy in range(slot, slot + int(duration)):
                drawn[busy] = drawn[busy] + power * begin
    for machine, own in enumerate(intervals):
        model.add_cumulative(own, data.uses[:, 0].tolist(), int(data.capacities[machine, 0]))
    usage = [model.new_int_var(0, 10**6, f"slot {slot}") for slot in range(slots)]
    for variable, total in zip(usage, drawn, strict=True):
        model.add(variable == total)
    return imle.layer("ortools-cp-sat", model=model, variables=usage, sense="min", noise=None).eval()


def program(data):
    """The same as matrices of an integer program: a variable for each job, machine and start."""
    columns = [
        (job, machine, slot)
        for job in range(len(data.durations))
        for machine in range(len(data.capacities))
        for slot in range(int(data.earliest[job]), int(data.latest[job] - data.durations[job]) + 1)
    ]
    once = np.zeros((len(data.durations), len(columns)))
    room = np.zeros((len(data.capacities), data.slots, len(columns)))
    drawn = np.zeros((data.slots, len(columns)))
    for column, (job, machine, slot) in enumerate(columns):
        busy = slice(slot, slot + int(data.durations[job]))
        once[job, column] = 1
        room[machine, busy, column] = data.uses[job, 0]
        drawn[busy, column] = data.power[job] * data.minutes / 60
    limits = np.repeat(data.capacities[:, 0].numpy(), data.slots)
    return once, room.reshape(-1, len(columns)), limits, drawn


def by_milp(data, prices):
    """The least cost, by SciPy's HiGHS."""
    once, room, limits, drawn = program(data)
    rows = [LinearConstraint(once, 1, 1), LinearConstraint(room, -np.inf, limits)]
    return milp(prices @ drawn, constraints=rows, bounds=Bounds(0, 1), integrality=1).fun


@pytest.fixture
def jobs():
    """Five jobs on two machines of two sizes: their cheapest starts seldom fit together."""
    return datasets.ScheduleData(
        minutes=120,
        capacities=torch.tensor([[10], [7]]),
        durations=torch.tensor([4, 3, 5, 2, 6]),
        earliest=torch.tensor([0, 1, 0, 2, 0]),
        latest=torch.tensor([9, 10, 12, 12, 11]),
        power=torch.tensor([3.0, 5.0, 1.5, 8.0, 2.25], dtype=torch.float64),
        uses=torch.tensor([[6], [5], [4], [7], [6]]),
    )


def cheapest(data, prices):
    layer = imle.layer(ScheduleSolver(), data=data, noise=None).eval()
    return (layer(prices) * prices).sum(dim=1)


def test_schedules_are_the_cheapest_by_two_other_solvers(jobs):
    prices = torch.from_numpy(np.random.default_rng(0).normal(10, 8, (12, 12)).round(2))
    assert (prices < 0).any()
    found = cheapest(jobs, prices)
    unlimited = cheapest(jobs._replace(capacities=torch.tensor([[99], [99]])), prices)
    assert (found > unlimited + 1e-6).sum() >= 4, "machines matter"
    torch.testing.assert_close(found, torch.tensor([by_milp(jobs, row) for row in prices.numpy()]).double())
    usage = cp_sat(jobs)(prices)
    torch.testing.assert_close(found, (usage * prices).sum(dim=1) * jobs.minutes / 60 / 100)


def test_several_resources_bind(jobs):
    single = cheapest(jobs, torch.ones(1, 12).double().cumsum(dim=1))
    twice = jobs._replace(capacities=jobs.capacities.repeat(1, 2), uses=jobs.uses.repeat(1, 2))
    assert torch.equal(cheapest(twice, torch.ones(1, 12).double().cumsum(dim=1)), single)
    tight = twice._replace(capacities=torch.tensor([[10, 7], [7, 6]]))
    assert cheapest(tight, torch.ones(1, 12).double().cumsum(dim=1)) > single


def test_jobs_that_fit_nowhere(jobs):
    with pytest.raises(imle.errors.SolveError, match="the jobs do not fit on the machines"):
        cheapest(jobs._replace(capacities=torch.tensor([[5], [5]])), torch.ones(1, 12))


@needs_energy
@pytest.mark.parametrize("number", [1, 2, 3])
def test_real_schedules_are_the_cheapest_by_another_solver(number):
    data = datasets.load_schedule(FOLDER, number)
    prices = datasets.load_energy(FOLDER).test.prices[:3].double()
    usage = cp_sat(data)(prices)
    torch.testing.assert_close(cheapest(data, prices), (usage * prices).sum(dim=1) * data.minutes / 60 / 100)


@needs_energy
@pytest.mark.parametrize("capacity", [60, 120, 180])
def test_real_knapsacks_are_worth_most_by_another_solver(capacity):
    test = problems.knapsack(capacity, seed=0).test
    weights = datasets.load_energy(FOLDER).weights.numpy()
    assert (test.best.double() @ torch.from_numpy(weights).double()).max() <= capacity
    for row in range(5):
        values = test.objectives[row].double().numpy()
        room = LinearConstraint(weights[None], -np.inf, capacity)
        best = milp(-values, constraints=room, bounds=Bounds(0, 1), integrality=1)
        assert -best.fun == pytest.approx(float(values @ test.best[row].double().numpy()), rel=1e-6)


@needs_energy
def test_schedules_are_of_prices_and_each_day_has_its_own():
    problem = problems.schedule(3, seed=1)
    assert [len(part.best) for part in (problem.train, problem.validation, problem.test)] == [550, 100, 139]
    test = problem.test
    torch.testing.assert_close(test.objectives, datasets.load_energy(FOLDER, seed=1).test.prices)
    costs = test.objectives @ test.best.T
    assert (costs >= costs.diagonal().unsqueeze(1) - 1e-3 * costs.mean()).all(), "no other day's schedule is cheaper"


def small(seed, degree=4):
    """Paths, few rows and epochs."""
    return replace(problems.paths(degree, seed, rows=(60, 20, 20)), batch=20, epochs=3)


def everybody():
    makers = {**OURS, **{name: MAKERS[name](*own) for name, (_, *own) in CHOICES["paths, degree 4"].items()}}
    return [pytest.param(make, id=name) for name, make in makers.items()]


@pytest.mark.parametrize("make", everybody())
def test_every_method_trains(make):
    problem = small(0)
    found = training.train(problem, make(problem), rate=0.1, seed=0)
    assert 0 < found.validation < 1
    assert 0 < found.test < 1
    assert found.seconds > 0
    torch.manual_seed(0)
    untrained = training.relative_regret(problem.solver(noise=None).eval(), problem.model(), problem.test)
    assert found.last != untrained


def test_training_on_decisions_helps():
    problem = replace(small(0), epochs=10)
    decide = problem.solver(noise=None).eval()
    torch.manual_seed(0)
    untrained = training.relative_regret(decide, problem.model(), problem.test)
    assert training.train(problem, OURS[DEFAULT](problem), 0.1, 0).test < untrained / 2


def test_relative_regret_by_hand():
    decide = imle.layer("topk", k=1, noise=None).eval()
    true = torch.tensor([[4.0, 2.0], [1.0, 5.0], [8.0, 2.0]])
    part = Part(torch.tensor([[0.0, 1.0]] * 3), true, decide(true))
    assert training.relative_regret(decide, torch.nn.Identity(), part) == pytest.approx((2 / 4 + 0 + 6 / 8) / 3)


def test_models_predict_an_objective():
    assert per_slot()(torch.randn(3, 48, 8)).shape == (3, 48)
    assert sum(parameter.numel() for parameter in per_slot().parameters()) == 9, "one function for all half hours"
    assert per_edge()(torch.randn(3, 5)).shape == (3, 40)


def test_all_rates_are_tried_on_the_first_seeds_only_and_the_best_comes_first(tmp_path):
    taking_part = [Entry("two-stage", "ours", OURS["two-stage"], RATES), Entry("NCE", "ours", OURS["NCE"], (0.001,))]
    kept = Book(tmp_path / "paths.json", "paths")
    contest.hold(small, taking_part, TUNED + 1, kept)
    found = contest.standings(taking_part, Book(tmp_path / "paths.json", "paths"))
    assert [len(line.test) for line in found] == [TUNED + 1] * 2
    assert found[0].regret < found[1].regret
    assert {line.rate for line in found} <= {*RATES, 0.001}
    page = kept.pages["two-stage, ours"]
    validation = {rate: sum(page.found(rate, seed).validation for seed in range(TUNED)) for rate in RATES}
    assert page.rate(RATES, range(TUNED)) == min(RATES, key=validation.get)
    assert len(page.runs) == len(RATES) * TUNED + 1


def test_what_is_on_file_is_not_trained_again(tmp_path, monkeypatch):
    trained = []

    def counted(problem, loss, rate, seed):
        trained.append(seed)
        return Run(rate, seed, 0.5, 0.5, 0.01, 0.5)

    monkeypatch.setattr(contest, "train", counted)
    entry = Entry("two-stage", "ours", OURS["two-stage"], (0.1,))
    for seeds in (2, 4):
        contest.hold(small, [entry], seeds, Book(tmp_path / "paths.json", "paths"))
    assert trained == [0, 1, 2, 3]
    contest.hold(small, [replace(entry, rates=(0.2,))], 1, Book(tmp_path / "paths.json", "paths"))
    assert trained == [0, 1, 2, 3, 0], "another recipe is trained anew"


def test_every_problem_has_choices_for_every_published_method():
    assert set(CHOICES) == set(PROBLEMS)
    for name in PROBLEMS:
        assert set(CHOICES[name]) == set(MAKERS)
        settings = {(entry.method, entry.settings) for entry in contest.entries(name)}
        assert {(DEFAULT, "ours"), ("imle", "published")} <= settings


def test_published_choices_are_those_of_the_instance():
    assert CHOICES["knapsack 120"]["imle"] == (0.5, 0.1, 0.1)
    assert CHOICES["schedule 3"]["pairwise"] == (0.1, 50.0)
    assert CHOICES["paths, degree 6"]["blackbox"] == (0.05, 0.1)


def test_what_is_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(problems, "FOLDER", tmp_path / "nowhere")
    monkeypatch.setattr(energy, "extent", energy.Extent(problems=("knapsack 60", "schedule 1")))
    entry = next(entry for entry in contest.entries("schedule 1") if entry.method == "two-stage")
    monkeypatch.setattr(contest, "book", lambda name: Book(tmp_path / f"{name}.json", name))
    contest.book("schedule 1").save(entry.name, Page(entry.recipe, tuple(Run(r, 0, 0.1, 0.2, 1, 0.2) for r in RATES)))
    monkeypatch.setattr(energy, "standings", partial(energy.standings.__wrapped__))
    *skipped, unmeasured, absent = energy.notes()
    assert skipped == [
        f"skipped: {name}: no electricity prices in nowhere; IMLE_ENERGY_DATA names their folder"
        for name in ("knapsack 60", "schedule 1")
    ]
    assert unmeasured.startswith("not measured: knapsack 60; knapsack 120; ")
    assert "schedule 1" not in unmeasured
    assert absent.startswith("schedule 1: not measured: imle (default), ours; ")
    assert "two-stage, ours" not in absent
    assert [table.title.split(":")[0] for table in energy.tables()] == ["schedule 1"]
    assert list(energy.claims()) == []


def test_tables_show_percent_and_claims_compare_with_least_squares(monkeypatch):
    lines = [
        Standing(DEFAULT, "ours", 0.5, [0.10, 0.14], [0.2, 0.2], 0.05),
        Standing("two-stage", "ours", 1.0, [0.16, 0.16], [0.2, 0.2], 0.01),
        Standing("two-stage", "published", 0.5, [0.11], [0.2], 0.01),
    ]
    monkeypatch.setattr(energy, "standings", lambda: {"knapsack 60": lines})
    (table,) = energy.tables()
    assert [list(column.cells) for column in table.columns][3:] == [
        ["12.00 ± 2.83", "16.00 ± 0.00", "11.00"],
        ["20.00 ± 0.00", "20.00 ± 0.00", "20.00"],
        ["2", "2", "1"],
        ["50 ms", "10 ms", "10 ms"],
    ]
    (claim,) = energy.claims()
    assert claim.met
    assert claim.ratio == pytest.approx(0.12 / 0.16)
