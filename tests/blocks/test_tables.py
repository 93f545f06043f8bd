"""Blocks with tables, constants and scales: switches of rooms, some of which are wired and cannot be chosen."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch.func import vmap

import imle
from imle.errors import InstanceError, ObjectiveError, SolverContractError
from imle.estimators import IMLE
from imle.noise import GumbelNoiseDistribution
from imle.solvers import BasePrepared, BlockData, BlockLayout, BlockTable, SolveResult

GENERATOR = torch.Generator().manual_seed(0)
ROOMS, LAMPS = 2, 3


class Switches:
    """Each switch is on where its score is positive. Lamps of a house `[rooms, 3]`, then its doors `[rooms]`; and
    meters, which count from where they stand.
    """

    sense: ClassVar[str] = "max"
    array: ClassVar[str] = "numpy"
    blocks = (
        imle.Block("switch", solution="on", shared=True),
        imle.Block("meter", solution="reading", noise=False, shared=True),
        imle.Block("bell", optional=True),
    )

    def prepare(self, wired=(), rooms=ROOMS, doors=True, rings=False):
        return PreparedSwitches(dict(wired), rooms, doors, rings)


class PreparedSwitches(BasePrepared):
    def __init__(self, wired, rooms, doors, rings):
        cells = np.array([cell for cell in range(rooms * LAMPS) if cell not in wired], np.int64)
        known = np.zeros((rooms, LAMPS))
        known.ravel()[list(wired)] = list(wired.values())
        lamps = BlockTable((rooms, LAMPS), 0, cells, known.copy) if wired else BlockTable((rooms, LAMPS))
        tables = {"lamp": lamps, "door": BlockTable((rooms,), len(cells))} if doors else {"lamp": lamps}
        size = sum(table.size for table in tables.values())
        stand = 10.0 * len(wired)
        self.blocks = BlockLayout(
            meter=BlockData((2,), 0.0, np.array([stand, 1.0]), np.array([0.5, 1 / (1 + stand)]), largest=stand + 2),
            switch=BlockData((size,), tables=tables),
            **({"bell": BlockData((1,), default=-1.0)} if rings else {}),
        )
        self.objective_shape = self.blocks.objective_shape

    def solve(self, objective):
        return SolveResult((objective > 0).astype(float))


def house(**instance):
    return imle.layer(Switches, noise=None, estimator=IMLE(lambda_=1.0), **instance)


def scores(*batch):
    return {
        "lamp": torch.randn(*batch, ROOMS, LAMPS, generator=GENERATOR),
        "door": torch.randn(*batch, ROOMS, generator=GENERATOR),
    }


WIRED = {1: 7.0, 5: 8.0}


def test_tables_of_a_block_in_and_out():
    tables = scores(4)
    out = house(wired=WIRED).eval()(tables)
    free = [0, 2, 3, 4]
    assert torch.equal(out.on, torch.cat([tables["lamp"].flatten(1)[:, free], tables["door"]], 1).gt(0).float())
    assert torch.equal(out["door"], tables["door"].gt(0).float())
    lamps = tables["lamp"].gt(0).float()
    lamps[:, 0, 1], lamps[:, 1, 2] = 7.0, 8.0
    assert torch.equal(out["lamp"], lamps)
    alone = house(wired=WIRED).eval()({name: table[2] for name, table in tables.items()})
    assert torch.equal(alone["lamp"], lamps[2])
    one = house(wired=WIRED).eval()({"door": tables["door"]})  # a table that is left out is zero
    assert torch.equal(one["lamp"], lamps.where(lamps > 1, 0))
    assert torch.equal(one["door"], out["door"])


INSTANCES = [WIRED, {}, {0: 3.0}, WIRED, {2: 1.0, 3: 2.0, 4: 4.0}]


def test_tables_of_rows_with_instances_of_their_own():
    """As each row alone, forward and backward, whatever it has wired; blocks are padded to the widest row."""
    given = {name: table.requires_grad_() for name, table in scores(5).items()}
    push = torch.randn(5, ROOMS, LAMPS, generator=GENERATOR)
    out = house()(given, wired=INSTANCES)
    assert out.on.shape == (5, 8)
    (out["lamp"] * push).sum().backward()
    for row, wired in enumerate(INSTANCES):
        own = {name: table[row].detach().requires_grad_() for name, table in given.items()}
        alone = house(wired=wired)(own)
        (alone["lamp"] * push[row]).sum().backward()
        for name in given:
            assert torch.equal(out[name][row], alone[name])
            expected = own[name].grad
            assert torch.equal(given[name].grad[row], torch.zeros_like(own[name]) if expected is None else expected)
        assert torch.equal(out.on[row, : len(alone.on)], alone.on)
        assert not out.on[row, len(alone.on) :].any()


def test_tables_of_samples():
    given = scores(5)
    layer = partial(imle.layer, Switches, nb_samples=4, output="samples", temperature=3.0)
    out = layer()(given, wired=INSTANCES)
    assert out["lamp"].shape == (5, 4, ROOMS, LAMPS)
    assert out["door"].shape == (5, 4, ROOMS)
    for row, wired in enumerate(INSTANCES):
        for cell, value in wired.items():
            assert out["lamp"][row].flatten(1)[:, cell].eq(value).all()
        free = [cell for cell in range(ROOMS * LAMPS) if cell not in wired]
        assert torch.equal(out["lamp"][row].flatten(1)[:, free], out.on[row, :, : len(free)])
        assert torch.equal(out["door"][row], out.on[row, :, len(free) : len(free) + ROOMS])
    same = layer(wired=WIRED)(given)
    assert same["lamp"][..., 0, 1].eq(7.0).all()
    assert torch.equal(same["door"], same.on[..., 4:])


def test_tables_under_vmap_and_in_batches_of_several_dimensions():
    given = scores(3, 5)
    layer = house().eval()
    expected = [layer({name: table[copy] for name, table in given.items()}, wired=INSTANCES) for copy in range(3)]
    found = vmap(lambda lamp, door: layer({"lamp": lamp, "door": door}, wired=INSTANCES)["lamp"])(*given.values())
    assert torch.equal(found, torch.stack([one["lamp"] for one in expected]))
    folded = {name: table[0].reshape(5, 1, *table.shape[2:]) for name, table in given.items()}
    out = layer(folded, wired=INSTANCES)
    assert torch.equal(out["lamp"], expected[0]["lamp"].unsqueeze(1))
    assert torch.equal(out.on, expected[0].on.unsqueeze(1))


@pytest.mark.parametrize("instance", [{}, {"wired": WIRED}, {"rooms": 0}], ids=str)
def test_no_rows_and_no_cells(instance):
    rooms = instance.get("rooms", ROOMS)
    tables = {"lamp": torch.zeros(0, rooms, LAMPS), "door": torch.zeros(0, rooms)}
    out = house(**instance).eval()(tables)
    assert out["lamp"].shape == tables["lamp"].shape
    assert out["door"].shape == tables["door"].shape
    filled = house(**instance).eval()({"door": torch.ones(3, rooms)})
    assert filled["door"].eq(1).all()
    assert filled["lamp"].shape == (3, rooms, LAMPS)


def test_no_cells_where_rows_have_instances_of_their_own():
    out = house(rooms=0).eval()({"door": torch.ones(2, 0)}, rings=[True, True], wired=[(), ()])
    assert out["door"].shape == (2, 0)
    assert out["lamp"].shape == (2, 0, LAMPS)
    assert out.bell.tolist() == [[0], [0]]


@pytest.mark.parametrize(
    ("instance", "given", "message"),
    [
        ({}, {"lamp": torch.zeros(3, 2)}, r"lamp: expected shape \[\*batch, 2, 3\], found \[3, 2\]"),
        ({}, {"lamp": torch.zeros(3)}, r"lamp: expected shape \[\*batch, 2, 3\], found \[3\]"),
        ({}, {"lamp": [1.0]}, r"lamp: expected shape \[\*batch, 2, 3\], found list"),
        ({"wired": [{}, WIRED]}, {"lamp": torch.zeros(2, 3, 2)}, r"lamp: .*found \[2, 3, 2\]"),
    ],
)
def test_a_table_of_another_shape(instance, given, message):
    with pytest.raises(ObjectiveError, match=f"switch: {message}"):
        house()(given, **instance)


def test_messages_say_how_blocks_and_tables_are_given():
    with pytest.raises(ObjectiveError) as caught:
        house()(torch.zeros(3))
    assert str(caught.value).startswith(
        "switches: switch: expected a tensor [*batch, 8] or a mapping of tables, found [3]; an objective is "
        "switch [*batch, 8] (lamp 6, door 2), meter [2] or [*batch, 2]"
    )


def test_tables_that_rows_do_not_share():
    layer = house().eval()
    with pytest.raises(InstanceError, match=r"expected a table \(lamp, door\), found 'lift'"):
        layer({"lift": torch.zeros(2)})
    with pytest.raises(InstanceError, match=r"expected a table \(lamp\), found 'door'"):
        layer({"door": torch.zeros(2, 2)}, doors=[True, False])
    with pytest.raises(InstanceError, match=r"expected one of on, reading, lamp, door, found 'lift'"):
        layer(scores(2))["lift"]
    mixed = layer(torch.ones(2, 12), rooms=[2, 3])
    assert mixed.on.sum(1).tolist() == [8, 12]
    with pytest.raises(InstanceError, match=r"lamp: .* found tables of shape \[2, 3\] and \[3, 3\]"):
        mixed["lamp"]


def test_constants_are_seen_and_scales_are_those_of_each_row():
    meter = torch.tensor([[1.0, -1.0]] * 5, requires_grad=True)
    push = torch.tensor([[8.0, -8.0]] * 5)
    reading = house()(scores(5), meter, wired=INSTANCES).reading
    stands = torch.tensor([10.0 * len(wired) for wired in INSTANCES])
    assert torch.equal(reading, torch.stack([stands + 1, torch.ones(5)], 1))
    (reading * push).sum().backward()
    assert torch.equal(meter.grad, torch.stack([torch.full((5,), 0.5), -1 / (1 + stands)], 1))
    shared = torch.tensor([1.0, -1.0], requires_grad=True)
    (house()(scores(5), shared, wired=INSTANCES).reading * push).sum().backward()
    torch.testing.assert_close(shared.grad, meter.grad.sum(0))
    half = house(wired=dict.fromkeys(range(5), 1.0)).eval()(scores(), torch.tensor([1.0, 1.0]).bfloat16())
    assert half.reading.tolist() == [51, 2]


def laid_out(**blocks):
    """A layer whose instance has these blocks."""

    class Laid(Switches):
        def prepare(self):
            made = PreparedSwitches({}, 1, False, False)
            made.blocks = BlockLayout(**blocks)
            made.objective_shape = made.blocks.objective_shape
            return made

    return imle.layer(Laid, nb_samples=5, output="samples")


def test_constants_of_all_blocks():
    out = laid_out(
        meter=BlockData((1,), offset=np.array([4.0])), switch=BlockData((2,), offset=np.array([1.0, 2.0]))
    ).eval()(torch.ones(2), torch.ones(1))
    assert (out.on.tolist(), out.reading.tolist()) == ([[2, 3]], [[5]])


def test_noise_is_on_the_block_that_takes_it_behind_one_that_does_not():
    layer = imle.layer(Switches, nb_samples=40, output="samples", temperature=100.0)
    out = layer(torch.zeros(2, 8), torch.tensor([0.1, -0.1]))
    assert out.reading[..., 0].eq(1).all()
    assert out.reading[..., 1].eq(1).all()
    assert out.on.eq(0).any(1).all()
    assert out.on.eq(1).any(1).all()


def test_entries_of_one_value_draw_once():
    found = []
    for told in (None, np.zeros(3, int)):
        torch.manual_seed(0)
        layer = laid_out(meter=1, switch=BlockData((3,), baseline=told))
        found.append([layer(torch.zeros(2, 3), torch.zeros(1)).on for _ in range(2)])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_a_block_that_only_some_instances_have():
    layer = house(rings=True).eval()
    assert layer(scores(2)).bell.tolist() == [[0], [0]]
    assert layer(scores(2), bell=torch.ones(2, 1)).bell.tolist() == [[1], [1]]
    assert len(layer(scores(2))) == 2
    assert house().eval()(scores(2)).bell is None
    with pytest.raises(ObjectiveError, match="bell: expected none, the instance has no such block"):
        imle.layer(Switches, doors=True)(scores(2), None, torch.ones(2, 1))
    with pytest.raises(InstanceError, match="expected the same blocks in every row, found others"):
        imle.layer(Switches, rooms=2)(scores(2), rings=[True, False])


def test_entries_of_two_values_take_twice_the_noise():
    """The difference of two draws of Gumbel noise is logistic: on with probability 1 / (1 + exp(-score))."""

    class Paired(Switches):
        def prepare(self, paired=(0, 0, 1)):
            made = PreparedSwitches({}, 1, False, False)
            made.blocks = BlockLayout(meter=1, switch=BlockData((3,), baseline=np.array(paired)))
            made.objective_shape = made.blocks.objective_shape
            return made

    torch.manual_seed(0)
    layer = imle.layer(Paired, nb_samples=4000, output="samples", noise=GumbelNoiseDistribution())
    on = layer(torch.full((1, 3), -1.0), torch.zeros(1)).on.mean(1)
    single, double = 1 - np.exp(-np.exp(-1.0)), 1 / (1 + np.exp(1.0))
    np.testing.assert_allclose(on[0], [single, single, double], atol=0.03)
    rows = [(1, 0, 0), (0, 0, 3)]
    mixed = imle.layer(Paired, nb_samples=4000, output="samples", noise=GumbelNoiseDistribution())
    on = mixed(torch.full((2, 3), -1.0), torch.zeros(1), paired=rows).on.mean(1)
    np.testing.assert_allclose(on[0], [double, single, single], atol=0.03)
    np.testing.assert_allclose(on[1], [single, single, double], atol=0.03)
    together = imle.layer(Paired, nb_samples=4000, output="samples", noise=GumbelNoiseDistribution(), paired=(2, 2, 1))
    on = together(torch.full((1, 3), -1.0), torch.zeros(1)).on
    np.testing.assert_allclose(on.mean(1)[0], [double, double, double], atol=0.03)
    # no value of the shared variable is on where the draw of that value is the greatest of three
    neither = 1 - on[..., :2].amax(-1).mean()
    np.testing.assert_allclose(neither, 1 / (1 + 2 * np.exp(-1.0)), atol=0.03)


def test_what_an_instance_says_of_a_block_has_its_shape():
    with pytest.raises(SolverContractError, match=r"block: offset: expected shape \[3\], found \[2\]"):
        BlockData((3,), offset=np.zeros(2))
