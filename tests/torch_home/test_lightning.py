"""Lightning's Trainer trains a solver layer as a loop of plain torch does, goes on from its checkpoints, and logs."""

from __future__ import annotations

import logging
import warnings

import pytest
import torch
from torch import nn

import imle

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of packages that Lightning imports
    pytest.importorskip("lightning")
    import lightning

    from imle.monitoring.lightning import SolverMonitor

BATCHES = [
    (torch.randn(8, 5, generator=generator), torch.randn(6, generator=generator))
    for generator in map(torch.Generator().manual_seed, range(6))
]


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 6), imle.layer("topk", k=2, estimator="aimle", nb_samples=3))


def loss(model, batch):
    x, weight = batch
    return (model(x) * weight).sum(dim=1).mean()


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = network()

    def training_step(self, batch, batch_idx):
        return loss(self.model, batch)

    def validation_step(self, batch, batch_idx):
        self.log("value", loss(self.model, batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Kept(lightning.pytorch.loggers.logger.Logger):
    """What a logger is given."""

    name = version = "kept"

    def __init__(self):
        super().__init__()
        self.metrics = []

    def log_hyperparams(self, params):
        pass

    def log_metrics(self, metrics, step=None):
        self.metrics.append({**metrics, "step": step})


def trainer(**options):
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    return lightning.Trainer(**{**quiet, "accelerator": "cpu", "max_epochs": 1, "num_sanity_val_steps": 0, **options})


def loader(batches):
    """With a generator of its own: else it draws a seed from torch's, and the noise is another."""
    return torch.utils.data.DataLoader(batches, batch_size=None, generator=torch.Generator())


def fit(module, batches, validation=(), path=None, **options):
    one = trainer(**options)
    one.fit(module, loader(batches), loader(validation) if validation else None, ckpt_path=path)
    return one


def same(one, other):
    found, expected = one.state_dict(), other.state_dict()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def plain(model, batches):
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for batch in batches:
        optimiser.zero_grad()
        loss(model, batch).backward()
        optimiser.step()


def test_training_is_that_of_plain_torch():
    module, model = Module(), network()
    torch.manual_seed(1)
    fit(module, BATCHES, BATCHES[:1])
    torch.manual_seed(1)
    plain(model, BATCHES)
    same(module.model, model)
    assert not torch.equal(model[0].weight, network()[0].weight)


def test_a_checkpoint_has_all_there_is(tmp_path):
    """Weights, the state of AIMLE and the unit of the noise; the state of the generator is the caller's."""
    module, whole = Module(), Module()
    torch.manual_seed(1)
    fit(whole, BATCHES)
    torch.manual_seed(1)
    path = tmp_path / "half.ckpt"
    fit(module, BATCHES[:3]).save_checkpoint(path)
    state = torch.get_rng_state()
    again = Module.load_from_checkpoint(path, weights_only=True)
    same(again, module)
    torch.set_rng_state(state)
    resumed = Module()
    torch.set_rng_state(state)
    one = fit(resumed, BATCHES[3:], path=path, max_epochs=2)
    assert one.global_step == 6
    same(resumed, whole)


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true"])
def test_precisions(precision):
    module = Module()
    before = module.model[0].weight.clone()
    fit(module, BATCHES, BATCHES[:1], precision=precision)
    after = module.model[0].weight
    assert after.isfinite().all()
    assert not torch.equal(after, before.to(after))
    assert module.model[1].estimator.beta.dtype is torch.float64


def test_gradients_are_accumulated():
    module, model = Module(), network()
    torch.manual_seed(1)
    fit(module, BATCHES, accumulate_grad_batches=3)
    torch.manual_seed(1)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    for start in (0, 3):
        optimiser.zero_grad()
        for batch in BATCHES[start : start + 3]:
            (loss(model, batch) / 3).backward()
        optimiser.step()
    same(module.model, model)


def test_the_monitor_logs():
    module, logger = Module(), Kept()
    fit(module, BATCHES, logger=logger, callbacks=[SolverMonitor()], log_every_n_steps=2)
    names = {f"imle/model.1/{name}" for name in ("gradient_sparsity", "solves_per_second", "failures", "temperature")}
    logged = [found for found in logger.metrics if names <= found.keys()]
    assert [found["step"] for found in logged] == [1, 3, 5]
    assert all(0 < found["imle/model.1/gradient_sparsity"] < 1 for found in logged)
    assert logged[-1]["imle/model.1/beta"] == pytest.approx(module.model[1].estimator.beta.item())
