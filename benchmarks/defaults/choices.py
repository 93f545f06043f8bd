"""Choosing k things without knowing which are right: only what is done with them has a loss."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

import imle
from benchmarks import toy
from benchmarks.defaults.problem import Problem, Sizes
from benchmarks.defaults.scripts import discrete_vae, learning_to_explain
from imle import datasets
from imle.datasets import ExplainData
from imle.datasets.l2x import ExplainName


class Free(nn.Module):
    """Scores without a network: parameters `[rows, n]`."""

    def __init__(self, rows: int, n: int) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.randn(rows, n, dtype=torch.float64))


@dataclass(frozen=True, kw_only=True)
class Subsets(Problem):
    """`benchmarks.toy`: a 5-subset of 10 near each row's b; every row is an experiment of its own.

    Judged by the subset that the scores lead to. There it is the distribution at temperature 1, which is better the
    larger scores are: rules whose noise is in units of the scores would be judged by another noise than their own.
    """

    b: Tensor

    def model(self) -> nn.Module:
        return Free(len(self.b), toy.N)

    def draw(self) -> Tensor:
        return torch.arange(len(self.b))

    def objective(self, model: nn.Module, rows: Tensor) -> Tensor:
        assert isinstance(model, Free)
        return model.scores[rows]

    def losses(self, model: nn.Module, z: Tensor, rows: Tensor) -> Tensor:
        return (z - self.b[rows].unsqueeze(1)).square().sum(dim=2)

    def judge(self, model: nn.Module, rows: slice) -> float:
        assert isinstance(model, Free)
        chosen = self.layer(noise=None)(model.scores.detach()[rows])
        return float((chosen - self.b[rows]).square().sum(dim=1).mean())


def subsets(seed: int, sizes: Sizes) -> Problem:
    random = torch.Generator().manual_seed(seed)
    b = torch.randn(sizes.total, toy.N, dtype=torch.float64, generator=random)
    return Subsets(layer=functools.partial(imle.layer, "topk", k=toy.K), sizes=sizes, b=b)


@dataclass(frozen=True, kw_only=True)
class Codes(Problem):
    """`examples/discrete_vae.py`, with fewer steps."""

    pictures: Tensor

    def model(self) -> nn.Module:
        return discrete_vae.Autoencoder()

    def objective(self, model: nn.Module, rows: Tensor) -> Tensor:
        scores: Tensor = model.encoder(self.pictures[rows])
        return scores

    def losses(self, model: nn.Module, z: Tensor, rows: Tensor) -> Tensor:
        cost: Tensor = model.cost(z, self.pictures[rows])
        return cost

    def penalty(self, objective: Tensor) -> Tensor:
        divergence: Tensor = discrete_vae.kl(objective)
        return divergence

    def judge(self, model: nn.Module, rows: slice) -> float:
        return float(discrete_vae.evaluate(model, self.pictures[rows]).bound)


def codes(seed: int, sizes: Sizes) -> Problem:
    seen, unseen = discrete_vae.load()
    seen = seen[torch.randperm(len(seen), generator=torch.Generator().manual_seed(seed))]
    pictures = torch.cat([seen[: sizes.train + sizes.validation], unseen[: sizes.test]])
    layer = functools.partial(imle.layer, "topk", k=discrete_vae.ONES)
    return Codes(layer=layer, sizes=sizes, batch=discrete_vae.BATCH, pictures=pictures)


@dataclass(frozen=True, kw_only=True)
class Explained(Problem):
    """One of the sets of `examples/learning_to_explain.py`, with fewer rows and steps.

    A learning rate is chosen by how well the predictor does, since true features are nothing that a user would know.
    """

    data: ExplainData
    k: int

    def model(self) -> nn.Module:
        return learning_to_explain.Model()

    def groups(self, model: nn.Module) -> list[dict[str, Any]]:
        decayed: list[dict[str, Any]] = model.groups()
        return decayed

    def objective(self, model: nn.Module, rows: Tensor) -> Tensor:
        scores: Tensor = model.explainer(self.data.features[rows])
        return scores

    def losses(self, model: nn.Module, z: Tensor, rows: Tensor) -> Tensor:
        logits = model.predict(self.data.features[rows], z)
        likely = self.data.probabilities[rows].unsqueeze(1).expand_as(logits)
        return nn.functional.binary_cross_entropy_with_logits(logits, likely, reduction="none")

    def _result(self, model: nn.Module, rows: slice) -> learning_to_explain.Result:
        return learning_to_explain.evaluate(model, self.k, ExplainData(*(values[rows] for values in self.data)))

    def judge(self, model: nn.Module, rows: slice) -> float:
        return 100 * float(self._result(model, rows).found)

    def choose(self, model: nn.Module, rows: slice) -> float:
        return float(self._result(model, rows).loss)


@dataclass(frozen=True)
class Explain:
    """Makes the data of a set."""

    name: ExplainName

    def __call__(self, seed: int, sizes: Sizes) -> Problem:
        data = datasets.learning_to_explain(sizes.total, self.name, seed=seed)
        k = int(data.relevant[0].sum())
        return Explained(layer=functools.partial(imle.layer, "topk", k=k), sizes=sizes, batch=200, data=data, k=k)


class Chooser(nn.Module):
    """Scores of inputs from a context, and a prediction from the context and the inputs that are chosen."""

    def __init__(self, contexts: int, inputs: int, hidden: int = 64) -> None:
        super().__init__()
        self.scorer = nn.Sequential(nn.Linear(contexts, hidden), nn.ReLU(), nn.Linear(hidden, inputs))
        self.predictor = nn.Sequential(
            nn.Linear(contexts + 2 * inputs, 2 * hidden), nn.ReLU(), nn.Linear(2 * hidden, 1)
        )

    def predict(self, context: Tensor, inputs: Tensor, masks: Tensor) -> Tensor:
        """`[B, S]` from contexts `[B, c]`, inputs `[B, n]` and masks `[B, S, n]`."""
        shown = context.unsqueeze(1).expand(-1, masks.shape[1], -1)
        found: Tensor = self.predictor(torch.cat([shown, inputs.unsqueeze(1) * masks, masks], dim=2))
        return found.squeeze(2)


@dataclass(frozen=True, kw_only=True)
class Selected(Problem):
    """A sum of ten inputs whose weights depend on a context, of which a predictor may see four."""

    context: Tensor
    inputs: Tensor
    target: Tensor

    def model(self) -> nn.Module:
        return Chooser(self.context.shape[1], self.inputs.shape[1])

    def objective(self, model: nn.Module, rows: Tensor | slice) -> Tensor:
        scores: Tensor = model.scorer(self.context[rows])
        return scores

    def losses(self, model: nn.Module, z: Tensor, rows: Tensor | slice) -> Tensor:
        return (model.predict(self.context[rows], self.inputs[rows], z) - self.target[rows].unsqueeze(1)).square()

    @torch.no_grad()
    def judge(self, model: nn.Module, rows: slice) -> float:
        chosen = self.layer(noise=None)(self.objective(model, rows)).unsqueeze(1)
        return 100 * float(self.losses(model, chosen, rows).mean() / self.target[rows].var())


def selected(seed: int, sizes: Sizes) -> Problem:
    random = torch.Generator().manual_seed(seed)
    context, inputs = (torch.randn(sizes.total, n, generator=random) for n in (5, 10))
    weights = (context @ torch.randn(5, 10, generator=random)).square()
    target = (weights * inputs).sum(dim=1)
    layer = functools.partial(imle.layer, "topk", k=4)
    return Selected(layer=layer, sizes=sizes, batch=64, context=context, inputs=inputs, target=target / target.std())
