"""`imle.layer`: from an id, a class, an object or a function to a SolverLayer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any, Literal, get_args

import torch

from imle._checks import kind, not_negative, positive_int
from imle._generators import check_generator
from imle._names import meant
from imle.errors import OptionError, UnknownSolverError
from imle.estimators import Estimator, estimator_by_name
from imle.estimators.base import own
from imle.execution.chunk_solvers import ends_rows
from imle.execution.parallel import Parallel
from imle.execution.pools import cores
from imle.layers.blocks import BlockLayer
from imle.layers.learned import ParameterNoise, parameter_noises
from imle.layers.module import MEMORY_LIMIT, Output, SolverLayer
from imle.layers.plan import OnFailure
from imle.noise import BaseNoiseDistribution, RelativeNoiseDistribution, adds, check_noise, noise_by_name
from imle.plugins import registry
from imle.plugins.inferred import spec_from_class
from imle.plugins.parameters import check_fields, split
from imle.plugins.spec import SolverSpec
from imle.solvers.combinators import Cached, Deduplicated
from imle.solvers.combinators.pooled import Pooled
from imle.solvers.function import FunctionSolver
from imle.solvers.pool import SolutionPool
from imle.solvers.progress import Progress, wanted
from imle.solvers.protocol import Solver

_DEFAULT = "default"
_SYNONYMS = {
    "estimator": ("gradient", "lambda_", "lambd", "beta", "alpha", "target_distribution"),
    "noise": ("noise_distribution",),
    "nb_samples": ("samples", "n_samples", "num_samples"),
    "temperature": ("tau", "sigma", "theta_noise_temperature", "input_noise_temperature"),
    "target_temperature": ("target_noise_temperature",),
    "generator": ("seed", "random_state", "rng"),
    "executor": ("workers", "num_workers", "n_jobs", "processes", "parallel"),
    "pool": ("solve_ratio",),
    "progress": ("verbose",),
}
"""What other libraries, and the original APIs, call the arguments of `layer`."""


def layer(
    solver: str | type[Any] | Solver | Callable[[Any], Any] | None = None,
    /,
    *,
    estimator: str | Mapping[str, Any] | Estimator = "imle",
    noise: str | Mapping[str, Any] | BaseNoiseDistribution | None = _DEFAULT,
    nb_samples: int = 1,
    temperature: float | None = None,
    target_temperature: float | None = None,
    output: Output = "mean",
    on_failure: OnFailure = "raise",
    generator: torch.Generator | None = None,
    resample: bool = True,
    antithetic: bool = False,
    cache: int | None = None,
    executor: int | Literal["auto"] | Executor | None = None,
    timeout: float | None = None,
    pool: SolutionPool | float | None = None,
    progress: float | Literal["bar"] | Callable[[Progress], None] | None = None,
    memory_limit: float | None = MEMORY_LIMIT,
    learned: Mapping[str, Any] | None = None,
    **instance_and_options: Any,
) -> SolverLayer:
    """Turn a combinatorial solver into a differentiable layer.

    `imle.layer(**config)` takes a configuration of names, numbers and lists: the solver is then its key "solver".

    Args:
        solver: an id (`imle list-solvers`; its case, dashes and underscores do not matter), "distribution/id",
            "package.module:Class", a solver class or object, or a function `[N, *shape] -> [N, *shape]` (options
            `sense="max" | "min"`, `array="torch" | "numpy"`, and `shape=` of one objective, such as `(None,)`; by
            default all but the first dimension).
        estimator: the gradient rule: a name (`imle list-estimators`), a mapping of a name and options
            (`{"name": "aimle", "step_size": 0.01}`) or an object of `imle.estimators`; one that adapts, as `AIMLE`
            does, belongs to one layer.
        noise: "gumbel" (default), "gaussian", "logistic", "multiplicative", "none" or None, a mapping of a name and
            options (`{"name": "sum-of-gamma", "k": 5}`), or an object of `imle.noise`; rules differ in their default.
        nb_samples: S, noise draws per row.
        temperature: tau, scale of the noise in the forward solves. A number is absolute: theta + tau eps. Left out it
            is the rule's own (3 for "imle", 1 for others), in units of the first batch that is perturbed
            (`imle.noise.RelativeNoiseDistribution`). Multiplicative noise, an object, and the noise of solvers with
            several blocks are taken as they are.
        target_temperature: tau', scale of the same noise in the backward solves; by default tau.
        output: "mean" (average of the samples), "samples", or "map" (noise-free).
        on_failure: what to do about rows that cannot be solved, or for which the solver raises an exception;
            `layer.failures` names them and `layer.stats` counts them. "raise"; "zero-grad": they give zeros and no
            gradient, and means over samples leave them out; "last": an earlier solution stands in for them, without
            gradient (backward the forward solution, forward the last one found for the same instance, an error if
            there is none yet).
        generator: where noise comes from; by default torch's global generator. A worker of a DataLoader goes on with
            a stream of its own. `torch.utils.checkpoint` replays the global generator only: with another an error.
        resample: False draws noise once and keeps it, the same for every row and call (common random numbers): the
            layer is then a fixed function of its input, for sample-average approximation. `layer.redraw()`
            forgets it. It is no part of `state_dict`: a restored layer draws anew, the same only from a generator
            (or global seed) in the state it had when this one drew.
        antithetic: draw half of the samples, and mirror them (F^-1(1 - F(eps))): less variance of the mean where
            solutions are monotone in the noise. Needs an even nb_samples.
        cache: how many solved rows to remember per instance; rows with the same objective, bit by bit, are then
            solved once, within a batch and over time. `layer.stats.events` has the hits. For noise-free solves
            over the same data; with noise no objective comes twice.
        executor: solve the rows of a batch at the same time, with the same results: how many workers of this machine,
            "auto" for as many as help, or any `concurrent.futures.Executor` (Dask: `client.get_executor()`, Ray:
            `imle.execution.RayExecutor()`). See `imle.execution.Parallel`.
        timeout: seconds a row may take: then it is given up with status `timeout`, whatever its solver is at. Only a
            process can be ended like that, so `executor` has to be an int, "auto" (as many as there are cores),
            `imle.execution.Processes`, Dask's or Ray's, and workers are processes, never threads. By default twice the
            solver's `time_limit` and 10 s, where it has one and its workers are processes.
        pool: solve only this share of the rows, and answer the others by the best solution found so far for the
            same instance, one matrix product: an approximation (status `feasible`). A number in [0, 1], or an
            `imle.losses.SolutionPool`; it becomes `layer.pool`, is saved with `state_dict`, and counts
            `pooled_rows` in `layer.stats.events`.
        progress: for long solves: every so many seconds, a line on stderr says how many rows of the batch are
            solved and, where the solver's library says so, the gap of the row at hand. Or "bar" for a bar on terminals
            and in notebooks (`imle.progress`), or a function that is given a `imle.solvers.Progress` every second, from
            another thread.
        memory_limit: about how many bytes the solving of a batch may take at a time, or None. Where output="mean" or
            "map" needs more, some rows are worked through after others, at least two at a time; noise is then drawn
            again in the backward pass, and solutions are kept in a byte per entry if they are whole numbers. Numbers
            are the same bit by bit. Not for rules that are not `by_row`; on other devices than the CPU, and of noise
            that is not one of `imle.noise`, the draws are kept.
        learned: instance parameters that gradients reach, each with the scale of the noise that is put on it in
            `train()` mode: `{"capacity": 0.1}`, or `{"capacity": ("logistic", 0.1)}`. A number is the standard
            deviation of Gaussian noise; for parameters that are positive, that of the logarithm of factors
            (multiplicative noise), about the relative one. Every sample of every row is solved with an instance of its
            own, and the gradient is that of the noise's density, whatever the estimator for the objective is. Calls
            give a floating-point tensor, `[*batch, *shape]` or `[*shape]` for all rows.
        instance_and_options: the solver's own; `imle info ID` lists them. They are constants: a tensor that requires
            a gradient is refused, since none would reach it.

    Returns:
        An nn.Module from `[*batch, *event]` objectives to solutions; a `BlockLayer`, which takes and returns several
        tensors, where the objective consists of blocks.

    Raises:
        UnknownSolverError, SolverUnavailableError: no usable solver has this id.
        OptionError: an unknown option, or a value of the wrong type.
        InstanceError: the instance is not valid.

    Example::

        >>> import imle, torch
        >>> layer = imle.layer("topk", k=2)
        >>> layer.eval()(torch.tensor([[0.1, 0.9, 0.5]]))
        tensor([[0., 1., 1.]])
    """
    if solver is None:  # in a configuration it is one key of many; else solvers may have an option of that name
        solver = instance_and_options.pop("solver", None)
    made, spec, instance = _resolve(solver, instance_and_options)
    rule: Any = estimator_by_name(estimator) if isinstance(estimator, (str, Mapping)) else estimator
    if not isinstance(rule, Estimator):
        hint = f"{rule.__name__}() makes one" if isinstance(rule, type) else None
        raise OptionError(f"estimator: expected a name or an Estimator, found {kind(rule)}", hint=hint)
    output = _one_of("output", output, get_args(Output))
    on_failure = _one_of("on_failure", on_failure, get_args(OnFailure))
    check_generator("generator", generator)
    made = _at_work(made, spec, executor, timeout, cache)
    pooled = None if pool is None else Pooled(made, _solutions(pool))
    distribution = _noise(noise, rule, relative=temperature is None and not spec.blocks)
    if temperature is None:
        tau = rule.default_temperature if isinstance(distribution, RelativeNoiseDistribution) else 1.0
    else:
        tau = not_negative("temperature", temperature)
    rule.check(spec, distribution, tau)
    noises = parameter_noises(spec, learned, instance)
    _refuse_map_without_gradient(output, rule, noises)
    if noises and pooled is not None:
        raise OptionError(
            "pool: it answers rows with solutions of the same instance, but with learned= every sample has its own",
            hint="leave one of the two out",
        )
    built = (BlockLayer if spec.blocks else SolverLayer)(
        pooled or made,
        spec,
        instance,
        rule,
        noise=distribution,
        nb_samples=_samples(nb_samples, rule, noises),
        temperature=tau,
        target_temperature=tau
        if target_temperature is None
        else not_negative("target_temperature", target_temperature),
        output=output,
        on_failure=on_failure,
        generator=generator,
        resample=resample,
        antithetic=_antithetic(antithetic, distribution, nb_samples, noises),
        learned=noises,
    )
    own(rule)  # last: after an error above it is nobody's
    if pooled is not None:
        built.pool = pooled.pool
    built.progress = wanted(progress)
    built.memory_limit = _memory(memory_limit)
    return built


def _one_of(name: str, given: Any, words: tuple[str, ...]) -> Any:
    """A word as it is spelled here.

    Raises:
        OptionError: it is none of the words.
    """
    found = meant(given, words) if isinstance(given, str) else given
    if found not in words:
        listed = ", ".join(map(repr, words[:-1]))
        raise OptionError(f"{name}: expected {listed} or {words[-1]!r}, found {given!r}")
    return found


def _split(spec: SolverSpec, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    own = {name: _SYNONYMS.get(name, ()) for name in layer.__kwdefaults__ or ()}
    return split(spec, values, also=own)  # nb_sample=10 means nb_samples


def _solutions(pool: SolutionPool | float) -> SolutionPool:
    return pool if isinstance(pool, SolutionPool) else SolutionPool(solve_ratio=pool)


def _at_work(
    solver: Solver,
    spec: SolverSpec,
    executor: int | Literal["auto"] | Executor | None,
    timeout: float | None,
    cache: int | None,
) -> Solver:
    """The solver with workers and memory, where they are asked for."""
    if executor is not None or timeout is not None:
        solver = _parallel(solver, spec, executor, timeout)
    return solver if cache is None else Cached(Deduplicated(solver), cache)


def _parallel(
    solver: Solver, spec: SolverSpec, executor: int | Literal["auto"] | Executor | None, timeout: float | None
) -> Solver:
    able = spec.capabilities
    if timeout is not None:
        return Parallel(solver, _processes(solver, spec, executor), timeout=timeout)
    assert executor is not None
    limit = getattr(solver, "time_limit", None)
    return Parallel(
        solver,
        executor,
        threads=able.releases_gil,
        thread_safe=able.thread_safe,
        timeout=2 * limit + 10 if isinstance(limit, (int, float)) else None,
    )


def _processes(solver: Solver, spec: SolverSpec, executor: int | Literal["auto"] | Executor | None) -> int | Executor:
    """The worker processes that a time limit needs.

    Raises:
        OptionError: there are none.
    """
    if solver.array == "torch":
        raise OptionError(
            f"timeout: {spec.id} takes torch tensors, which stay in this process, and only worker processes can be "
            "ended",
            hint="leave timeout= out; for a function, array='numpy' lets worker processes call it",
        )
    if executor is None or (isinstance(executor, Executor) and not ends_rows(executor)):
        found = "no executor" if executor is None else type(executor).__name__
        option = "; or use its option time_limit" if any(o.name == "time_limit" for o in spec.options) else ""
        raise OptionError(
            "timeout: expected worker processes of imle, or an executor of Dask or Ray, where rows can be ended, found "
            f"{found}",
            hint=f"add executor=2 (so many processes), 'auto' or imle.execution.Processes(n){option}",
        )
    return cores() if executor == "auto" else executor


def _resolve(given: Any, values: Mapping[str, Any]) -> tuple[Solver, SolverSpec, dict[str, Any]]:
    """The solver object, its spec and the instance."""
    if isinstance(given, str) and ":" not in given:
        record = registry.find(given)
        cls = registry.load(record)
        assert record.spec is not None
        return _make(cls, record.spec, values)
    if isinstance(given, str):
        try:
            given = registry.import_target(given)
        except ImportError as error:
            raise UnknownSolverError(
                f"solver {given!r} cannot be imported: {error}", hint="expected 'package.module:Class'"
            ) from error
    if isinstance(given, type):
        return _make(given, spec_from_class(given), values)
    if isinstance(given, Solver):
        spec = spec_from_class(given)
        check_fields(spec_from_class(type(given)), given)
        return given, spec, _split(spec, values)[1]
    if callable(given):
        unbound = spec_from_class(FunctionSolver, bound=("function",))
        options, _ = _split(unbound, values)
        return FunctionSolver(given, **options), unbound, {}
    raise OptionError(
        f"solver: expected an id, a solver or a function, found {type(given).__name__}",
        hint="a solver object has sense, array and prepare(); see imle.solvers.Solver",
    )


def _make(cls: type[Any], spec: SolverSpec, values: Mapping[str, Any]) -> tuple[Solver, SolverSpec, dict[str, Any]]:
    options, instance = _split(spec, values)
    made = cls(**options)
    if not isinstance(made, Solver):
        raise OptionError(f"{spec.target}: not a solver: it lacks sense, array or prepare()")
    return made, spec, instance


def _noise(
    noise: str | Mapping[str, Any] | BaseNoiseDistribution | None, rule: Estimator, *, relative: bool
) -> BaseNoiseDistribution | None:
    """What is drawn, in units of theta if relative; but a distribution of the caller's is as it is."""
    found = rule.default_noise() if isinstance(noise, str) and noise == _DEFAULT else noise
    if isinstance(found, str):
        found = meant(found, ("none",))
    if found is None or found in ("none", {"name": "none"}):
        return None
    if not isinstance(found, (str, Mapping)):
        check_noise("noise", found)
        return found
    named = noise_by_name(found)
    return RelativeNoiseDistribution(named) if relative and adds(named) else named


