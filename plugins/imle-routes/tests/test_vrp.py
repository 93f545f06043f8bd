"""Fleets: every refusal, and what local search tells."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError
from imle.solvers import SolveStatus
from imle.solvers.cancellation import CancelledError, CancelToken
from imle_routes.units import NEVER, loads_in_units, times_in_units
from imle_routes.vrp import VRPSolver

DEMANDS = [0.0, 1.0, 2.0]
NEVER_CLOSED = np.tile([0.0, np.inf], (3, 1))
NO_TIME = np.zeros((3, 3))
HINT = "\n  hint: count pickups or deliveries, and times from the first window on"


@pytest.mark.parametrize(
    ("instance", "message"),
    [
        ({"demands": [0, -1, 2]}, f"demands: expected numbers >= 0, found -1 at [1]{HINT}"),
        ({"demands": [[0, 1]]}, "demands: expected shape [n], found [1, 2]"),
        ({"capacity": [3, 4]}, "capacity: expected a number, the same for all vehicles, found shape [2]"),
        (
            {"capacity": -1},
            "capacity: expected numbers >= 0, found -1\n  hint: 0 is room for clients without demand only",
        ),
        ({"vehicles": 0}, "vehicles: expected None or a whole number >= 1, found 0"),
        ({"vehicles": 1.5}, "vehicles: expected None or a whole number >= 1, found 1.5"),
        ({"windows": NEVER_CLOSED}, "durations: expected the durations of all ways beside windows, found None"),
        (
            {"windows": NEVER_CLOSED[:2], "durations": NO_TIME},
            "windows: expected shape [3, 2], a pair (earliest, latest) for each node of durations, found [2, 2]",
        ),
        ({"windows": NEVER_CLOSED, "durations": NO_TIME[:2]}, "durations: expected shape [n, n], found [2, 3]"),
        (
            {"windows": [[0, 9], [5, 4], [0, 9]], "durations": NO_TIME},
            "windows: expected 0 <= earliest <= latest, found [5.0, 4.0] at node 1",
        ),
        (
            {"windows": NEVER_CLOSED, "durations": NO_TIME, "service": [1, 2]},
            "service: expected 3, one per node, found 2",
        ),
        ({"demands": DEMANDS, "visit": [1, 1]}, "expected demands, visit and windows of as many nodes, found 3, 2"),
    ],
)
def test_instances_that_are_none(instance, message):
    with pytest.raises(InstanceError) as caught:
        VRPSolver().prepare(**instance)
    assert str(caught.value) == f"vrp: {message}"


def rows_refused(message, *, instance=None, rows=2, **given):
    with pytest.raises(InstanceError, match=message) as caught:
        VRPSolver().prepare(**(instance or {})).solve(np.zeros((rows, 3, 3)), **given)
    return caught.value.row


def test_rows_that_are_none():
    assert rows_refused("demands missing", instance={"capacity": 3}) is None
    assert rows_refused("capacity missing", instance={"demands": DEMANDS}) is None
    assert (
        rows_refused("capacity: expected one per row, 2 in all, found 1", demands=[DEMANDS] * 2, capacity=[3]) is None
    )
    assert rows_refused("demands: expected 3, one per node, found 2", demands=[DEMANDS, [0, 1]], capacity=[3, 3]) == 1
    assert rows_refused("capacity: expected numbers >= 0", demands=[DEMANDS] * 2, capacity=[3, -3]) == 1
    assert rows_refused("depots: expected a node, 0 to 2, found 3", depots=[0, 3]) == 1
    assert rows_refused("depots: expected one node or more, each once, found", depots=[[0, 1], [1, 1]]) == 1
    assert rows_refused("depots: expected one node or more, each once, found", instance={"depots": []}) is None
    with pytest.raises(ObjectiveError, match=r"expected costs of shape \[N, n, n\], found \[1, 2, 3\]"):
        VRPSolver().prepare().solve(np.zeros((1, 2, 3)))


def test_options():
    for option, value in {"sense": "cost", "iterations": -1, "seed": -1, "time_limit": 0.0}.items():
        with pytest.raises(OptionError, match=f"vrp: {option}: expected"):
            VRPSolver(**{option: value})


def test_loads_that_do_not_fit():
    prepared = VRPSolver().prepare(demands=[0, 2, 2, 2], vehicles=1)
    result = prepared.solve(np.ones((3, 4, 4)), capacity=[1, 5, 6])
    assert result.status.tolist() == [SolveStatus.INFEASIBLE, SolveStatus.INFEASIBLE, SolveStatus.OPTIMAL]
    assert result.messages[0] == "the demand of node 1 is larger than the capacity"
    assert result.messages[1] == "the demands do not fit into the vehicles"
    bins = VRPSolver().prepare([0, 3, 3, 2, 2, 2], 6, vehicles=2)
    assert bins.solve(np.ones((1, 6, 6))).status is None  # 3 + 3, 2 + 2 + 2
    apart = VRPSolver().prepare([0, 3, 3, 3], 5, vehicles=2)  # fits by the sum, but not by the piece
    assert apart.solve(np.ones((1, 4, 4))).status.tolist() == [SolveStatus.INFEASIBLE]


def test_windows_that_no_vehicle_can_keep():
    """Not by a detour over another node either, which is quicker here; and back at the depot in time."""
    durations = [[0, 9, 2], [9, 0, 3], [4, 3, 0]]
    costs = np.ones((1, 3, 3))

    def solved(*windows, service=(0, 0, 0)):
        fleet = VRPSolver(iterations=20).prepare(windows=windows, durations=durations, service=service)
        return fleet.solve(costs, visit=[[1, 1, 1]])

    late = solved((0, 99), (0, 4), (0, 99))
    assert late.status.tolist() == [SolveStatus.INFEASIBLE]
    assert late.messages == {0: "no vehicle can be at node 1 within its window, and back in time"}
    assert solved((0, 99), (0, 5), (0, 2)).status is None  # 0, 2, 1, 0
    assert solved((0, 14), (0, 99), (0, 99)).status is None  # 0, 2, 1, 0 once more
    assert solved((0, 12), (0, 99), (0, 99)).status.tolist() == [SolveStatus.TIMEOUT]  # 0, 2, 1, 2, 0 is no route
    assert solved((0, 11), (0, 99), (0, 99)).messages[0].startswith("no vehicle can be at node 1")
    served = {"service": (5, 1, 1)}  # that of the depot does not matter: 8 + 1 + 4 is 13
    assert solved((0, 20), (0, 99), (8, 9), **served).values.tolist() == [4.0]  # one by one
    assert solved((0, 12.5), (0, 99), (8, 9), **served).status.tolist() == [SolveStatus.INFEASIBLE]


def test_windows_may_come_row_by_row():
    durations = 4.0 - 4.0 * torch.eye(3)
    layer = imle.layer("vrp", durations=durations, iterations=20).eval()
    costs = torch.tensor([[0.0, 1.0, 9.0], [9.0, 0.0, 1.0], [1.0, 9.0, 0.0]]).expand(3, 3, 3)
    windows = [[[0, 99]] * 3, [[0, 99], [8, 9], [0, 4]], [[0, 9]] * 3]
    taken = layer(costs, windows=windows)
    assert taken[0, 0].tolist() == [0, 1, 0]  # 0, 1, 2, 0
    assert taken[1, 0, 2] == taken[1, 1, 0] == 1  # node 2 closes before a vehicle has been at node 1
    assert taken[2, 0].tolist() == [0, 1, 1]  # there is no time for a second client
    with pytest.raises(InstanceError, match="windows missing beside durations or service times"):
        layer(costs)


def test_fleets_without_clients():
    for prepared in (
        VRPSolver().prepare(visit=[1, 0, 0]),
        VRPSolver().prepare(windows=NEVER_CLOSED, durations=NO_TIME),
    ):
        result = prepared.solve(np.ones((2, 3, 3)), depots=[[0, 1, 2], [0, 1, 2]])
        assert result.status is None
        assert not result.solutions.any()
    assert VRPSolver().prepare().solve(np.zeros((0, 4, 4))).solutions.shape == (0, 4, 4)


def test_larger_fleets_have_gaps():
    places = np.random.default_rng(0).random((15, 2))
    costs = torch.from_numpy(np.linalg.norm(places[:, None] - places, axis=2))[None]
    layer = imle.layer("vrp", demands=[0] + [1] * 14, capacity=5, iterations=30).eval()
    taken = layer(costs)
    assert layer.stats.status["feasible"] == 1
    routes = int(taken[0, 0].sum())
    assert routes == taken[0, :, 0].sum() >= 3
    found = VRPSolver(iterations=30).prepare([0] + [1] * 14, 5).solve(costs.numpy())
    assert found.messages == {0: "the best routes that local search has found"}
    assert 0 < found.gap[0] < 0.25
    scores = VRPSolver("max", iterations=30).prepare([0] + [1] * 14, 5).solve(-costs.numpy())
    assert np.array_equal(scores.solutions, found.solutions)
    assert scores.bound == pytest.approx(-found.bound)


def test_a_time_limit_and_a_cancelled_search():
    costs = np.random.default_rng(0).random((1, 16, 16))
    long = VRPSolver(iterations=10**9, time_limit=0.05).prepare().solve(costs)
    assert long.status is None or long.status.tolist() == [SolveStatus.FEASIBLE]
    token = CancelToken()
    token.cancel()
    with token.inside(), pytest.raises(CancelledError):
        VRPSolver().prepare().solve(costs)


def test_demands_can_be_learned():
    layer = imle.layer("vrp", learned={"demands": 0.1}, nb_samples=4)
    demands = torch.tensor([[0.0, 1.0, 2.0, 1.5]], requires_grad=True)
    costs = torch.rand(1, 4, 4)
    cost = layer.expected_loss(
        costs, lambda taken: (taken * costs[:, None]).sum((2, 3)), demands=demands, capacity=[3.0]
    )
    cost.sum().backward()
    assert demands.grad.isfinite().all()


def test_loads_are_whole_where_they_can_be():
    loads, room = loads_in_units(np.array([0.1, 0.0, 0.2]), 0.3)
    assert (loads.tolist(), room) == ([1, 0, 2], 3)
    noisy = np.array([np.pi, np.e])
    loads, room = loads_in_units(noisy, np.pi + np.e)
    assert loads.sum() <= room
    assert loads / loads.sum() == pytest.approx(noisy / noisy.sum(), rel=1e-12)
    assert loads_in_units(noisy, np.pi)[1] < loads.sum()
    assert loads_in_units(np.zeros(2), 5.0)[1] == 0


def test_times_are_whole_where_they_can_be():
    windows, ways, stays = np.array([[0.0, np.inf], [0.5, 1.5]]), np.array([[0.0, 0.25], [0.5, 0.0]]), np.zeros(2)
    times = times_in_units(windows, ways, stays)
    assert (times.durations * 4).tolist() == (times.durations[0, 1] * ways * 16).tolist()
    assert times.late.tolist() == [NEVER, 3 * times.early[1]]
    noisy = times_in_units(windows * np.pi, ways * np.pi, stays)
    assert noisy.durations / noisy.durations[0, 1] == pytest.approx(ways * 4, rel=1e-12)
    assert noisy.late[1] >= 3 * noisy.early[1]
    assert times_in_units(np.tile([0.0, np.inf], (2, 1)), np.zeros((2, 2)), stays).late.tolist() == [NEVER, NEVER]
