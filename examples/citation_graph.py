"""Papers that cite each other: a network reads them one by one, a Markov Logic Network reads them together.

Each paper has one of six topics, and features that tell it badly. Papers cite papers of their own topic, more so in
some topics than in others. One formula with a learnable weight per topic says so:

    Cites(p, q) ^ Topic(p, +t) => Topic(q, +t)

The network's scores are the unaries of the atoms `Topic(paper, topic)`; the most probable world, MAP, is the prediction
for all papers of a graph. Training graphs are labelled; test graphs are other papers with other citations.

- Network alone: cross entropy, no citations.
- Fixed rules: that network, and MAP with one weight for all topics, the best of a grid on the training graphs.
- Learned: network and formula weights, end to end from the wrong topics of MAP and from nothing else: the loss mentions
  no formula. They start where the network alone ended, with rules of weight zero. I-MLE gives the gradients.

Does noise help, as Betz et al. (2021) claim? The last rows of the first table answer that, for this graph.

Where few papers hang together, the probability of all their topics can be computed. The second table has graphs in
which papers cite only others of their own collection of eight, and more ways to learn the same network and weights:

- Pseudo-likelihood: each paper's topic, given the true ones of all others.
- Exact likelihood: all topics together, by elimination (`imle_mln.MarginalLayer`). The same layer also predicts: the
  most probable topic of each paper, instead of the most probable world.

    python examples/citation_graph.py             # five seeds, minutes
    python examples/citation_graph.py --quick     # one, with smaller graphs, seconds
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional as F

import imle
from common import arguments, bars, save, seeds_of, show, with_progress
from imle.estimators import IMLE
from imle.layers import SolverLayer
from imle_mln import MarginalLayer

TOPICS = ("Agents", "Data", "Games", "Logic", "Nets", "Vision")
OWN_TOPIC = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9)
"""Per topic, the share of citations that look for a paper of the same topic; the others may hit any paper."""
FEATURES, CITATIONS, SIGNAL = 16, 2, 0.4
RULE = "Cites(p, q) ^ Topic(p, +t) => Topic(q, +t)"
FIXED_WEIGHTS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)

ALONE, FIXED = "network alone", "network + fixed rules"


@dataclass(frozen=True)
class Task:
    """How many papers a graph has, graphs to train with, graphs to test with, passes over the former, and how many
    papers a collection has at most: papers cite within their own.
    """

    papers: int
    training: int
    test: int
    epochs: int
    collection: int | None = None


FULL, QUICK = Task(papers=100, training=6, test=10, epochs=25), Task(papers=60, training=4, test=8, epochs=15)
COLLECTION = 8


@dataclass(frozen=True)
class Graph:
    """Papers with features `[P, D]` and topics `[P]`, and citations `[C, 2]`: who cites whom."""

    features: Tensor
    topics: Tensor
    citations: NDArray[np.int64]

    def instance(self) -> dict[str, Any]:
        """The program, and these citations as evidence."""
        names = [f"P{paper}" for paper in range(len(self.topics))]
        program = f"""
            paper = {{{", ".join(names)}}}
            topic = {{{", ".join(TOPICS)}}}
            *Cites(paper, paper)
            Topic(paper, topic!)
            0 {RULE}
        """
        cites = [(names[citing], names[cited]) for citing, cited in self.citations.tolist()]
        return {"program": program, "evidence": {"Cites": cites}, "query": ["Topic"]}

    def layer(self, **options: Any) -> SolverLayer:
        """MAP given these citations: from unaries `{"Topic": [P, T]}` and weights `[T]` to states."""
        return imle.layer("mln-map", **self.instance(), **options)

    def marginals(self) -> MarginalLayer:
        """Exact probabilities given these citations: from unaries `[P * T]` and weights `[T]`."""
        return MarginalLayer(**self.instance())


Layer = SolverLayer | MarginalLayer


@dataclass(frozen=True)
class Graphs:
    """Graphs, each with its layer; networks and weights are shared, evidence is not."""

    graphs: Sequence[Graph]
    layers: Sequence[Layer]

    @classmethod
    def of(cls, graphs: Sequence[Graph], **options: Any) -> Self:
        """With MAP."""
        return cls(graphs, [graph.layer(**options) for graph in graphs])

    def __iter__(self) -> Iterator[tuple[Graph, Layer]]:
        return zip(self.graphs, self.layers, strict=True)

    def shuffled(self) -> Iterator[tuple[Graph, Layer]]:
        """In an order that torch's seed decides."""
        for place in torch.randperm(len(self.graphs)).tolist():
            yield self.graphs[place], self.layers[place]

    def events(self) -> Counter[str]:
        """Which engines have solved components of graphs, how often."""
        events: Counter[str] = sum(
            (layer.stats.events for layer in self.layers if isinstance(layer, SolverLayer)), Counter()
        )
        return Counter({name: count for name, count in events.items() if name.endswith("_components")})


