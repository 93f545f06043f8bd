"""Cases of `mln-map`: layers, and `imle_mln.map_inference`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import imle
from fuzz.case import Case, Floats, from_layer, literal
from fuzz.journeys import journey
from fuzz.judging import Answer
from fuzz.listed import Listed
from fuzz.networks.drawing import Network, network
from fuzz.networks.language import bindings, count, free
from imle.errors import SolveError
from imle.solvers import SolveStatus
from imle_mln.engines import AUTO, engines

Generator = np.random.Generator
_ROWS = {"layer": 16, "map": 6}
_ENGINES = (AUTO, AUTO, *(engine.name for engine in engines() if engine.name != "min-cut"))  # which has conditions


@dataclass(frozen=True)
class NetworkCase(Case):
    """Objectives are weights of F formulas and unaries of A atoms, solutions their counts and states.

    Attributes:
        formulas: F.
        by_map: through `imle_mln.map_inference`, row by row, instead of a layer.
    """

    formulas: int = 0
    by_map: bool = False

    def build(self) -> Any:
        names: dict[str, Any] = {}
        exec(self._head(), names)
        return names["solve"]

    def run(self, built: Any) -> Answer:
        split = self.formulas
        if self.by_map:
            return _collected([_mapped(built, row[split:], row[:split]) for row in self.objectives])
        given = torch.from_numpy(self.objectives)
        out = built(given[:, split:], given[:, :split])
        return from_layer(built, torch.cat([out.counts, out.state], dim=1))

    def snippet(self) -> str:
        weights, unary = f"objectives[:, :{self.formulas}]", f"objectives[:, {self.formulas}:]"
        lines = [self._head(), f"objectives = np.array({literal(self.objectives)})"]
        if self.by_map:
            lines += [f"for unary, weights in zip({unary}, {weights}):", "    found = solve(unary, weights)"]
            lines.append("    print(found.status, found.state, found.counts, found.score, found.bound)")
        else:
            lines.append(f"out = solve(torch.from_numpy({unary}), torch.from_numpy({weights}))")
            lines.append("print(out.state, out.counts, solve.failures)")
        return "\n".join(lines)

    def _head(self) -> str:
        lines = ["import numpy as np", "import torch", "import imle", "import imle_mln", self.setup]
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        if self.by_map:
            lines.append("def solve(unary, weights):")
            lines.append(f"    return imle_mln.map_inference(program, evidence, weights=weights, unary=unary{options})")
        else:
            lines.append(
                'solve = imle.layer("mln-map", program=program, evidence=evidence, on_failure="zero-grad"'
                f"{options}).eval()"
            )
        return "\n".join(lines)


def _mapped(solve: Callable[..., Any], unary: Any, weights: Any) -> Any:
    try:
        return solve(unary, weights)
    except SolveError as error:
        return error


def _collected(found: list[Any]) -> Answer:
    """States of `imle_mln.map_inference`, or its errors, as a batch."""
    size = max((len(one.counts) + len(one.state) for one in found if not isinstance(one, SolveError)), default=0)
    status, solutions = np.zeros(len(found), np.int8), np.zeros((len(found), size))
    values, bound = np.full(len(found), np.nan), np.full(len(found), np.nan)
    messages = {}
    for row, one in enumerate(found):
        if isinstance(one, SolveError):
            status[row] = SolveStatus.INFEASIBLE if "infeasible" in str(one) else SolveStatus.ERROR
            messages[row] = str(one)
            continue
        status[row], values[row], bound[row] = one.status, one.score, one.bound
        solutions[row] = np.concatenate([one.counts, one.state])
    return Answer(status, solutions, values, bound, messages)


def worlds(net: Network, atoms: Sequence[str]) -> Floats:
    """`[M, F + A]` counts of the formulas and states of the atoms, in every world that is possible."""
    unknown = net.unknown()
    every = np.array(list(itertools.product([False, True], repeat=len(unknown))))
    table = {atom: np.full(len(every), net.evidence.get(atom, False)) for own in net.predicates for atom in own.atoms()}
    table |= {atom: every[:, place] for place, atom in enumerate(unknown)}
    domains = net.domains()
    possible = np.ones(len(every), bool)
    for block in net.blocks():
        possible &= np.sum([table[atom] for atom in block], axis=0) == 1
    for formula in net.hard:
        possible &= count(formula, table, domains) == len(list(bindings(free(formula), domains)))
    counts = [count(formula, table, domains) for _, formula in net.soft]
    names = {f"{name}({','.join(constants)})": truths for (name, constants), truths in table.items()}
    columns = [*counts, *(names[atom] for atom in atoms)]
    return np.unique(np.stack(columns, axis=1)[possible].astype(float), axis=0)


def case(target: str, rng: Generator) -> Case:
    net = network(rng)
    program, evidence = net.program(), net.database()
    setup = f"program = {program!r}\nevidence = {evidence!r}"
    engine = str(rng.choice(_ENGINES))
    way = target.split("/")[-1]
    atoms = imle.layer("mln-map", program=program, evidence=evidence).labels["unary"]
    points = worlds(net, atoms)
    truth = Listed(points, precision=1e-8)
    size = len(net.soft) + len(atoms)

    def best(objective: Floats) -> Floats:
        return truth.points[truth.best(objective[None], -1)[0]] if len(points) else np.ones(size)

    attractive = rng.integers(1, 13, size).astype(float)
    objectives = journey(rng, size, _ROWS[way], best=best, attractive=attractive, sign=-1)
    options: dict[str, Any] = {} if engine == "auto" else {"engine": engine}
    return NetworkCase(
        solver="mln-map",
        options=options,
        instance={},
        objectives=objectives,
        truths=[truth],
        setup=setup,
        formulas=len(net.soft),
        by_map=way == "map",
    )


TARGETS = ("networks/mln-map/layer", "networks/mln-map/map")
