"""The example of kidney exchange, in its quick mode."""

from __future__ import annotations

import networkx as nx
import torch


def test_matchings_teach_what_a_committee_values(quick):
    module, (scores,), shown = quick("kidney_exchange")
    lost, same, weight = (scores[title] for title in (module.LOST, module.SAME, module.WEIGHT))
    assert lost[module.LEARNED] < lost[module.SINGLY] / 2 < lost[module.BEFORE] / 4
    assert same[module.LEARNED] > same[module.SINGLY] + 5
    assert abs(weight[module.LEARNED] - weight[module.KNOWN]) < 10 < weight[module.SINGLY] - weight[module.KNOWN]
    for values in scores.values():
        for value in values.values():
            assert f"{value:.1f}" in shown


def test_committees_arrange_the_best_exchanges(example):
    module = example("kidney_exchange")
    meetings = module.make_meetings(5, module.USUAL_POINTS, torch.Generator().manual_seed(1))
    assert not meetings.arranged[~meetings.possible].any()
    for possible, points, arranged in zip(meetings.possible, meetings.points, meetings.arranged, strict=True):
        graph = nx.Graph()
        for (first, second), value in zip(
            module.EXCHANGES.T[possible].tolist(), points[possible].tolist(), strict=True
        ):
            graph.add_edge(first, second, weight=value)
        best = {frozenset(pair) for pair in nx.max_weight_matching(graph)}
        assert {frozenset(pair) for pair in module.EXCHANGES.T[arranged > 0].tolist()} == best


def test_who_can_have_whose_kidney(example):
    module = example("kidney_exchange")
    generator = torch.Generator().manual_seed(2)
    group = torch.arange(4)  # O, A, B, AB
    found = module.suits(*torch.meshgrid(group, group, indexing="ij"), torch.zeros(4, 4), generator)
    assert found.int().tolist() == [[1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1], [0, 0, 0, 1]]
    attacked = ~module.suits(torch.zeros(20000).long(), torch.zeros(20000).long(), torch.tensor(0.45), generator)
    assert abs(attacked.float().mean() - 0.45) < 0.02
    drawn = module.draw(module.BLOOD_GROUPS, (20000,), generator).bincount(minlength=4) / 20000
    assert (drawn - module.BLOOD_GROUPS).abs().max() < 0.02