class Model(nn.Module):
    """Scores of topics, linear in the features, and a weight per topic for `RULE`; zero is no rule."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Linear(FEATURES, len(TOPICS))
        self.weights = nn.Parameter(torch.zeros(len(TOPICS)))

    def forward(self, graph: Graph, layer: Layer) -> Tensor:
        """`[P, T]`, one topic per paper; with noise, the mean of several such worlds; or probabilities."""
        scores: Tensor = self.network(graph.features)
        if isinstance(layer, MarginalLayer):
            probable: Tensor = layer(scores.flatten(), self.weights).state
            return probable.reshape(scores.shape)
        states: Tensor = layer({"Topic": scores}, self.weights)["Topic"]
        return states

    def with_weight(self, weight: float) -> Model:
        """A copy with the same weight for all topics."""
        model = copy.deepcopy(self)
        nn.init.constant_(model.weights, weight)
        return model


@dataclass(frozen=True)
class Result:
    """What one seed gave.

    Attributes:
        seed: of data and training.
        accuracies: share of papers of the test graphs with the right topic, by method.
        weights: `[T]` formula weights by method, of those that have some.
        engines: how many solves, of training and test, which engine did.
    """

    seed: int
    accuracies: dict[str, float]
    weights: dict[str, list[float]]
    engines: Counter[str]


def make_graphs(papers: int, seed: int, collection: int | None = None) -> Iterator[Graph]:
    """Graphs without end. Features are Gaussian around a mean per topic; the means are the same in all graphs."""
    rng = np.random.default_rng(seed)
    means = SIGNAL * rng.normal(size=(len(TOPICS), FEATURES))
    while True:
        topics = rng.integers(len(TOPICS), size=papers)
        features = means[topics] + rng.normal(size=(papers, FEATURES))
        citations = _cite(topics, np.arange(papers) // (collection or papers), rng)
        yield Graph(torch.from_numpy(features).float(), torch.from_numpy(topics), citations)


def _cite(topics: NDArray[np.int64], collections: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Citations `[C, 2]` between papers of topics `[P]` in the same of collections `[P]`, each once, none of a paper by
    itself.
    """
    papers = np.arange(len(topics))
    found = set()
    for paper, topic in enumerate(topics.tolist()):
        for _ in range(CITATIONS):
            related = topics == topic if rng.random() < OWN_TOPIC[topic] else np.full(len(topics), True)
            cited = papers[related & (collections == collections[paper]) & (papers != paper)]
            if len(cited):
                found.add((paper, int(rng.choice(cited))))
    return np.array(sorted(found), dtype=np.int64)


def hamming(states: Tensor, topics: Tensor) -> Tensor:
    """Share of wrong papers, of states `[P, T]` and topics `[P]`; linear in the states."""
    return 1 - states.gather(1, topics[:, None]).mean()


@torch.no_grad()
def accuracy(model: Model, data: Graphs) -> float:
    """Share of papers for which MAP names the right topic, or for which it is the most probable one."""
    right = [(model(graph, layer).argmax(dim=1) == graph.topics).float().mean() for graph, layer in data]
    return float(torch.stack(right).mean())


