"""Constituency trees: by the rules of a grammar, or any labels over any spans."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from imle.solvers import BaseSolver, BlockData, BlockLayout, Sense
from imle.solvers.compiled import Flags, Floats, Longs, read_only
from imle_dp.grammar import read_rules, read_symbols, some, sorted_rules
from imle_dp.kernels.cky import derivations, trees
from imle_dp.plugin import CKY
from imle_dp.prepared import PreparedSequences, by_row
from imle_dp.reading import whole


@dataclass(frozen=True)
class CKYSolver(BaseSolver, spec=CKY):
    """The best binary tree over a sentence, whose nodes are labelled spans.

    A tree scores the sum of its nodes, and of the rules that it uses where there is a grammar. Scores of words are
    those of spans of one word, scores of roots those of the span of all words.

    Args:
        sense: "max" for scores, "min" for costs.

    Several best trees: the same one every time.
    """

    sense: Sense = "max"

    def prepare(
        self,
        words: int,
        grammar: Any = None,
        symbols: int | Sequence[Hashable] | None = None,
        lengths: int | None = None,
        preterminals: Sequence[Hashable] | None = None,
        roots: Sequence[Hashable] | None = None,
    ) -> PreparedCKY:
        """Bind to a grammar.

        Args:
            words: n, the room for words.
            grammar: rules (parent, left, right) of symbols; None lets any symbol stand over any two.
            symbols: S, or their names, in the order of scores; by default those of the grammar.
            lengths: how many words a row has; None for all. One per row when solving.
            preterminals: which symbols may stand over a word; by default those that are no parent in the grammar, or
                all where there is no other.
            roots: which may stand over the sentence; by default all.

        Raises:
            InstanceError: not such numbers, or no such rules or symbols.
        """
        return PreparedCKY(self, words, grammar, symbols, lengths, preterminals, roots)


class PreparedCKY(PreparedSequences):
    """Sentences of up to n words, and a grammar if there is one.

    Args:
        solver: the options.
        words, grammar, symbols, lengths, preterminals, roots: as `CKYSolver.prepare` takes them.

    Raises:
        InstanceError: not such numbers, or no such rules or symbols.
    """

    nothing = "the grammar has no tree with {0} words as leaves"

    def __init__(
        self,
        solver: CKYSolver,
        words: Any,
        grammar: Any,
        symbols: Any,
        lengths: Any,
        preterminals: Any,
        roots: Any,
    ) -> None:
        who = CKY.id
        self.words = whole(who, "words", words)
        self.rules = None if grammar is None else read_rules(who, grammar)
        self.symbols = read_symbols(who, symbols, self.rules)
        self.grammar = None if self.rules is None else sorted_rules(self.rules, self.symbols)
        if preterminals is None and self.rules is not None:
            parents = {rule[0] for rule in self.rules}
            preterminals = [symbol for symbol in self.symbols if symbol not in parents] or None
        over_words = some(who, "preterminals", preterminals, self.symbols)
        over_all = some(who, "roots", roots, self.symbols)
        kinds = np.array([np.ones_like(over_words), over_words, over_all, over_words & over_all])
        self.bars = read_only(np.where(kinds, 0.0, -np.inf))
        super().__init__(solver, lengths, (self.words,), counts=self.grammar is not None)

    @cached_property
    def blocks(self) -> BlockLayout:
        """Spans, and rules where there are some."""
        spans = BlockData((self.words, self.words, len(self.symbols)))
        if self.rules is None:
            return BlockLayout(spans=spans)
        rules = BlockData((len(self.rules),), default=0.0, largest=max(1, self.words - 1))
        return BlockLayout(spans=spans, rules=rules)

    @property
    def objective_shape(self) -> tuple[int, ...]:
        """`(m,)`."""
        return self.blocks.objective_shape

    @property
    def labels(self) -> Mapping[str, Sequence[Hashable]]:
        """First and last words and symbols of spans; rules."""
        spans = list(itertools.product(range(self.words), range(self.words), self.symbols))
        return {"spans": spans} if self.rules is None else {"spans": spans, "rules": list(self.rules)}

    def sizes(self, lengths: Longs) -> Mapping[str, Longs]:
        """Spans from word to word."""
        return {"spans": by_row(lengths[:, 0], lengths[:, 0], len(self.symbols))}

    def maximise(self, scores: Floats, lengths: Longs, solutions: Any, found: Flags) -> None:
        """Find a best tree of each row."""
        if self.grammar is None:
            shape = (len(scores), self.words, self.words, len(self.symbols))
            trees(scores.reshape(shape), self.bars, lengths, solutions.reshape(shape), found)
        else:
            derivations(scores, self.bars, self.words, lengths, *self.grammar, solutions, found)
