"""What users write almost right: taken where only one thing can be meant, else answered by what to write."""

from __future__ import annotations

import copy
import pickle
import re
import sys

import numpy as np
import pytest
import torch

import imle
from imle._names import closest, meant
from imle.errors import InstanceError, OptionError, UnknownSolverError

PATH = {"edges": [("a", "b"), ("b", "c"), ("a", "c")], "source": "a", "target": "c"}
SCORES = torch.tensor([[0.1, 0.9, 0.5]])


@pytest.mark.parametrize(
    ("written", "known", "found"),
    [
        ("TopK", ["topk", "min-cut"], "topk"),
        ("top_k", ["topk", "min-cut"], "topk"),
        ("Score Function", ["score-function", "simple"], "score-function"),
        ("top-k", ["topk", "top-k"], "top-k"),
        ("top_k", ["topk", "top-k"], "top_k"),
        ("topp", ["topk"], "topp"),
    ],
)
def test_a_name_is_known_by_its_letters_if_no_other_has_them(written, known, found):
    assert meant(written, known) == found


def test_names_that_are_close():
    known = ["source", "target", "A_ub", "b_ub"]
    synonyms = {"source": ("start", "origin")}
    assert closest("start", known) == ["target"]
    assert closest("Start", known, synonyms=synonyms) == ["source"]
    assert closest("a_ub", known, most=2) == ["A_ub", "b_ub"]
    assert closest("xyz", known, synonyms=synonyms) == []


@pytest.mark.parametrize("solver", ["TopK", "top-k", "top_k", "imle-topk/TopK"])
def test_ids_are_known_by_their_letters(solver):
    assert imle.layer(solver, k=1).spec.id == "topk"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"estimator": "IMLE"}, "IMLE"),
        ({"estimator": "I-MLE"}, "IMLE"),
        ({"estimator": "Straight_Through"}, "StraightThrough"),
        ({"noise": "Gumbel"}, "RelativeNoiseDistribution"),
        ({"noise": "None"}, "NoneType"),
        ({"output": "MAP"}, "map"),
        ({"on_failure": "zero_grad"}, "zero-grad"),
    ],
)
def test_words_are_known_by_their_letters(given, found):
    (name,) = given
    value = getattr(imle.layer("topk", k=1, **given), name)
    assert (value if isinstance(value, str) else type(value).__name__) == found


@pytest.mark.parametrize("k", [torch.tensor(2), torch.tensor(2, dtype=torch.uint8), np.int64(2)])
def test_a_number_of_torch_or_numpy_is_a_number(k):
    assert imle.layer("topk", k=k).eval()(SCORES).tolist() == [[0, 1, 1]]
    rows = [k, k - 1]
    assert imle.layer("topk").eval()(SCORES.expand(2, 3), k=rows).tolist() == [[0, 1, 1], [0, 1, 0]]


def test_numbers_of_torch_as_arguments_of_the_layer():
    layer = imle.layer("topk", k=1, nb_samples=torch.tensor(4), temperature=torch.tensor(0.5))
    assert (layer.nb_samples, layer.temperature) == (4, 0.5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"k": torch.tensor(2.0)}, r"topk: k: expected int, found 2\.0"),
        ({"k": torch.tensor([2])}, r"topk: k: expected int, found tensor\(\[2\]\)"),
        ({"temperature": torch.tensor(0.5, requires_grad=True)}, r"temperature: expected a number >= 0, found tensor"),
        ({"n_samples": 3}, r"unknown option 'n_samples'; did you mean 'nb_samples'\?"),
        ({"seed": 3}, r"unknown option 'seed'; did you mean 'generator'\?"),
        ({"lambda_": 3.0}, r"unknown option 'lambda_'; did you mean 'estimator'\?"),
        ({"subset_size": 3}, r"unknown option 'subset_size'; did you mean 'k'\?"),
        ({"estimator": imle.estimators.IMLE}, r"found the class IMLE\n  hint: IMLE\(\) makes one"),
        ({"output": "best"}, r"output: expected 'mean', 'samples' or 'map', found 'best'"),
    ],
)
def test_what_to_write_instead(given, message):
    with pytest.raises(OptionError, match=message):
        imle.layer("topk", **given)


def test_an_id_that_means_nothing():
    with pytest.raises(UnknownSolverError, match=r"unknown solver 'Top-L'; did you mean topk\?"):
        imle.layer("Top-L")


def test_keywords_of_other_libraries():
    layer = imle.layer("networkx-shortest-path", edges=PATH["edges"])
    with pytest.raises(OptionError, match=r"unknown option 'start'; did you mean 'source'\?"):
        layer(torch.ones(1, 3), start=["a"], target=["c"])
    with pytest.raises(OptionError, match=r"unknown option 'a_ub'; did you mean 'A_ub'\?"):
        imle.layer("highs-lp", a_ub=[[1.0]])


def test_nodes_have_names_in_lists_of_edges():
    assert imle.layer("networkx-shortest-path", **PATH).eval()(torch.ones(1, 3)).tolist() == [[0, 0, 1]]
    assert imle.layer("networkx-shortest-path", edges=[("a", "b")], source="a", target="b").labels == [("a", "b")]


def test_one_graph_for_all_rows_in_a_call():
    layer = imle.layer("networkx-shortest-path")
    with pytest.raises(InstanceError, match=r"edges: expected pairs of nodes, .* \(row 0\)\n  hint: a call gives"):
        layer(torch.ones(1, 1), edges=[("a", "b")], source=["a"], target=["b"])
    with pytest.raises(InstanceError, match=r"found 3 of edges, .*\n  hint: a call gives edges, source, target"):
        layer(torch.ones(2, 3), edges=PATH["edges"], source=["a", "a"], target=["c", "c"])
    assert layer.eval()(torch.ones(1, 1), edges=[[("a", "b")]], source=["a"], target=["b"]).tolist() == [[1]]


def test_an_edge_index_is_turned():
    index = torch.tensor([[0, 1, 0], [1, 2, 2]])
    with pytest.raises(InstanceError, match=r"found int64 of shape \[2, 3\]\n  hint: edges\.T turns an edge index"):
        imle.layer("networkx-shortest-path", edges=index, source=0, target=2)
    layer = imle.layer("networkx-shortest-path", edges=index.T, source=0, target=2)
    assert layer.eval()(torch.ones(1, 3)).tolist() == [[0, 0, 1]]


def test_one_number_for_all_rows_in_a_call():
    for k in (2, torch.tensor(2)):
        with pytest.raises(InstanceError, match=r"one value per row, found int\n  hint: a value for all rows goes to"):
            imle.layer("topk")(SCORES, k=k)


def largest():
    bias = torch.tensor([0.0, -9.0, 0.0])
    return imle.layer(lambda scores: ((scores + bias) == (scores + bias).amax(1, keepdim=True)).to(scores))


def test_the_layer_of_a_lambda_is_pickled_by_value():
    pytest.importorskip("cloudpickle")
    layer = largest().eval()
    for other in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer), copy.copy(layer)):
        assert other(SCORES).tolist() == layer(SCORES).tolist() == [[0, 0, 1]]
    assert copy.deepcopy(layer).solver.function is layer.solver.function  # as Python copies functions


def test_pickling_a_lambda_without_cloudpickle_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(OptionError, match=re.escape("largest.<locals>.<lambda>, which no other process finds by its")):
        pickle.dumps(largest())
    with pytest.raises(OptionError, match=r"hint: pip install cloudpickle, or define it in a module"):
        pickle.dumps(largest())
