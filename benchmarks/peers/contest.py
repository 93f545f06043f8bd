"""One workload, all contestants: the same answers first, then whole training steps in turns, then a short training."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.peers.peer import Peer, Spent
from benchmarks.peers.workloads import Workload, seeded
from imle import metrics

ROUNDS, TURN = 3, 0.1
"""Turns of each contestant, after one to warm up; seconds that a turn lasts at least."""

PROBES = 24
"""Rows whose answers are compared."""

PATIENCE = 45.0
"""Seconds that the short training of one contestant may take."""


class DisagreementError(AssertionError):
    """Two contestants do not solve the same problem."""


@dataclass(frozen=True)
class Step:
    """A training step: seconds in all, and where they went."""

    total: float
    spent: Spent

    @property
    def overhead(self) -> float:
        """Model, loss, autograd, optimiser, and what the library does between them and its solver."""
        return self.total - self.spent.noise - self.spent.solve


class Training:
    """Predict, decide, regret, gradient, Adam: all contestants go through the same rows from the same model."""

    def __init__(self, work: Workload, peer: Peer) -> None:
        self.work = work
        self.peer = peer
        self.model = seeded(work)
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=work.rate)
        self.sign = 1 if work.sense == "min" else -1
        self.order = torch.Generator().manual_seed(0)
        self.batches: list[Tensor] = []

    def step(self) -> None:
        if not self.batches:
            shuffled = torch.randperm(self.work.train, generator=self.order)
            self.batches = [rows for rows in torch.split(shuffled, self.work.batch) if len(rows) == self.work.batch]
        rows = self.batches.pop()
        solution = self.peer.layer(self.model(self.work.features[rows]))
        loss = self.sign * (solution * self.work.objectives[rows]).flatten(1).sum(dim=1).mean()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        self.optimiser.step()

    def timed(self) -> Step:
        before, start = self.peer.spent, time.perf_counter()
        self.step()
        return Step(time.perf_counter() - start, self.peer.spent.since(before))


def probes(work: Workload) -> Tensor:
    """Objectives as training has them: true ones, the second half with noise on, negative costs included."""
    found = work.objectives[:PROBES].clone()
    if not work.allows_negative:
        return found
    noise = torch.randn(found.shape, generator=torch.Generator().manual_seed(0)) * found.std()
    found[PROBES // 2 :] += noise[PROBES // 2 :]
    return found


def check_same_answers(work: Workload, peers: Mapping[str, Peer], objectives: Tensor) -> None:
    """All find solutions of the same objective value; solutions themselves may differ where there are ties.

    Raises:
        DisagreementError: names the contestant, the row and both values.
    """
    first, *_ = peers
    values = {name: value(objectives, peer.decide(objectives)) for name, peer in peers.items()}
    for name, found in values.items():
        scale = values[first].abs().clamp(min=1.0)
        apart = ((found - values[first]).abs() / scale).max(dim=0)
        if not apart.values <= work.tolerance:
            row = int(apart.indices)
            raise DisagreementError(
                f"{work.name}: row {row}: {first} finds a solution worth {values[first][row]:.9g}, "
                f"{name} one worth {found[row]:.9g}"
            )


def value(objectives: Tensor, solutions: Tensor) -> Tensor:
    """`[N]`, in float64."""
    return (objectives.double() * solutions.double()).flatten(1).sum(dim=1)


def race_steps(work: Workload, peers: Mapping[str, Peer], rounds: int = ROUNDS) -> dict[str, Step]:
    """The step of median length of each contestant, over turns in which every one takes part.

    Raises:
        DisagreementError: a contestant solves more or fewer rows in a step than the others.
    """
    trainings = {name: Training(work, peer) for name, peer in peers.items()}
    for name, training in trainings.items():
        solves = training.timed().spent.solves
        if solves != work.solves:
            raise DisagreementError(f"{work.name}: {name}: expected {work.solves} solves in a step, found {solves}")
    steps: dict[str, list[Step]] = {name: [] for name in peers}
    gc.collect()
    for _ in range(rounds):
        for name, training in trainings.items():
            end = time.perf_counter() + TURN
            while time.perf_counter() < end:
                steps[name].append(training.timed())
    return {name: sorted(found, key=lambda step: step.total)[len(found) // 2] for name, found in steps.items()}


def regret_after_training(work: Workload, peer: Peer, judge: Peer) -> float:
    """Normalised regret on unseen rows after `work.steps` steps.

    Args:
        work: the workload.
        peer: who trains.
        judge: who decides for the unseen rows; the same for everybody, as all find equally good decisions.
    """
    training = Training(work, peer)
    for _ in range(work.steps):
        training.step()
    return regret(work, training.model, judge)


@torch.no_grad()
def regret(work: Workload, model: torch.nn.Module, judge: Peer) -> float:
    """Normalised regret of a model's decisions on unseen rows."""
    true = work.objectives[work.train :]
    decided, best = judge.decide(model(work.features[work.train :])), judge.decide(true)
    return float(metrics.normalised_regret(true, decided, best, sense=work.sense, event_ndim=true.ndim - 1))


@dataclass(frozen=True)
class Outcome:
    """What one contestant did: its median step, and its regret (None: the training was not run)."""

    step: Step
    regret: float | None


def hold(work: Workload, contestants: Callable[[], Mapping[str, Peer]]) -> dict[str, Outcome]:
    """The whole contest on one workload.

    Args:
        work: the workload.
        contestants: builds them. For the training they are built anew: what noise they draw then must not depend on
            how many steps the machine was quick enough to time before.
    """
    peers = contestants()
    check_same_answers(work, peers, probes(work))
    steps = race_steps(work, peers)
    judge = next(iter(peers.values()))
    regrets = {
        name: regret_after_training(work, peer, judge) if steps[name].total * work.steps <= PATIENCE else None
        for name, peer in contestants().items()
    }
    return {name: Outcome(step, regrets[name]) for name, step in steps.items()}