def train_network(model: Model, graphs: Sequence[Graph]) -> None:
    """Cross entropy of the network alone; weight decay keeps it from learning 600 papers by heart."""
    features, topics = torch.cat([graph.features for graph in graphs]), torch.cat([graph.topics for graph in graphs])
    optimizer = torch.optim.Adam(model.network.parameters(), lr=0.02, weight_decay=1e-3)
    for _ in range(300):
        optimizer.zero_grad()
        loss = F.cross_entropy(model.network(features), topics)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def mistakes(model: Model, graph: Graph, layer: Layer) -> Tensor:
    """The share of papers for which MAP is wrong."""
    return hamming(model(graph, layer), graph.topics)


def pseudo_likelihood(model: Model, graph: Graph, _: Layer) -> Tensor:
    """Minus the logarithm of the probability of each paper's topic, given the true ones of all others."""
    scores, topics = model.network(graph.features), F.one_hot(graph.topics, len(TOPICS)).float()
    citing, cited = torch.from_numpy(graph.citations).unbind(dim=1)
    # a citation breaks the rule where the one that cites has topic t and the other one has not, which costs w_t
    scores = scores.index_add(0, citing, -model.weights * (1 - topics[cited]))
    scores = scores.index_add(0, cited, -model.weights[graph.topics[citing], None] * (1 - topics[citing]))
    return F.cross_entropy(scores, graph.topics)


def likelihood(model: Model, graph: Graph, layer: MarginalLayer) -> Tensor:
    """Minus the logarithm of the probability of all topics together, per paper."""
    scores, topics = model.network(graph.features), F.one_hot(graph.topics, len(TOPICS))
    return -layer.log_probability(topics.flatten(), scores.flatten(), model.weights) / len(scores)


@dataclass(frozen=True)
class Setting:
    """A loss of a model, a graph and its layer; options of the layers, None for exact probabilities instead of MAP; and
    the learning rate of the network.
    """

    loss: Callable[[Model, Graph, Any], Tensor]
    options: dict[str, Any] | None
    network_rate: float = 0.005

    def data(self, graphs: Sequence[Graph]) -> Graphs:
        """The graphs, each with its layer."""
        if self.options is None:
            return Graphs(graphs, [graph.marginals() for graph in graphs])
        return Graphs.of(graphs, estimator=IMLE(beta=BETA, scale=False), **self.options)


# What follows was chosen on seeds 100 to 102, which the tables do not show.

# A relative step, lambda = BETA ||theta|| / ||dy||: the loss is a mean over papers, so that an absolute lambda_ would
# have to grow with them. Twice the number of papers does as well with noise, ten times without; neither matters much.
BETA = 0.5
# Adam, because gradients of weights are per grounding, of which there are as many as pairs of papers: they are tiny.
WEIGHTS_RATE = 0.03
SETTINGS = {
    "learned, no noise": Setting(mistakes, {"noise": None}),
    # Without noise, MAP need only be right, by no margin, and a network that learns fast makes it so for the training
    # graphs alone. The slower the network, the better, then.
    "learned, slow network": Setting(mistakes, {"noise": None}, network_rate=0.001),
    # With strong noise, the slow network can be far worse: weights grow as large as the noise asks for, and scores have
    # to follow, because MAP on test graphs has no noise.
    "learned, noise": Setting(mistakes, {"nb_samples": 5}),
    "learned, noise x 2": Setting(mistakes, {"nb_samples": 5, "temperature": 2.0}),
}
EXACT = "exact likelihood"
SMALL_SETTINGS = {
    "I-MLE, noise x 2": SETTINGS["learned, noise x 2"],
    "pseudo-likelihood": Setting(pseudo_likelihood, {"noise": None}),
    EXACT: Setting(likelihood, None),
}


