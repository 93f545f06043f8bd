"""Papers that cite each other: a network reads them one by one, a Markov Logic Network reads them together.

Each paper has one of six topics and features that tell it badly: a linear model names three in five. Papers mostly cite
papers of their own topic, more so in some topics than in others. One formula with a learnable weight per topic says so:

    Cites(p, q) ^ Topic(p, +t) => Topic(q, +t)

The network's scores are the unaries of the atoms `Topic(paper, topic)`, and a graph's prediction is the most probable
world, MAP. Training graphs are labelled, test graphs are new papers and new citations of the same generator.

- Network alone: cross entropy, no citations.
- Fixed rules: that network, and MAP with one weight for all topics, the best of a grid on the training graphs.
- End to end: network and formula weights learn from the wrong topics in the MAP world, and from nothing else. They
  start where the network alone ended, with rules of weight zero. I-MLE gives the gradients, with and without noise.

    python examples/citation_graph.py             # five seeds, minutes
    python examples/citation_graph.py --quick     # one, smaller graphs, seconds
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F

import imle
from imle.estimators import IMLE

TOPICS = ("Agents", "Databases", "Graphics", "Logic", "Networks", "Vision")
HOMOPHILY = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9)
"""Per topic, the share of citations that stay within it; the rest go to all papers alike."""
FEATURES, CITATIONS, SIGNAL = 16, 2, 0.4
GRID = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
"""Weights to choose from where one is fixed for all topics."""
RULES = "Cites(p, q) ^ Topic(p, +t) => Topic(q, +t)"

ALONE, FIXED = "network alone", "network + fixed rules"


@dataclass(frozen=True)
class Task:
    """Sizes of an experiment."""

    papers: int
    graphs: int
    epochs: int


FULL, QUICK = Task(papers=120, graphs=6, epochs=40), Task(papers=60, graphs=4, epochs=20)

SETTINGS: dict[str, dict[str, Any]] = {
    "end to end, no noise": {"noise": None},
    "end to end, noise": {"nb_samples": 5},
}
BETA = 0.3
LEARNING_RATE = 0.02


@dataclass(frozen=True)
class Graph:
    """Papers with features `[P, D]` and topics `[P]`, and who cites whom `[C, 2]`."""

    features: Tensor
    topics: Tensor
    citations: Tensor

    def layer(self, **options: Any) -> nn.Module:
        """MAP in the network that these citations ground: unaries by predicate, formula weights -> states."""
        names = [f"P{paper}" for paper in range(len(self.topics))]
        program = f"""
            paper = {{{", ".join(names)}}}
            topic = {{{", ".join(TOPICS)}}}
            *Cites(paper, paper)
            Topic(paper, topic!)
            0 {RULES}
        """
        cites = [(names[citing], names[cited]) for citing, cited in self.citations.tolist()]
        return imle.layer("mln-map", program=program, evidence={"Cites": cites}, query=["Topic"], **options)


class Model(nn.Module):
    """A linear model of the topics, and one weight per ground formula of `RULES`."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Linear(FEATURES, len(TOPICS))
        self.weights = nn.Parameter(torch.zeros(len(TOPICS)))

    def forward(self, graph: Graph, layer: nn.Module) -> Tensor:
        """`[P, T]`: one topic per paper in the most probable world, or the mean of several worlds with noise."""
        topics: Tensor = layer({"Topic": self.network(graph.features)}, self.weights)["Topic"]
        return topics


def make_graphs(task: Task, seed: int) -> Iterator[Graph]:
    rng = np.random.default_rng(seed)
    means = SIGNAL * rng.normal(size=(len(TOPICS), FEATURES))
    while True:
        topics = rng.integers(len(TOPICS), size=task.papers)
        features = means[topics] + rng.normal(size=(task.papers, FEATURES))
        yield Graph(torch.from_numpy(features).float(), torch.from_numpy(topics), torch.from_numpy(cite(topics, rng)))


def cite(topics: Any, rng: np.random.Generator) -> Any:
    found = set()
    for paper, topic in enumerate(topics.tolist()):
        for _ in range(CITATIONS):
            own = rng.random() < HOMOPHILY[topic]
            others = [p for p in range(len(topics)) if p != paper and (topics[p] == topic) >= own]
            if others:
                found.add((paper, int(rng.choice(others))))
    return np.array(sorted(found))


def cross_entropy(model: Model, graphs: Sequence[Graph]) -> None:
    features = torch.cat([g.features for g in graphs])
    topics = torch.cat([g.topics for g in graphs])
    optimizer = torch.optim.Adam(model.network.parameters(), lr=0.02, weight_decay=1e-3)
    for _ in range(300):
        loss = F.cross_entropy(model.network(features), topics)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def hamming(states, topics):
    return 1 - states.gather(1, topics[:, None]).mean()


def end_to_end(model: Model, graphs, layers, epochs, lr, wlr) -> None:
    optimizer = torch.optim.Adam([{"params": model.network.parameters(), "lr": lr}, {"params": [model.weights], "lr": wlr}])
    for _ in range(epochs):
        for i in torch.randperm(len(graphs)).tolist():
            loss = hamming(model(graphs[i], layers[i]), graphs[i].topics)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@torch.no_grad()
def accuracy(model, graphs, layers):
    return float(np.mean([1 - hamming(model(g, l), g.topics).item() for g, l in zip(graphs, layers)]))
