"""Marginals without torch tensors: a program and evidence in, probabilities of atoms out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from imle.errors import SolveError
from imle_mln.errors import did_you_mean
from imle_mln.evidence.text import atom_name
from imle_mln.input import check_method, check_whole
from imle_mln.network import Floats, GroundNetwork
from imle_mln.probability import METHODS, Method
from imle_mln.solver import MLNSolver, PreparedMLN

if TYPE_CHECKING:
    from imle_mln.probability.sampling import Chains

Watch = Callable[[int, int], None]

_TRUTHS = 2**22
"""Truths of atoms and clauses of perturbed states that are kept at once."""


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
        name = atom_name(atom)
        if name not in self.atoms:
            raise KeyError(f"{atom}: {did_you_mean(name, self.atoms)}")
        return float(self.probabilities[self.atoms.index(name)])


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
    watch: Watch | None = None,
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
        watch: is told how many states there are so far, and how many there will be; not of exact marginals.

    Raises:
        InstanceError: the parts do not fit together, or too many atoms hang together.
        ObjectiveError: weights or unaries that are not finite, or too large.
        OptionError: an unknown method, or an option out of range.
        SolveError: no world holds the hard formulas.
    """
    check_method("marginals", method, METHODS)
    left_out = -(-samples // 5) if burn is None else burn
    for name, value, least in (("samples", samples, 1), ("chains", chains, 2), ("burn", left_out, 0)):
        check_whole(f"marginals: {name}", value, least)
    problem = MLNSolver(engine=engine, seed=seed).prepare(
        program, {} if evidence is None else evidence, query, closed_world
    )
    assert isinstance(problem, PreparedMLN)  # evidence is given
    network, names = problem.grounding.network, problem.grounding.formulas.names
    given, all_unary = problem.objective(weights, unary)
    log_partition: float | None = None
    errors, rhat = np.zeros(network.atoms), np.ones(network.atoms)
    if method == "exact":
        log_open, chances, counts = _exact(problem, all_unary, given)
        log_partition = log_open + float(network.decided @ given)
    elif method == "perturb-and-map":
        chances, counts = _perturbed(problem, all_unary, given, samples, seed, watch)
        errors = np.sqrt(chances * (1 - chances) / samples)
    else:
        lengths = {"samples": samples, "burn": left_out, "number": chains}
        found = _chained(problem, all_unary, given, method, watch, seed=seed, **lengths)
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
    problem: PreparedMLN,
    unary: Floats,
    weights: Floats,
    method: Literal["gibbs", "mc-sat"],
    watch: Watch | None,
    **options: int,
) -> Chains:
    from imle_mln.probability.sampling import chains

    network = problem.grounding.network
    if network.conflict:
        raise SolveError(f"mln-map: infeasible: {network.conflict}")
    return chains(network, unary, network.clause_weights(weights), method, watch=watch, **options)


def _exact(problem: PreparedMLN, unary: Floats, weights: Floats) -> tuple[float, Floats, Floats]:
    import torch

    from imle_mln.probability.partition import PartitionFunction

    u, w = (torch.from_numpy(part)[None].requires_grad_() for part in (unary, weights))
    found = PartitionFunction(problem.grounding.network).log_z(u, w)
    chances, counts = torch.autograd.grad(found.sum(), (u, w), allow_unused=True, materialize_grads=True)
    return float(found.detach()), chances[0].numpy(), counts[0].numpy()


def _perturbed(
    problem: PreparedMLN, unary: Floats, weights: Floats, samples: int, seed: int, watch: Watch | None
) -> tuple[Floats, Floats]:
    network, engine, rng = problem.grounding.network, problem.engine(), np.random.default_rng(seed)
    states, counts = np.zeros(network.atoms), np.zeros(len(weights))
    most = max(1, _TRUTHS // max(1, network.atoms + len(network.clauses)))
    for start in range(0, samples, most):
        rows = min(most, samples - start)
        found = engine.solve_rows(unary + _noise(network, rows, rng), network.clause_weights(weights))
        if found.status.max() > 1:
            row = int(np.argmax(found.status > 1))
            raise SolveError(f"mln-map: {found.messages.get(row, 'no state was found')}")
        states += found.states.sum(axis=0)
        counts += network.open_counts(found.truths).sum(axis=0)
        if watch is not None:
            watch(start + rows, samples)
    return states / samples, counts / samples


def _noise(network: GroundNetwork, rows: int, rng: np.random.Generator) -> Floats:
    """`[rows, A]`: a Gumbel draw for each value of an atom or a block, relative to that of none of its atoms."""
    noise = rng.logistic(size=(rows, network.atoms))  # of a free atom: the difference of two Gumbel draws
    blocks, exactly = network.choices.entries(), len(network.blocks)
    noise[:, blocks.variable] = rng.gumbel(size=(rows, len(blocks.variable)))
    none = rng.gumbel(size=(rows, len(blocks.starts)))
    none[:, :exactly] = 0.0
    noise[:, blocks.variable] -= none[:, blocks.row]
    return noise