def _samples(nb_samples: int, rule: Estimator, learned: Mapping[str, ParameterNoise]) -> int:
    nb_samples = positive_int("nb_samples", nb_samples)
    if nb_samples > 1 and not rule.stochastic and not learned:
        raise OptionError(f"estimator {rule.name!r} is deterministic: expected nb_samples=1, found {nb_samples}")
    return nb_samples


def _antithetic(
    wanted: bool, noise: BaseNoiseDistribution | None, nb_samples: int, learned: Mapping[str, ParameterNoise]
) -> bool:
    drawn = [*([] if noise is None else [noise]), *(own.noise for own in learned.values())]
    if wanted and (not drawn or nb_samples % 2):
        raise OptionError(f"antithetic: expected noise and an even nb_samples, found {noise!r} and {nb_samples}")
    for each in drawn if wanted else ():
        mirror = getattr(each, "mirror", None)
        if mirror is None:
            raise OptionError(f"{type(each).__name__} has no antithetic draws: it has no mirror()")
        mirror(torch.zeros(1))  # refuses now, not in the first batch
    return wanted


def _refuse_map_without_gradient(output: Output, rule: Estimator, learned: Mapping[str, ParameterNoise]) -> None:
    if output != "map" or not (rule.needs_noise or learned):
        return
    who = f"estimator {rule.name!r}" if rule.needs_noise else f"learned: {' and '.join(learned)}"
    raise OptionError(
        f"{who}: expected output='mean' or 'samples', found 'map', which draws no noise and so has no gradient",
        hint="layer.eval() gives the noise-free solution of a layer with output='mean'",
    )


def _memory(limit: float | None) -> float | None:
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not limit > 0:
        raise OptionError(f"memory_limit: expected a positive number of bytes or None, found {limit!r}")
    return float(limit)
