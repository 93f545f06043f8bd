"""Constituency trees against enumeration and torch-struct, and what is refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import imle
from imle.errors import InstanceError, ObjectiveError
from imle.solvers import SolveStatus
from imle_dp.cky import CKYSolver
from imle_dp.conformance import derivations

pytestmark = pytest.mark.filterwarnings("ignore:.*does not define `arg_constraints`:UserWarning")  # torch-struct's own

DENSE = list(itertools.product(range(2), repeat=3))
SOME = [(1, 0, 1), (0, 2, 0), (1, 2, 2), (0, 1, 1), (1, 1, 0), (1, 0, 2)]  # a third of what 0 and 1 could have
LINEAR = [("S", "a", "S"), ("S", "S", "b"), ("S", "a", "b")]
GRAMMARS = {
    "dense": (DENSE, [0, 1], [0, 1], [0, 1], 4),
    "dense, one root": (DENSE, [0, 1], [0], [1], 4),
    "table with gaps": (SOME, [0, 1, 2], [0, 2], [0, 1], 4),
    "linear": (LINEAR, ["S", "a", "b"], ["a", "b"], ["S"], 5),
    "none": (None, ["x", "y"], ["x", "y"], ["x", "y"], 4),
    "none, masked": (None, [0, 1, 2], [0], [1, 2], 3),
}


@pytest.mark.parametrize(("sense", "sign"), [("max", 1), ("min", -1)])
@pytest.mark.parametrize("name", GRAMMARS)
def test_trees_are_best_whatever_the_length(name, sense, sign):
    grammar, symbols, preterminals, roots, room = GRAMMARS[name]
    rng = np.random.default_rng(0)
    prepared = CKYSolver(sense=sense).prepare(room, grammar, symbols=symbols, preterminals=preterminals, roots=roots)
    objective = rng.normal(size=(300, *prepared.objective_shape))
    objective[150:] = rng.integers(-2, 3, objective[150:].shape)  # ties
    lengths = rng.integers(1, room + 1, 300)
    result = prepared.solve(objective, lengths=lengths.tolist())
    for length in range(1, room + 1):
        own = np.flatnonzero(lengths == length)
        points = derivations(room, length, grammar, symbols, preterminals, roots)
        if not len(points):
            assert (result.status[own] == SolveStatus.INFEASIBLE).all()
            assert result.messages[own[0]] == f"the grammar has no tree with {length} words as leaves"
            continue
        assert result.status is None or not result.status[own].any()
        np.testing.assert_allclose(
            sign * result.values[own], (sign * objective[own] @ points.T).max(axis=1), atol=1e-12
        )
        assert {tuple(z) for z in result.solutions[own].tolist()} <= {tuple(z) for z in points.astype(int).tolist()}


def test_weighted_grammars_of_torch_struct():
    """It has 3 symbols with rules and 4 over words, and scores of words, rules and roots."""
    torch_struct = pytest.importorskip("torch_struct")
    torch.manual_seed(0)
    parents, over, n = 3, 4, 9
    terms, roots = torch.randn(5, n, over), torch.randn(5, parents)
    weights = torch.randn(5, parents, 7, 7)
    lengths = torch.tensor([9, 2, 5, 9, 3])
    grammar = list(itertools.product(range(parents), range(7), range(7)))
    layer = imle.layer("cky", words=n, grammar=grammar, symbols=7, roots=[0, 1, 2]).eval()
    spans = torch.zeros(5, n, n, 7)
    spans[:, range(n), range(n), parents:] = terms
    for row, length in enumerate(lengths.tolist()):
        spans[row, 0, length - 1, :parents] += roots[row]
    theirs = torch_struct.SentCFG((terms, weights, roots), lengths=lengths).max
    assert torch.allclose(layer.value(spans, weights.flatten(1), lengths=lengths), theirs, atol=1e-5)


def test_labelled_spans_of_torch_struct():
    """It scores the best label of a span."""
    torch_struct = pytest.importorskip("torch_struct")
    torch.manual_seed(0)
    scores = torch.randn(4, 10, 10, 3)
    layer = imle.layer("cky", words=10, symbols=3).eval()
    theirs = torch_struct.TreeCRF(scores).max
    assert torch.allclose(layer.value(scores), theirs, atol=1e-5)


def test_sentences_are_parsed_and_symbols_keep_their_names():
    rules = [("S", "NP", "VP"), ("VP", "V", "NP"), ("VP", "VP", "PP"), ("NP", "NP", "PP"), ("PP", "P", "NP")]
    layer = imle.layer("cky", words=5, grammar=rules, preterminals=["NP", "V", "P"], roots=["S"]).eval()
    assert layer.labels["rules"] == rules
    places = {label: number for number, label in enumerate(layer.labels["spans"])}
    found = layer(torch.zeros(2, 5, 5, 6), torch.tensor([[0.0, 0, 1, 0, 0], [0.0, 0, 0, 1, 0]]))
    for tree, counts, attached in zip(found.tree, found.counts, ("VP", "NP"), strict=True):
        nodes = {label for label, place in places.items() if tree.flatten()[place]}
        assert {(0, 0, "NP"), (1, 1, "V"), (2, 2, "NP"), (3, 3, "P"), (4, 4, "NP"), (3, 4, "PP")} < nodes
        assert ((1, 2, "VP") if attached == "VP" else (2, 4, "NP")) in nodes
        assert counts.sum() == 4
    bare = imle.layer("cky", words=2, symbols=["x"])
    assert list(bare.labels) == ["spans"]
    with pytest.raises(ObjectiveError, match="rules: expected none, the instance has no such block"):
        bare(torch.zeros(1, 2, 2, 1), torch.zeros(3))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"words": 0}, "words: expected an int >= 1, found 0"),
        ({"grammar": "S"}, r"grammar: expected rules \(parent, left, right\) that differ, found 'S'"),
        ({"grammar": []}, "grammar: .*, found none"),
        ({"grammar": [("S", "a")]}, r"grammar: .*, found \('S', 'a'\) as rule 0"),
        ({"grammar": ["Sab"]}, "grammar: .*, found 'Sab' as rule 0"),
        ({"grammar": [*LINEAR, LINEAR[1]]}, r"grammar: .*, found \('S', 'S', 'b'\) as rule 3"),
        ({"grammar": [([], "a", "b")]}, r"grammar: .*, found \(\[\], 'a', 'b'\) as rule 0"),
        ({"grammar": None}, "symbols: expected an int >= 1, or names that differ, found None"),
        ({"symbols": ["S", "a"]}, r"grammar: expected symbols 'S', 'a', found 'b' in \('S', 'S', 'b'\)"),
        ({"roots": "S"}, "roots: expected symbols among 'S', 'a', 'b', found 'S'"),
        ({"roots": ["T"]}, "roots: expected symbols among 'S', 'a', 'b', found 'T'"),
        ({"preterminals": []}, r"preterminals: expected symbols among 'S', 'a', 'b', found \[\]"),
        ({"grammar": DENSE, "symbols": 1}, r"grammar: expected symbols 0, found 1 in \(0, 0, 1\)"),
        ({"grammar": None, "symbols": 20, "roots": [20]}, r"roots: .* 0, 1, .*, \.\.\. \(20\), found 20"),
        ({"lengths": 9}, "lengths: expected an int from 1 to 4, found 9"),
    ],
)
def test_what_is_no_instance_is_refused(given, message):
    with pytest.raises(InstanceError, match=rf"cky: {message}"):
        CKYSolver().prepare(**{"words": 4, "grammar": LINEAR, **given})


def test_rules_may_be_an_array():
    prepared = CKYSolver().prepare(3, np.array(DENSE))
    assert prepared.labels["rules"] == DENSE
    assert prepared.objective_shape == (3 * 3 * 2 + 8,)