def train_end_to_end(model: Model, setting: Setting, data: Graphs, epochs: int) -> None:
    """Train network and weights together."""
    groups = [
        {"params": model.network.parameters(), "lr": setting.network_rate},
        {"params": [model.weights], "lr": WEIGHTS_RATE},
    ]
    optimizer = torch.optim.Adam(groups)
    for _ in range(epochs):
        for graph, layer in data.shuffled():
            optimizer.zero_grad()
            setting.loss(model, graph, layer).backward()  # type: ignore[no-untyped-call]
            optimizer.step()


def run_seed(seed: int, task: Task) -> Result:
    """All methods on the same graphs."""
    source = make_graphs(task.papers, seed, task.collection)
    graphs = [next(source) for _ in range(task.training)]
    tests = [next(source) for _ in range(task.test)]
    seen, unseen = Graphs.of(graphs, noise=None), Graphs.of(tests, noise=None)

    torch.manual_seed(seed)
    alone = Model()
    train_network(alone, graphs)
    models = {ALONE: alone, FIXED: max(map(alone.with_weight, FIXED_WEIGHTS), key=lambda model: accuracy(model, seen))}
    engines = seen.events()
    for name, setting in (SMALL_SETTINGS if task.collection else SETTINGS).items():
        torch.manual_seed(seed)  # each setting sees the graphs in the same order
        models[name] = copy.deepcopy(alone)
        data = setting.data(graphs)
        train_end_to_end(models[name], setting, data, task.epochs)
        engines += data.events()
    accuracies = {name: accuracy(model, unseen) for name, model in models.items()}
    if task.collection:
        accuracies[f"{EXACT}, by paper"] = accuracy(models[EXACT], SMALL_SETTINGS[EXACT].data(tests))
    weights = {name: model.weights.tolist() for name, model in models.items() if name != ALONE}
    return Result(seed, accuracies, weights, engines + unseen.events())


def accuracies(results: Sequence[Result]) -> dict[str, list[float]]:
    """In percent, by method and seed."""
    return {name: [100 * result.accuracies[name] for result in results] for name in results[0].accuracies}


def report(results: Sequence[Result], what: str) -> None:
    """Accuracies, a line per method; then weights, a column per topic; then who solved."""
    show(f"Papers of unseen {what} with the right topic, in %", {"accuracy": accuracies(results)}, ends=FIXED)
    weights = {
        f"{topic} ({share:.0%})": {name: [r.weights[name][i] for r in results] for name in results[0].weights}
        for i, (topic, share) in enumerate(zip(TOPICS, OWN_TOPIC, strict=True))
    }
    show("Weights of the rule by topic (and the share of its citations that seek the same one)", weights, digits=2)
    engines = sum((result.engines for result in results), Counter[str]())
    Console().print("solved by: " + ", ".join(f"{name} {count}" for name, count in engines.most_common()))


def plot(results: Sequence[Result], path: Path) -> None:
    """A bar per method; beside it what weight each topic got, and what share of its citations seek the same topic."""
    figure = Figure(figsize=(13, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    bars(left, accuracies(results), "papers of unseen graphs with the right topic, %", baselines=[ALONE, FIXED])
    for name in results[0].weights:
        weights = np.mean([result.weights[name] for result in results], axis=0)
        right.plot(OWN_TOPIC, weights, "o-", label=name)
    right.set_xlabel("share of citations that seek their own topic")
    right.set_title("weight of the rule, by topic", fontsize=11)
    right.legend(fontsize=8)
    save(figure, path)


def main(argv: Sequence[str] | None = None) -> list[Result]:
    """Run the example; returns what it shows."""
    quick = "one seed, smaller graphs, fewer epochs"
    parser = arguments(__doc__, plot="citation_graph.png", quick=quick, seeds=5)
    options = parser.parse_args(argv)
    task = QUICK if options.quick else FULL
    seeds = seeds_of(options)
    results = [run_seed(seed, task) for seed in with_progress(seeds, "reading papers")]
    report(results, "graphs")
    plot(results, options.plot)
    smaller = replace(task, collection=COLLECTION)
    small = [run_seed(seed, smaller) for seed in with_progress(seeds, "reading collections")]
    report(small, f"collections of {COLLECTION} papers")
    return [*results, *small]


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
