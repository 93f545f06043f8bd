"""Two processes under DDP have the gradients of one process with the whole batch, where those are proportional to dy.

Undivided differences give each row a gradient of its own size, however large the batch: DDP's mean over two processes
is then half of the sum over one batch, which is what the factors below say.
"""

from __future__ import annotations

import gc
import os
import socket

import torch
from torch import distributed, multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel

import imle
from imle.estimators import IMLE, Blackbox, Identity
from support.hazards import Hazard

STEPS = 3


RULES = {
    "imle": (IMLE(), 1.0),
    "undivided": (IMLE(scale=False), 0.5),
    "blackbox": (Blackbox(), 1.0),
    "identity": (Identity(), 1.0),
    "learned": (Identity(), 1.0),
}


class Packer(nn.Module):
    """A knapsack with a predicted capacity, whose noise is the same for every row and in every process."""

    def __init__(self, estimator):
        super().__init__()
        self.values, self.capacity = nn.Linear(5, 6), nn.Linear(5, 1)
        self.layer = imle.layer(
            "knapsack",
            weights=[[1, 2, 3, 4, 5, 6]],
            learned={"capacity": 0.3},
            estimator=estimator,
            nb_samples=4,
            resample=False,
            generator=torch.Generator().manual_seed(1),
        )

    def forward(self, x):
        return self.layer(self.values(x), capacity=8 * self.capacity(x).exp())


def make_model(name, workers=None):
    torch.manual_seed(0)
    estimator, _ = RULES[name]
    if name == "learned":
        return Packer(estimator).double()
    if workers is None:
        layer = imle.layer("topk", k=2, estimator=estimator, noise=None)
    else:
        layer = imle.layer(Hazard(), size=6, estimator=estimator, noise=None, executor=workers)
    return nn.Sequential(nn.Linear(5, 6), layer).double()


def make_batch(step):
    generator = torch.Generator().manual_seed(step)
    return torch.randn(8, 5, dtype=torch.float64, generator=generator), torch.randn(6, generator=generator).double()


def train(model, rows, rate=0.1):
    optimiser = torch.optim.SGD(model.parameters(), lr=rate)
    for step in range(STEPS):
        x, weight = make_batch(step)
        optimiser.zero_grad()
        (model(x[rows]) * weight).sum(dim=1).mean().backward()
        optimiser.step()


RUNS = [*((rule, None) for rule in RULES), ("blackbox", 1)]
"""Rules and workers: with one, each rank has a pool of its own."""


def worker(rank, port, path):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", rank=rank, world_size=2)
    found = []
    for run in RUNS:
        model = DistributedDataParallel(make_model(*run))
        train(model, slice(4 * rank, 4 * rank + 4))
        found.append([parameter.detach() for parameter in model.parameters()])
    if rank == 0:
        torch.save(found, path)
    del model  # it holds the group, whose threads would outlive the interpreter: an abort, now and then
    gc.collect()
    distributed.barrier()
    distributed.destroy_process_group()


def test_two_processes(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = tmp_path / "parameters.pt"
    multiprocessing.spawn(worker, (port, str(path)), nprocs=2)  # all runs in one pair: it takes seconds to start
    for run, trained in zip(RUNS, torch.load(path), strict=True):
        alone = make_model(*run)
        train(alone, slice(None), 0.1 * RULES[run[0]][1])
        for found, expected in zip(trained, alone.parameters(), strict=True):
            torch.testing.assert_close(found, expected.detach(), msg=lambda told, run=run: f"{run}: {told}")
