"""The citation graph example, in its quick mode."""

from __future__ import annotations

import pytest
import torch


def test_citations_correct_the_network(quick):
    citations, (result, small), shown = quick("citation_graph")
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
    for name in citations.SMALL_SETTINGS:
        assert small.accuracies[name] > small.accuracies[citations.ALONE] + 0.03
        weights = torch.tensor(small.weights[name])
        assert weights[3:].min() > weights[:3].max() - 0.1
    for name, accuracy in [*result.accuracies.items(), *small.accuracies.items()]:
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


def test_likelihoods_are_those_of_all_topics(example):
    citations = example("citation_graph")
    graph = next(citations.make_graphs(papers=12, seed=3, collection=4))
    collection = torch.from_numpy(graph.citations) // 4
    assert (collection[:, 0] == collection[:, 1]).all()
    torch.manual_seed(0)
    model, layer = citations.Model(), graph.marginals()
    torch.nn.init.normal_(model.weights)
    values = len(citations.TOPICS)
    scores, true = model.network(graph.features).detach().double(), torch.eye(values)[graph.topics]
    # each paper with each topic, all others as they are
    changed = true.repeat(12, values, 1, 1)
    for paper in range(12):
        changed[paper, :, paper] = torch.eye(values)
    logs = layer.log_probability(changed.flatten(2), scores.flatten(), model.weights)
    pseudo = -logs.log_softmax(dim=1)[torch.arange(12), graph.topics].mean()
    assert float(citations.pseudo_likelihood(model, graph, layer).detach()) == pytest.approx(
        float(pseudo.detach()), abs=1e-5
    )
    exact = -layer.log_probability(true.flatten(), scores.flatten(), model.weights) / 12
    assert float(citations.likelihood(model, graph, layer).detach()) == pytest.approx(float(exact.detach()), abs=1e-5)
    for loss in (citations.pseudo_likelihood, citations.likelihood):
        model.zero_grad()
        loss(model, graph, layer).backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


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
