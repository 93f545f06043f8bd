"""The citation graph example, in its quick mode."""

from __future__ import annotations

import pytest
import torch


def test_citations_correct_the_network(quick):
    citations, (result,), shown = quick("citation_graph")
    alone = result.accuracies[citations.ALONE]
    for name in (citations.FIXED, *citations.SETTINGS):
        assert result.accuracies[name] > alone + 0.03
    for name in citations.SETTINGS:
        # they started at zero, and the loss mentions no formula
        weights = torch.tensor(result.weights[name])
        assert weights.isfinite().all()
        # topics that keep to themselves deserve more of the rule
        assert weights.max() > 0.5
        assert weights[3:].mean() > weights[:3].mean()
    assert len(set(result.weights[citations.FIXED])) == 1
    assert result.engines["highs_components"] > 0
    for name, accuracy in result.accuracies.items():
        assert name in shown
        assert f"{100 * accuracy:.1f}" in shown


@pytest.mark.parametrize("options", [{"noise": None}, {"nb_samples": 3}])
def test_a_loss_on_topics_reaches_network_and_weights(example, options):
    citations = example("citation_graph")
    graph = next(citations.make_graphs(papers=30, seed=1))
    torch.manual_seed(0)
    model = citations.Model()
    states = model(graph, graph.layer(estimator=citations.IMLE(beta=citations.BETA), **options))
    assert states.shape == (30, len(citations.TOPICS))
    torch.testing.assert_close(states.sum(1), torch.ones(30))
    citations.hamming(states, graph.topics).backward()
    for parameter in model.parameters():
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().sum() > 0


def test_without_rules_map_is_what_the_network_says(example):
    citations = example("citation_graph")
    graph = next(citations.make_graphs(papers=30, seed=1))
    torch.manual_seed(0)
    model = citations.Model()
    found = model(graph, graph.layer(noise=None)).argmax(1)
    assert torch.equal(found, model.network(graph.features).argmax(1))


def test_citations_prefer_their_own_topic(example):
    citations = example("citation_graph")
    graph = next(citations.make_graphs(papers=600, seed=2))
    citing, cited = torch.from_numpy(graph.citations).unbind(1)
    assert (citing != cited).all()
    assert len(graph.citations.tolist()) == len({tuple(pair) for pair in graph.citations.tolist()})
    same = graph.topics[citing] == graph.topics[cited]
    for topic, share in enumerate(citations.OWN_TOPIC):
        expected = share + (1 - share) / len(citations.TOPICS)
        assert float(same[graph.topics[citing] == topic].float().mean()) == pytest.approx(expected, abs=0.12)


def test_hamming_is_the_share_of_wrong_papers(example):
    hamming = example("citation_graph").hamming
    assert hamming(torch.eye(4), torch.tensor([0, 1, 2, 0])) == 0.25
