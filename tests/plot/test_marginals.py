"""What `imle.plot.marginals` and `samples` draw is what they were given, number by number."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import torch
from matplotlib.patches import FancyArrowPatch

import imle
from imle.errors import InstanceError, ObjectiveError, OptionError, SolverUnavailableError


def arrows(axes):
    return [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]


def test_a_grid_is_its_values():
    values = torch.rand(3, 5, requires_grad=True)
    axes = imle.plot.marginals(values, title="mine")
    (image,) = axes.images
    assert (np.asarray(image.get_array()) == values.detach().double().numpy()).all()
    assert image.get_clim() == (0.0, 1.0)
    assert image.origin == "upper"
    assert axes.get_title() == "mine"
    assert len(axes.figure.axes) == 2  # and the colour bar's


def test_samples_become_their_mean():
    samples = (torch.rand(7, 3, 5) > 0.5).float()
    (image,) = imle.plot.marginals(samples).images
    assert np.allclose(image.get_array(), samples.mean(dim=0))


def test_bars():
    axes = imle.plot.marginals([0.25, 0.75, 1.0], names=["a", "b", "c"])
    assert [bar.get_height() for bar in axes.patches] == [0.25, 0.75, 1.0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]
    samples = imle.plot.marginals([[0.0, 1.0], [1.0, 1.0]], kind="bars")
    assert [bar.get_height() for bar in samples.patches] == [0.5, 1.0]


def test_values_above_one_move_the_scale():
    (image,) = imle.plot.marginals([[0.0, 3.0]]).images
    assert image.get_clim() == (0.0, 3.0)
    assert imle.plot.marginals([0.0, 4.0]).get_ylim()[1] == pytest.approx(4.08)


def test_an_assignment_has_names_and_numbers():
    values = np.array([[0.125, 0.875, 0.0], [1.0, 0.0, 0.0]])
    axes = imle.plot.marginals(values, kind="assignment", names=["u", "v"], column_names=["x", "y", "z"])
    (image,) = axes.images
    assert (np.asarray(image.get_array()) == values).all()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["u", "v"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["x", "y", "z"]
    assert [text.get_text() for text in axes.texts] == ["0.12", "0.88", "0", "1", "0", "0"]
    assert [text.get_position() for text in axes.texts[:2]] == [(0, 0), (1, 0)]
    assert len(imle.plot.marginals(np.zeros((13, 2)), kind="assignment").texts) == 0


@pytest.mark.parametrize("directed", [True, False])
def test_edges_have_the_colours_and_places_of_their_values(directed):
    graph = nx.DiGraph() if directed else nx.Graph()
    graph.add_edges_from([("a", "b"), ("b", "c"), ("a", "c")])
    places = {"a": (0.0, 0.0), "b": (1.0, 1.0), "c": (2.0, 0.0)}
    values = np.array([0.0, 0.5, 1.0])
    axes = imle.plot.marginals(values, graph=graph, positions=places)
    drawn = arrows(axes)
    scale = imle.plot.graphs.on_graph(imle.plot.backend.new_figure(2, 2).subplots(), values, graph, places, "edge", 1.0)
    assert [patch.get_edgecolor() for patch in drawn] == [tuple(colour) for colour in scale.to_rgba(values)]
    assert [patch.get_linewidth() for patch in drawn] == [1.0, 2.5, 4.0]
    ends = [tuple(map(tuple, patch._posA_posB)) for patch in drawn]
    assert ends == [(places[tail], places[head]) for tail, head in graph.edges]
    assert ("CurveFilledB" in type(drawn[0].get_arrowstyle()).__name__) is directed
    (nodes,) = axes.collections[:1]
    assert (nodes.get_offsets() == [places[node] for node in graph.nodes]).all()


def test_the_likelier_an_edge_the_darker():
    colours = imle.plot.graphs._bright()(np.linspace(0, 1, 9))[:, :3]
    light = colours @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) < 0).all()


def test_nodes():
    graph = nx.path_graph(3)
    places = {node: (node, 0.0) for node in graph}
    axes = imle.plot.marginals([0.0, 1.0, 0.5], graph=graph, positions=places, weights="node")
    faces = axes.collections[0].get_facecolors()
    assert len({tuple(face) for face in faces}) == 3
    assert len({patch.get_edgecolor() for patch in arrows(axes)}) == 1


def test_parallel_edges_and_pairs_do_not_cover_each_other():
    multi = nx.MultiGraph([(0, 1), (0, 1), (1, 2)])
    bends = [patch.get_connectionstyle().rad for patch in arrows(imle.plot.marginals([1, 0, 1], graph=multi))]
    assert bends[0] != bends[1]
    assert bends[2] == 0
    both = nx.DiGraph([(0, 1), (1, 0)])
    bends = [patch.get_connectionstyle().rad for patch in arrows(imle.plot.marginals([1, 0], graph=both))]
    assert min(bends) > 0  # bent to opposite sides, for they go opposite ways


def test_the_layout_is_the_same_every_time():
    graph = nx.cycle_graph(6)
    offsets = [imle.plot.marginals(np.ones(6), graph=graph).collections[0].get_offsets() for _ in range(2)]
    assert (offsets[0] == offsets[1]).all()


def test_axes_may_be_given():
    given = imle.plot.backend.new_figure(3, 3).subplots()
    assert imle.plot.marginals([0.5], axes=given, colourbar=False) is given


def test_samples_one_by_one_and_their_mean():
    drawn = (torch.rand(20, 4, 4) > 0.5).double()
    figure = imle.plot.samples(drawn, most=3, columns=2)
    images = [axes.images[0].get_array() for axes in figure.axes]
    assert len(images) == 4
    for image, sample in zip(images, [*drawn[:3], drawn.mean(dim=0)], strict=True):
        assert (np.asarray(image) == sample.numpy()).all()
    assert [axes.get_title() for axes in figure.axes] == ["sample 1", "sample 2", "sample 3", "mean of 20"]
    assert len(imle.plot.samples(drawn, most=3, with_mean=False).axes) == 3


def test_samples_on_a_graph_and_as_bars():
    graph = nx.path_graph(3)
    figure = imle.plot.samples([[0, 1], [1, 1]], graph=graph, positions={0: (0, 0), 1: (1, 0), 2: (2, 0)})
    widths = [[patch.get_linewidth() for patch in arrows(axes)] for axes in figure.axes]
    assert widths == [[1.0, 4.0], [4.0, 4.0], [2.5, 4.0]]
    heights = [[bar.get_height() for bar in axes.patches] for axes in imle.plot.samples([[0, 1], [1, 1]]).axes]
    assert heights == [[0, 1], [1, 1], [0.5, 1]]


def test_what_a_layer_returns():
    layer = imle.layer("grid-shortest-path", nb_samples=4, output="samples", noise="multiplicative")
    drawn = layer(torch.rand(2, 5, 6).add(0.5))
    figure = imle.plot.samples(drawn[1])
    assert (np.asarray(figure.axes[3].images[0].get_array()) == drawn[1, 3].double().numpy()).all()


def test_pyplot_is_left_alone():
    import matplotlib.pyplot

    imle.plot.marginals([[0.5]])
    imle.plot.samples([[0.5]])
    assert matplotlib.pyplot.get_fignums() == []


@pytest.mark.parametrize(
    ("values", "options", "error", "says"),
    [
        (np.zeros((2, 3, 4, 5)), {}, ObjectiveError, r"samples \[S, rows, columns\].*\[2, 3, 4, 5\]"),
        ([0.0], {"kind": "grid"}, ObjectiveError, r"found shape \[1\]"),
        ([float("nan")], {}, ObjectiveError, r"finite values, found nan at \[0\]"),
        ([], {}, ObjectiveError, "at least one value"),
        (["a"], {}, ObjectiveError, "expected numbers"),
        (["1", "2"], {}, ObjectiveError, "expected numbers, found list: dtype <U1"),
        (torch.ones(2, dtype=torch.complex64), {}, ObjectiveError, "expected numbers, found ndarray: dtype complex64"),
        (np.ones(2, "datetime64[s]"), {}, ObjectiveError, "expected numbers, found ndarray: dtype datetime64"),
        (np.ones(2, [("a", "f4")]), {}, ObjectiveError, "expected numbers, found ndarray: dtype"),
        ([0.0], {"kind": "pie"}, OptionError, "'bars', 'grid', 'assignment', 'graph', found 'pie'"),
        ([0.0], {"kind": "graph"}, OptionError, "expected a graph"),
        ([0.0], {"kind": "bars", "graph": nx.path_graph(2)}, OptionError, "expected no graph, found Graph"),
        ([0.0], {"graph": nx.path_graph(3)}, InstanceError, "one value per edge, 2 in all, found 1"),
        ([0.0], {"graph": nx.path_graph(2), "weights": "nodes"}, OptionError, "'edge' or 'node', found 'nodes'"),
        ([0.0], {"graph": nx.path_graph(2), "positions": {0: (0, 0)}}, InstanceError, "found none for 1"),
        ([0.0, 1.0], {"names": ["a"]}, OptionError, "expected 2 names, found 1"),
    ],
)
def test_bad_input(values, options, error, says):
    with pytest.raises(error, match=says):
        imle.plot.marginals(values, **options)


def test_bad_samples():
    with pytest.raises(ObjectiveError, match=r"expected \[S, rows, columns\] for kind 'grid', found shape \[2, 3\]"):
        imle.plot.samples(np.zeros((2, 3)), kind="grid")
    with pytest.raises(ObjectiveError, match=r"found shape \[\]"):
        imle.plot.samples(0.5)
    with pytest.raises(OptionError, match="most: expected an int >= 1, found 0"):
        imle.plot.samples([[0.0]], most=0)


def test_without_networkx_positions_are_asked_for(monkeypatch):
    graph = nx.path_graph(2)
    monkeypatch.setitem(__import__("sys").modules, "networkx", None)
    with pytest.raises(SolverUnavailableError, match=r"laying out a graph(.|\n)*positions="):
        imle.plot.marginals([1.0], graph=graph)
    imle.plot.marginals([1.0], graph=graph, positions={0: (0, 0), 1: (1, 1)})
