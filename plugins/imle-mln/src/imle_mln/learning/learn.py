"""Weights of a program from worlds that were observed: what users call."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imle.errors import InstanceError
from imle_mln.changes import single_moves
from imle_mln.input import check_method, check_positive, check_whole, read_evidence, read_program, read_query
from imle_mln.learning import METHODS, Method
from imle_mln.learning.choices import Choices
from imle_mln.learning.joint import joint_moves
from imle_mln.learning.optimum import optimum
from imle_mln.learning.trained import by_layer, perceptron
from imle_mln.learning.weights import with_weights
from imle_mln.learning.worlds import ObservedWorld, observed
from imle_mln.logic import Database, Program
from imle_mln.network import Floats
from imle_mln.printing import program_text
from imle_mln.source import names_file


@dataclass(frozen=True, eq=False)
class LearnedProgram:
    """What was learned.

    Attributes:
        program: with the weights; a rule with `+` became one for each choice of constants.
        formulas: `[F]` those with a weight, as text.
        weights: `[F]`.
        errors: `[F]` standard errors; infinite where the data say nothing, nan where the method does not tell them.
        value: the (pseudo-)log-likelihood of the data without the prior; None for methods that have none.
        iterations: steps that were taken.
    """

    program: Program
    formulas: tuple[str, ...]
    weights: Floats
    errors: Floats
    value: float | None
    iterations: int

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the program as a `.mln` file."""
        Path(path).write_text(program_text(self.program), encoding="utf-8")


def learn(
    program: Any,
    databases: Any,
    *,
    method: Method = "pll",
    prior: float | None = 10.0,
    query: Any = None,
    closed_world: Any = (),
    steps: int = 200,
    rate: float | None = None,
    watch: Callable[[int, float], None] | None = None,
) -> LearnedProgram:
    """Learn the weights of a program's formulas (Richardson and Domingos 2006, section 4).

    Atoms of open predicates are explained, those of closed ones are given. What a database does not mention is false.

    - "pll": the pseudo-log-likelihood (Besag 1975): each atom, or each block of atoms, given all others. It is
      concave; its one optimum is found. Values that break a hard formula have no probability.
    - "likelihood": the conditional likelihood, exact: all states of connected atoms are counted, 65,536 at most.
    - "perceptron": averaged, towards the data and away from the MAP state.
    - "fenchel-young": the loss of perturbed MAP states, by Adam.
    - "imle": the share of wrong atoms of perturbed MAP states, by Adam through the layer's I-MLE gradient.

    Args:
        program: a path, text, or `imle_mln.parse_program`'s result. Weights are where the last three methods start,
            zero where there is none; without a prior, the first two keep them where the data say nothing of a formula.
            Those that are constants (`conf: P(x, conf) => A(x)`) stay as they are.
        databases: a path, text, `{predicate: rows}` or `imle_mln.parse_database`'s result, or a list of them.
        method: one of those above.
        prior: standard deviation of a Gaussian around 0 on each weight; None for none. Of the first two methods and of
            "fenchel-young".
        query: the predicates that are explained; all open ones by default. Other open ones are given.
        closed_world: predicates that are given, besides those declared with `*`.
        steps: of the last three methods.
        rate: of learning, of the last three; by default 0.1, and 1 for the perceptron.
        watch: is told the iteration, and the value that is maximised or the loss.

    Raises:
        InstanceError: the data do not fit the program, contradict themselves or its hard formulas, say nothing of a
            predicate that is to be explained, or, without a prior, make weights grow for ever.
        OptionError: an unknown method, or an option out of range.
    """
    check_method("learn", method, METHODS)
    check_whole("learn: steps", steps, 1)
    check_positive("learn: prior", prior)
    check_positive("learn: rate", rate)
    read = read_program(program, closed_world or (), unweighted=True)
    read = replace(read, rules=tuple(replace(rule, unweighted=False) for rule in read.rules))  # their weights are 0
    asked = [name for name in read_query(query, read) if query is not None or not read.predicates[name].closed]
    if not asked:
        raise InstanceError(
            "expected open predicates to explain, found none",
            hint="take the * from the declarations of some, or name them in query=",
        )
    worlds = observed(read, _databases(databases, read), asked)
    formulas = worlds[0].grounding.formulas
    start, free = np.asarray(formulas.weights, np.float64).copy(), ~formulas.fixed
    if method in ("pll", "likelihood"):
        choices = Choices([_differences(world, exact=method == "likelihood") for world in worlds], len(start))
        found = optimum(choices, start, free, prior, formulas.names, watch)
        weights, errors, value, done = found.weights, found.errors, found.value, found.iterations
    else:
        if method == "perceptron":
            weights = perceptron(worlds, start, free, steps, 1.0 if rate is None else rate, watch)
        else:
            weights = by_layer(worlds, start, free, steps, 0.1 if rate is None else rate, watch, prior, method)
        errors, value, done = np.full(len(start), np.nan), None, steps
    return LearnedProgram(with_weights(read, formulas, weights), formulas.names, weights, errors, value, done)


def _differences(world: ObservedWorld, *, exact: bool) -> tuple[Any, Any]:
    """How counts differ from the observed ones, for all alternatives that hard formulas allow; and their choices."""
    network = world.grounding.network
    moves = joint_moves(network, world.state, world.name) if exact else single_moves(network, world.state)
    counts, breaking = world.changes.counts(moves)
    kept = np.delete(np.arange(len(moves)), breaking)
    return counts[kept], moves.group[kept]


def _databases(given: Any, program: Program) -> dict[str, Database]:
    several = isinstance(given, Sequence) and not isinstance(given, str)
    listed = list(given) if several else [given]
    if not listed:
        raise InstanceError("expected a training database at least, found none")
    found = {}
    for at, one in enumerate(listed):
        name = str(one) if names_file(one, ".db") else f"database {at}"
        found[name if name not in found else f"{name} ({at})"] = read_evidence(one, program)
    return found
