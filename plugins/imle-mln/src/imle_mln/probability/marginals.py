"""Marginals without torch tensors: a program and evidence in, probabilities of atoms out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from imle.errors import OptionError, SolveError
from imle_mln.errors import did_you_mean
from imle_mln.input import read_vector
from imle_mln.network import Floats
from imle_mln.probability import METHODS, Method
from imle_mln.solver import MLNSolver, PreparedMLN

if TYPE_CHECKING:
    from imle_mln.probability.sampling import Chains


@dataclass(frozen=True, eq=False)
class Marginals:
    """How probable open atoms are.

    Attributes:
        atoms: `[A]` the open query atoms.
        probabilities: `[A]`.
        errors: `[A]` standard errors of the probabilities: zeros where they are exact.
        rhat: `[A]` whether Markov chains agree: near 1 where they do; 1 for methods without chains.
        formulas: `[F]` those with a weight.
        counts: `[F]` how many groundings of each are expected to be true, decided ones included.
        log_partition: log of the sum of exp(score) over all worlds; None for methods that do not tell it.
        method: that was used.
    """

    atoms: tuple[str, ...]
    probabilities: Floats
    errors: Floats
    rhat: Floats
    formulas: tuple[str, ...]
    counts: Floats
    log_partition: float | None
    method: Method

    def __getitem__(self, atom: str) -> float:
        """The probability of an atom, such as "Smokes(Ann)"."""
        if atom not in self.atoms:
            raise KeyError(f"{atom}: {did_you_mean(atom, self.atoms)}")
        return float(self.probabilities[self.atoms.index(atom)])


def marginals(
    program: Any,
    evidence: Any = None,
    *,
    query: Any = None,
    closed_world: Any = (),
    weights: ArrayLike | None = None,
    unary: ArrayLike | None = None,
    method: Method = "exact",
    samples: int = 1000,
    burn: int | None = None,
    chains: int = 4,
    seed: int = 0,
    engine: str = "auto",
) -> Marginals:
    """The probability of each open atom, p(y) ~ exp sum_i w_i n_i(y) (Richardson and Domingos 2006, equation 3).

    - "exact": by elimination, where few atoms hang together.
    - "gibbs": by Markov chains that draw one atom, or one block of atoms, at a time. Hard formulas, and weights beyond
      about 5, may keep states apart that no such chain connects.
    - "mc-sat": by Markov chains that draw whole worlds among those that keep a random part of the true formulas true
      (Poon and Domingos 2006). Its draws are nearly uniform, not quite.
    - "perturb-and-map": how often an atom is true in the MAP state of perturbed unaries (Papandreou and Yuille 2011).
      That is **another model**, close where formulas couple atoms weakly: its marginals are not those of p(y).

    Args:
        program, evidence, query, closed_world: as for `imle.layer("mln-map", ...)`.
        weights: `[F]` instead of the program's.
        unary: `[A]` what each open query atom adds to the score if it is true; by default the log-odds of
            soft evidence, else zero.
        method: one of those above.
        samples: how many states of each chain, or MAP states.
        burn: states that each chain leaves out before these; a fifth of `samples` by default.
        chains: how many.
        seed: of all that is random.
        engine: for MAP states.

    Raises:
        InstanceError: the parts do not fit together, or too many atoms hang together.
        OptionError: an unknown method.
        SolveError: no world holds the hard formulas.
    """
    if method not in METHODS:
        what = f"marginals: expected a method of {', '.join(METHODS)}, found {method!r}"
        raise OptionError(what, hint=did_you_mean(str(method), METHODS))
    left_out = -(-samples // 5) if burn is None else burn
    for name, value, least in (("samples", samples, 1), ("chains", chains, 2), ("burn", left_out, 0)):
        if value < least:
            raise OptionError(f"marginals: {name}: expected at least {least}, found {value!r}")
    problem = MLNSolver(engine=engine).prepare(program, {} if evidence is None else evidence, query, closed_world)
    assert isinstance(problem, PreparedMLN)  # evidence is given
    network, names = problem.grounding.network, problem.grounding.formulas.names
    given = read_vector("weights", weights, problem.grounding.formulas.weights)
    all_unary = np.zeros(network.atoms)
    all_unary[problem.shown] = read_vector("unary", unary, problem.soft_evidence)
    log_partition: float | None = None
    errors, rhat = np.zeros(network.atoms), np.ones(network.atoms)
    if method == "exact":
        log_open, chances, counts = _exact(problem, all_unary, given)
        log_partition = log_open + float(network.decided @ given)
    elif method == "perturb-and-map":
        chances, counts = _perturbed(problem, all_unary, given, samples, seed)
        errors = np.sqrt(chances * (1 - chances) / samples)
    else:
        found = _chained(problem, all_unary, given, method, samples=samples, burn=left_out, number=chains, seed=seed)
        atoms_of = slice(network.atoms)
        chances, errors, rhat = found.mean[atoms_of], found.errors[atoms_of], found.rhat[atoms_of]
        counts = network.open_counts(found.mean[None, network.atoms :])[0]
    shown = problem.shown
    return Marginals(
        atoms=tuple(problem.labels["unary"]),
        probabilities=chances[shown],
        errors=errors[shown],
        rhat=rhat[shown],
        formulas=names,
        counts=counts + network.decided,
        log_partition=log_partition,
        method=method,
    )


def _chained(
    problem: PreparedMLN, unary: Floats, weights: Floats, method: Literal["gibbs", "mc-sat"], **options: int
) -> Chains:
    from imle_mln.probability.sampling import chains

    network = problem.grounding.network
    if network.conflict:
        raise SolveError(f"mln-map: infeasible: {network.conflict}")
    return chains(network, unary, network.clause_weights(weights), method, **options)


def _exact(problem: PreparedMLN, unary: Floats, weights: Floats) -> tuple[float, Floats, Floats]:
    import torch

    from imle_mln.probability.partition import PartitionFunction

    u, w = (torch.from_numpy(part)[None].requires_grad_() for part in (unary, weights))
    found = PartitionFunction(problem.grounding.network).log_z(u, w)
    chances, counts = torch.autograd.grad(found.sum(), (u, w), allow_unused=True, materialize_grads=True)
    return float(found.detach()), chances[0].numpy(), counts[0].numpy()


def _perturbed(problem: PreparedMLN, unary: Floats, weights: Floats, samples: int, seed: int) -> tuple[Floats, Floats]:
    network = problem.grounding.network
    rng = np.random.default_rng(seed)
    noise = rng.logistic(size=(samples, network.atoms))  # of a free atom: the difference of two Gumbel draws
    blocks, some = network.choices.entries(), len(network.blocks)
    noise[:, blocks.variable] = rng.gumbel(size=(samples, len(blocks.variable)))
    none = rng.gumbel(size=(samples, len(blocks.starts)))  # of the value that none of the atoms is true
    none[:, :some] = 0.0
    noise[:, blocks.variable] -= none[:, blocks.row]
    states, counts = np.zeros(network.atoms), np.zeros(len(weights))
    engine = problem.engine()
    for rows in np.array_split(unary + noise, max(1, samples * max(1, len(network.clauses)) // 2**22)):
        found = engine.solve_rows(rows, network.clause_weights(weights))
        if found.status.max() > 1:
            row = int(np.argmax(found.status > 1))
            raise SolveError(f"mln-map: {found.messages.get(row, 'no state was found')}")
        states += found.states.sum(axis=0)
        counts += network.open_counts(found.truths).sum(axis=0)
    return states / samples, counts / samples
