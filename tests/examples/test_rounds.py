"""The example of rounds, in its quick mode."""

from __future__ import annotations

import torch


def test_rounds_teach_how_slow_districts_are(quick):
    rounds, (scores,), shown = quick("rounds")
    before, learned, known = (scores[name] for name in (rounds.BEFORE, rounds.LEARNED, rounds.KNOWN))
    assert known.excess <= learned.excess < before.excess / 3
    assert before.same < learned.same
    assert f"{100 * learned.excess:.1f}" in shown


def test_towns_and_days(example):
    rounds = example("rounds")
    generator = torch.Generator().manual_seed(1)
    town = rounds.make_town(generator)
    torch.testing.assert_close(town.minutes, town.minutes.T)
    plain = town.through @ town.slowness
    assert ((town.minutes >= plain * (1 - 1e-6)) & (town.minutes <= plain * (1 + rounds.CHANCE) + 1e-6)).all()
    days = rounds.make_days(town, 5, generator)
    assert days.visit.sum(dim=1).tolist() == [rounds.STOPS + 1] * 5
    assert torch.equal(days.rounds.sum(dim=2), 2.0 * days.visit)  # two ways meet in every place
    assert rounds.judge(town, days, 2 * town.minutes) == (0.0, 1.0)
