"""SolverLayer: a combinatorial solver as an nn.Module."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor

from imle._checks import is_number
from imle._generators import ready_to_draw, recomputing
from imle.errors import InstanceError, OptionError
from imle.estimators.base import Application, Estimator, no_replay, not_counted, not_observed
from imle.estimators.expected import expected_loss
from imle.estimators.function import differentiable
from imle.estimators.parameters import LearnedParameter, through_solutions
from imle.estimators.replay import Replay
from imle.estimators.samples import Solve, inside
from imle.layers import description, operators
from imle.layers.boundary import Boundary
from imle.layers.failures import Failure, Unproven, noise_on, place
from imle.layers.instances import Group, InstanceCache
from imle.layers.learned import ParameterNoise, RefusedInstance, columns_of, read_values, refuse_gradients
from imle.layers.mode import Mode, Temperature
from imle.layers.plan import OnFailure, SolvePlan
from imle.layers.sampled import SampledPlan
from imle.layers.shapes import check_objective, split_shape
from imle.layers.stats import LayerStats
from imle.layers.value import optimal_values, read_instance
from imle.noise import BaseNoiseDistribution, draw_like, draws_again, observe_of
from imle.plugins.spec import SolverSpec
from imle.solvers.blocks import Labels, labels_of
from imle.solvers.combinators.wrapping import unwrapped
from imle.solvers.pool import SolutionPool
from imle.solvers.progress import ProgressRequest
from imle.solvers.protocol import PreparedSolver, Shape, Solver, row_shapes_of

if TYPE_CHECKING:
    from rich.console import RenderableType

Output = Literal["mean", "samples", "map"]

MEMORY_LIMIT = 2.0**30
"""Bytes that solving takes at a time, where users say nothing."""

BYTES_PER_ENTRY = 64
"""What an entry of `[B, S, *event]` takes while it is solved: draws, objectives and solutions in up to 8 bytes each."""


class Batch(NamedTuple):
    """A batch as the estimators see it.

    Attributes:
        theta: `[B, *event]` scores to maximise, float32 or 64, differentiable in the objective.
        solve: argmax <theta, z> for `[B, S, *event]` rows.
        parameters: of the instances, that gradients are wanted for, with the noise that was drawn for them.
    """

    theta: Tensor
    solve: SolvePlan
    parameters: Sequence[LearnedParameter] = ()


class SolverLayer(operators.OperatorLayer):
    """argmax (or argmin) over a feasible set, with gradients. Made by `imle.layer`.

    The objective is read in the solver's own sense: scores for "max", costs for "min". Any number of leading
    batch dimensions, none included; float64, 32, 16 and bf16; the output has the input's dtype and device.

    - `train()` mode: `[*batch, *event]` for output="mean" (an estimate of the marginals) and "map",
      `[*batch, S, *event]` for "samples".
    - `eval()` mode: the noise-free solution, whatever the output; with "samples" it keeps a sample axis of size 1.

    Args:
        instance: parameters of the instance that all rows share, by name; those that calls give row by row are left
            out.
        noise: what is drawn in `train()` mode; None for no noise.
        nb_samples, output, on_failure, generator, resample, antithetic: as for `imle.layer`, which checks them.
        learned: the noise of instance parameters that are learned, by name.

    Attributes:
        solver: the solver's options.
        spec: what the plugin says about it.
        estimator: the gradient rule.
        stats: solves, failures and solver events since construction; see `LayerStats`.
        count_gradients: whether `stats` has the entries of gradients that are not 0, too.
        pool: solutions found so far, if `pool=` was given; part of `state_dict`.
        failures: rows that were not solved in the last forward pass and its backward passes.
        unproven: likewise, rows solved without a proof of optimality, with how far off they may be (`gap`), where the
            solver knows.
        temperature, target_temperature: scales of the noise; may be set between passes.
        learned: instance parameters that are learned, by name, each with its `noise` and `sigma`, which may be set
            between passes.

    A notebook shows a layer as a table: instance, labels, what a row costs.
    """

    temperature = Temperature()
    target_temperature = Temperature()
    _has_temperature: bool
    _has_target_temperature: bool

    def __init__(
        self,
        solver: Solver,
        spec: SolverSpec,
        instance: Mapping[str, Any],
        estimator: Estimator,
        *,
        noise: BaseNoiseDistribution | None,
        nb_samples: int,
        temperature: float,
        target_temperature: float,
        output: Output,
        on_failure: OnFailure,
        generator: torch.Generator | None,
        resample: bool = True,
        antithetic: bool = False,
        learned: Mapping[str, ParameterNoise] = MappingProxyType({}),
    ) -> None:
        super().__init__()
        self.solver = solver
        self.spec = spec
        self.estimator = estimator
        self.noise = noise
        self.nb_samples = nb_samples
        self.temperature = temperature
        self.target_temperature = target_temperature
        self.output: Output = output
        self.on_failure: OnFailure = on_failure
        self.generator = generator
        self.resample = resample
        self.antithetic = antithetic
        self.learned = dict(learned)
        self.pool: SolutionPool | None = None
        self.progress: ProgressRequest | None = None
        self.memory_limit: float | None = MEMORY_LIMIT
        self.count_gradients = False
        self._fixed: dict[Any, Tensor] = {}
        self.stats = LayerStats()
        self.failures: list[Failure] = []
        self.unproven: list[Unproven] = []
        self._warned: set[str] = set()
        self._boundary = Boundary(spec.id, solver.sense, solver.array, spec.forbidding, spec.capabilities.warm_start)
        self._instances = InstanceCache(solver, spec, instance, self.learned)
        self._shape: Shape | None = None
        self._may_be_padded = False
        if not self._instances.missing():
            common = self._instances.common()  # a bad instance is an error now, not in an hour
            self._shape, self._may_be_padded = common.objective_shape, row_shapes_of(common) is not None
        self._key = operators.register_layer(self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "noise":
            self._modules.pop("noise", None)  # noise that is a module, for its buffers, may give way to one that is not
        super().__setattr__(name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # torch's own
        self._key = operators.register_layer(self)  # a copy is another layer

    def forward(self, objective: Tensor, **rows: Any) -> Tensor:
        """Solve a batch.

        Args:
            objective: `[*batch, *event]`, finite, floating-point.
            rows: instance parameters that differ per row, each a sequence of length B (the number of rows, all
                batch dimensions taken together), of constants. Where instances have different sizes, the objective is
                padded to the widest; solutions are zero on the padding. Those that are learned (`learned=` of
                `imle.layer`) are floating-point tensors, `[*batch, *shape]` or, one for all rows, `[*shape]`.

        Returns:
            `[*batch, *event]`, or `[*batch, S, *event]` for output="samples".

        Raises:
            ObjectiveError: wrong shape or type, or not finite.
            InstanceError: a row's instance is missing or not valid.
            SolveError: rows failed and on_failure is "raise".
        """
        if torch.compiler.is_compiling():
            return self._traced(objective, rows)
        mode = self._mode()
        batch = self._with_learned(objective, rows) if self.learned else self.read(objective, **rows)
        call = self.call(batch.solve, mode)
        out, _, z, valid = differentiable()(batch.theta, call)
        if batch.parameters:
            out = through_solutions(out, z, valid, call, batch.parameters)
        return self._shown(out, mode, objective.dtype, batch.solve.lead)

    def expected_loss(
        self,
        objective: Tensor,
        loss: Callable[[Tensor], Tensor],
        *,
        penalty: float | None = None,
        **rows: Any,
    ) -> Tensor:
        """mean_s loss(z_s) over the samples of each row, with the estimator's gradient for the objective.

        The way to use estimator="score-function", which needs the loss of every sample; for the others it is what
        output="samples" and a mean over S give. Samples that failed are left out of the mean, unless `penalty` says
        what they cost; a row without any has value 0. In eval() mode, or without noise, there is one sample: the MAP
        (of which rules that need noise have no gradient: asking for it is an error).

        Instance parameters that are learned get the score function, whatever the estimator is: unbiased for any loss.

        Args:
            objective: `[*batch, *event]`, as for `forward`.
            loss: samples `[*batch, S, *event]` to losses `[*batch, S]`; gradients reach whatever else it uses.
            penalty: the loss of samples that failed, with on_failure="zero-grad". Where noise on an instance parameter
                makes rows infeasible, its gradient then pushes back.
            rows: instance parameters that differ per row, as for `forward`.

        Returns:
            `[*batch]`.

        Raises:
            OptionError: the loss does not give one value per sample.
            ObjectiveError, InstanceError, SolveError: as `forward`.
        """
        if penalty is not None and not is_number(penalty):
            raise OptionError(f"expected_loss: penalty: expected a finite number or None, found {penalty!r}")
        batch = self._with_learned(objective, rows) if self.learned else self.read(objective, **rows)
        lead = batch.solve.lead
        mode = self._mode()
        call = self.call(batch.solve, mode._replace(samples=mode.perturbed or self._varies))

        def per_row(samples: Tensor) -> Tensor:
            seen = self.as_seen(samples, batch.solve, objective.dtype)
            found = loss(seen.reshape(*lead, *seen.shape[1:]))
            return found.reshape(samples.shape[:2]) if found.shape == (*lead, samples.shape[1]) else found

        value = expected_loss(batch.theta, call, per_row, penalty=penalty, parameters=batch.parameters)
        return value.reshape(lead)

    def value(self, objective: Tensor, *, relaxation: bool = False, **instance: Any) -> Tensor:
        """The optimal value of each row in the solver's own sense, without noise, and differentiable.

        It includes what terms that no objective gives add, such as costs of variables that are not learned.

        - In the objective its gradient is the solution, for every solver (Danskin's theorem).
        - In instance parameters whose `dual` is "exact" (`imle info ID` says "value"), such as right sides, bounds and
          coefficients of linear programs, it consists of dual variables. It is exact where these are unique; else it is
          a subgradient: one of several slopes, between those of the value to both sides.
        - In those whose `dual` is "relaxation" the value of an integer program jumps, and has no useful derivative.
          relaxation=True takes that of the linear relaxation instead: an approximation, the better the tighter that is.

        Estimator, noise, `output` and `train()` or `eval()` play no part. Rows that cannot be solved raise; with
        on_failure="zero-grad" their value is 0, with "last" that of the solution that stands in (nan where no value can
        be told of it), and neither has a gradient.

        Args:
            objective: `[*batch, *event]`, as for `forward`.
            relaxation: for integer programs, differentiate in instance parameters through the linear relaxation.
            instance: instance parameters of this call. Tensors hold for all rows, `[*shape]` (their gradient is then
                the sum over the rows), or are one per row, `[*batch, *shape]`: matrices dense, bounds `[n, 2]`.
                Anything else is a sequence with one value per row, as for `forward`.

        Returns:
            `[*batch]`, in float32 or wider.

        Raises:
            InstanceError: as `forward`; or a tensor requires a gradient, and there is none for this parameter.
            ObjectiveError, SolveError: as `forward`.
            SecondDerivativeError, ForwardModeError: it is to be differentiated twice, or in forward mode.

        Source: Danskin, The Theory of Max-Min, 1967; for right sides and coefficients of linear programs Freund,
        Postoptimal analysis of a linear program under simultaneous changes in matrix coefficients, 1985.

        Example::

            >>> import imle, torch
            >>> layer = imle.layer("highs-lp", A_ub=[[-1.0, -1.0]], bounds=(0, 3))
            >>> demand = torch.tensor([4.0], requires_grad=True)
            >>> cost = layer.value(torch.tensor([[1.0, 5.0]]), b_ub=-demand)  # x + y >= 4 at costs 1 and 5
            >>> cost.backward()
            >>> cost.item(), demand.grad  # one more unit comes at a cost of 5
            (8.0, tensor([5.]))
        """
        if torch.compiler.is_compiling():
            return self._uncompiled_value(objective, relaxation=relaxation, **instance)
        check_objective(objective)
        self.begin()
        count = None if self._shape is None else objective.shape[: max(objective.ndim - len(self._shape), 0)].numel()
        given = read_instance(self.spec, instance, relaxation=relaxation, count=count)
        groups = self._instances.groups(given.rows, given.shared, keep=given.lasts)
        plan, lead, event = self._plan(objective, given.rows, groups)
        scores = plan.inside(self._scores(objective, lead, event))
        return optimal_values(scores, plan, given, self.as_seen).reshape(lead)

    def _uncompiled_value(self, *objective: Any, **given: Any) -> Tensor:
        """`value` as a break in a compiled graph: it reads instances and calls solvers in plain Python."""
        from imle.layers.uncompiled import outside_graphs

        found: Tensor = outside_graphs(self.value, *objective, **given)
        return found

    def _traced(self, objective: Tensor, rows: Mapping[str, Sequence[Any]]) -> Tensor:
        """`forward` for compilers, which look at everything but the operator."""
        from imle.layers.uncompiled import portable_key, solve_rows

        if rows or self.learned:
            if torch.compiler.is_exporting():
                raise OptionError(
                    f"torch.export: {self.spec.id}: expected one instance for all rows, given to imle.layer, found "
                    f"{' and '.join(rows or self.learned)} in the call: instances per row are Python objects",
                    hint="export what comes before the layer, or a layer with its instance",
                )
            solved: Tensor = solve_rows(self, objective, **rows)
            return solved
        check_objective(objective)
        lead, event = split_shape(objective.shape, self._shape)
        mode = self._mode()
        key = portable_key(self) if torch.compiler.is_exporting() else self._key
        own = partial(operators.own, key=key, lead=lead) if self._may_be_padded else _nothing
        out = operators.estimate(self._theta(objective, lead, event, own), key, lead, mode)
        return self._shown(out, mode, objective.dtype, lead)

    def read(self, objective: Tensor, **rows: Sequence[Any]) -> Batch:
        """The same input as `forward`'s, as losses need it: scores, and the solver that maximises them.

        A new pass begins: `failures` and `unproven` are those of what is solved from now on.

        Args:
            objective: `[*batch, *event]`, as for `forward`.
            rows: instance parameters that differ per row, each a sequence of length B.

        Returns:
            scores `[B, *event]`, all batch dimensions taken together, through which gradients reach the objective.

        Raises:
            ObjectiveError: wrong shape or type.
            InstanceError: a row's instance is missing or not valid.
        """
        if self.learned:
            return self._with_learned(objective, rows, constant=True)
        check_objective(objective)
        self.begin()
        plan, lead, event = self._plan(objective, rows)
        return Batch(self._theta(objective, lead, event, plan.own), plan)

    def _with_learned(self, objective: Tensor, rows: Mapping[str, Any], *, constant: bool = False) -> Batch:
        """`read` for a layer with instance parameters that are learned, with noise on them in `train()` mode.

        Args:
            objective: `[*batch, *event]`.
            rows: instance parameters of the call.
            constant: no noise and no gradient are wanted, for the objective is all that is learned of.

        Raises:
            ObjectiveError, InstanceError: as `read`; or a learned parameter is missing, or is no tensor that will do.
        """
        check_objective(objective)
        self.begin()
        lead, values, given = read_values(
            self.spec, self.learned, rows, objective.device, partial(self._lead, objective)
        )
        self._check_lengths(given, lead)
        if constant:
            refuse_gradients(self.spec, values)
        varied = self._varies and not constant
        if varied and torch._C._are_functorch_transforms_active():
            raise OptionError(
                f"{self.spec.id}: learned: noise on {' and '.join(values)} is not drawn inside of transforms of "
                "torch.func, such as vmap and grad",
                hint="loss.backward() gives gradients; layer.eval() draws nothing",
            )
        parameters = []
        for name, own in self.learned.items():
            eps = self._parameter_noise(name, values[name]) if varied else None
            parameters.append(LearnedParameter(name, values[name], own.noise, own.sigma, eps))
        samples = self.nb_samples if varied else 1
        columns = {parameter.name: columns_of(parameter.samples()) for parameter in parameters}
        noisy = list(values) if varied else []
        refused = partial(self._refused, lead, samples, objective.ndim - len(lead), noisy)
        groups = self._instances.groups_of_samples(given, columns, samples, refused)
        plan, lead, event = self._plan(objective, {}, groups)
        if varied:
            plan = SampledPlan.of(plan, samples, noisy)
        return Batch(self._theta(objective, lead, event, plan.own), plan, parameters)

    def _lead(self, objective: Tensor, given: Mapping[str, Sequence[Any]], learned: Mapping[str, Any]) -> torch.Size:
        """Which dimensions are the batch's, before it is known how rows are to be grouped."""
        shape = self._shape
        if shape is None:
            columns = self._instances.columns(given)
            first = {name: column[0] for name, column in columns.items() if len(column)} | dict(learned)
            if self._instances.missing(first):  # there are no rows, or groups will say what is missing
                return objective.shape[:1]
            try:
                shape = self._instances.shape_of(first)
            except InstanceError:  # rows will say which it is
                return objective.shape[:1]
        return objective.shape[:1] if shape is None else split_shape(objective.shape, shape, padded=True)[0]

    def _refused(
        self, lead: torch.Size, samples: int, rank: int, noisy: Sequence[str], error: InstanceError, n: int
    ) -> PreparedSolver:
        """What stands for a sample whose instance the solver refuses, if rows may fail."""
        if self.on_failure != "raise":
            return RefusedInstance(error.message, rank)
        row, sample = divmod(n, samples)
        hints = error.hint, noise_on(noisy) if noisy else None
        raise InstanceError(
            f"{error.message} ({place(row, sample, lead, samples)})", hint="; ".join(filter(None, hints)) or None
        ) from error

    def begin(self) -> None:
        """A new pass begins.

        Raises:
            OptionError: it is one that is run again, and solutions may differ from those of the first time.
        """
        if self.pool is not None and recomputing():
            raise OptionError(
                f"{self.spec.id}: pool: the forward pass is run again for a backward pass, as torch.utils.checkpoint "
                "does, and the pool may answer otherwise than the first time: it has learned since",
                hint="leave pool= out, or leave the layer out of the checkpointed part",
            )
        self.failures.clear()
        self.unproven.clear()

    def as_solved(self, solutions: Tensor, plan: SolvePlan) -> Tensor:
        """Known solutions as users see them to what the solver would return for them.

        The same, for all layers but those that add something to what their solver returns.

        Args:
            solutions: `[B, *event]`.
            plan: `solve` of the `read` batch whose rows they belong to: it knows the instance of each row.
        """
        del plan
        return solutions

    def as_seen(self, solutions: Tensor, plan: SolvePlan, dtype: torch.dtype) -> Tensor:
        """What the solver returned to solutions as users see them: the inverse of `as_solved`.

        Args:
            solutions: `[B, *event]` or `[B, S, *event]`.
            plan: as for `as_solved`.
            dtype: that of the objective, which solutions take.
        """
        del plan
        return solutions.to(dtype)

    def _scores(self, objective: Tensor, lead: torch.Size, event: torch.Size) -> Tensor:
        """The objective as `[B, *event]` scores to maximise, in float32 or 64."""
        wide = objective.dtype if objective.dtype in (torch.float32, torch.float64) else torch.float32
        theta = objective if objective.dtype is wide else objective.to(wide)
        if len(lead) != 1:
            theta = theta.reshape(math.prod(lead), *event)  # numel() would fix B in an exported graph
        return -theta if self.solver.sense == "min" else theta

    def _theta(
        self, objective: Tensor, lead: torch.Size, event: torch.Size, own_of: Callable[[Tensor], Tensor | None]
    ) -> Tensor:
        """`_scores`, as the estimator's rule differentiates in them, with zeros on the padding that `own_of` tells."""
        scores = self._scores(objective, lead, event)
        own = own_of(scores)
        scores = inside(scores, own)
        read = self.estimator.transform(scores, own)
        if read is scores:
            return scores
        read = inside(read, own)
        if self.training and self.output != "map":
            finite = scores.isfinite().flatten(1).all(dim=1).reshape(-1, *[1] * (scores.ndim - 1))
            return torch.where(finite, read, scores)  # what is not finite is told as it was given
        # the solution asked for is that of theta as it was given; its gradient is still the rule's
        return scores.detach() + (read - read.detach()).nan_to_num()

    def _plan(
        self, objective: Tensor, rows: Mapping[str, Sequence[Any]], groups: Sequence[Group] | None = None
    ) -> tuple[SolvePlan, torch.Size, torch.Size]:
        """Find out which rows share an instance, unless that is known, and which dimensions are the batch's."""
        groups = self._instances.groups(rows) if groups is None else groups
        lead, event = objective.shape[:1], objective.shape[1:]
        for group in groups:  # only where rows have instances of their own, these may have different sizes
            lead, event = split_shape(objective.shape, group.kept.shape, padded=group.rows is not None)
        self._check_lengths(rows, lead)
        return self.plan(lead, groups), lead, event

    def _check_lengths(self, rows: Mapping[str, Sequence[Any]], lead: torch.Size) -> None:
        for name, values in rows.items():
            if len(values) != lead.numel():
                raise InstanceError(
                    f"{self.spec.id}: {name}: expected one value per row, {lead.numel()} in all, found {len(values)}"
                )

    def plan(self, lead: torch.Size, groups: Sequence[Group] | None = None) -> SolvePlan:
        """How a batch is solved.

        Args:
            lead: the batch dimensions; B is their product.
            groups: which rows share an instance; by default every row has the one given at construction.

        Returns:
            a function that solves `[B, S, *event]` scores, for this batch alone.

        Raises:
            InstanceError: the instance is missing or not valid.
        """
        return SolvePlan(
            boundary=self._boundary,
            groups=self._instances.groups({}) if groups is None else groups,
            lead=lead,
            on_failure=self.on_failure,
            stats=self.stats,
            warned=self._warned,
            failures=self.failures,
            unproven=self.unproven,
            solver=self.solver,
            progress=self.progress,
        )

    @property
    def _perturbs(self) -> bool:
        """Whether noise is drawn in `train()` mode."""
        quiet = not (self._has_temperature or self._has_target_temperature)
        return self.noise is not None and not quiet and self.output != "map"

    @property
    def _varies(self) -> bool:
        """Whether the next forward pass puts noise on parameters of instances."""
        return bool(self.learned) and self.training and self.output != "map"

    def _mode(self) -> Mode:
        """What the next forward pass does, in the layer's present state."""
        perturbed, varied = self._perturbs and self.training, self._varies
        samples = (perturbed or varied) and self.output == "samples"
        solved = (perturbed and self._has_temperature) or varied
        return Mode(perturbed, samples, self.nb_samples, self.nb_samples if solved else 1)

    def call(self, plan: SolvePlan, mode: Mode) -> Application:
        """What the estimator needs to know of this layer.

        Args:
            plan: solves the batch.
            mode: whether noise is drawn and samples are returned one by one, and how many there are.
        """
        homogeneous, varied = plan.homogeneous, isinstance(plan, SampledPlan)
        if self.training and self.output != "map":
            self.estimator.check_scale(homogeneous)
        return Application(
            estimator=self.estimator,
            solve=plan,
            draw=(lambda theta: self._noise(theta, plan)) if mode.perturbed else _nothing,
            output="samples" if mode.samples else "mean",
            noise=self.noise,
            temperature=self.temperature,
            target_temperature=self.target_temperature,
            sample_weight=float(mode.nb_samples) if mode.samples else 1.0,
            stand_ins=self.on_failure == "last",
            antithetic=self.antithetic,
            homogeneous=homogeneous,
            samples=mode.nb_samples if mode.perturbed or varied else 1,
            varied=varied,
            limit=None if self.memory_limit is None else int(self.memory_limit / BYTES_PER_ENTRY),
            replay=self._replay if mode.perturbed else no_replay,
            observe=observe_of(self.noise) if mode.perturbed and self.noise is not None else not_observed,
            count=self._count_gradient if self.count_gradients else not_counted,
        )

    def _count_gradient(self, gradient: Tensor, solve: Solve) -> None:
        own = solve.own(gradient)
        self.stats.count_gradient(inside(gradient, own), own)

    def _shown(self, out: Tensor, mode: Mode, dtype: torch.dtype, lead: torch.Size) -> Tensor:
        """The estimate as the user asked for it."""
        if self.output == "samples" and not mode.samples:  # nothing to tell the samples apart: solved once
            out = out.unsqueeze(1).expand(-1, mode.nb_samples if self.training else 1, *out.shape[1:])
        out = out if len(lead) == 1 else out.reshape(*lead, *out.shape[1:])
        return out if out.dtype is dtype else out.to(dtype)

    def _noise(self, theta: Tensor, plan: SolvePlan) -> Tensor | None:
        """Noise `[B, S, *event]`: new, or with resample=False what was drawn first, the same for every row."""
        return self._drawn("", theta, lambda like: self._draw(like, plan))

    def _parameter_noise(self, name: str, values: Tensor) -> Tensor | None:
        """The same for an instance parameter that is learned: `[B, *shape]` to `[B, S, *shape]`."""
        noise = self.learned[name].noise

        def draw(like: Tensor) -> Tensor:
            return draw_like(noise, like, self.nb_samples, self.generator, antithetic=self.antithetic)

        return self._drawn(name, values.detach(), draw)

    def _drawn(self, name: str, values: Tensor, draw: Callable[[Tensor], Tensor | None]) -> Tensor | None:
        """What `draw` gives for `[B, *shape]` values; with resample=False once, under this name."""
        if self.resample:
            ready_to_draw(self.spec.id, self.generator)
            with self.stats.timed("noise"):
                return draw(values)
        key = name, values.shape[1:], self.nb_samples, values.dtype, values.device
        if key not in self._fixed:
            with torch.inference_mode(False), torch.no_grad():  # training uses what validation drew
                drawn = draw(values[:1])
            assert drawn is not None
            if len(drawn) != 1:
                raise OptionError(
                    f"{self.spec.id}: resample=False keeps one draw for all rows, but here noise depends on the row",
                    hint="give every row the same instance, or leave resample=False out",
                )
            self._fixed[key] = drawn
        return self._fixed[key].expand(len(values), *self._fixed[key].shape[1:])

    def redraw(self) -> None:
        """With resample=False: forget the noise, so that the next forward pass draws it anew."""
        self._fixed.clear()

    def _draw(self, theta: Tensor, plan: SolvePlan) -> Tensor | None:
        """New noise `[B, S, *event]`. The plan is for subclasses."""
        del plan
        assert self.noise is not None
        return draw_like(self.noise, theta, self.nb_samples, self.generator, antithetic=self.antithetic)

    def _replay(self) -> Replay | None:
        """How noise is drawn again, where it is known that the same comes out."""
        if self.noise is None or not (self.resample and draws_again(self.noise)):
            return None
        if type(self)._draw is not SolverLayer._draw:
            return None
        ready = partial(ready_to_draw, self.spec.id, self.generator)
        timed = partial(self.stats.timed, "noise")
        return Replay(self.noise, self.generator, self.nb_samples, self.antithetic, ready, timed)

    @property
    def prepared(self) -> PreparedSolver:
        """The solver bound to the layer's own instance, without what `executor=`, `cache=` or `pool=` put around it.

        Raises:
            InstanceError: instance parameters are missing, which come with every row.
        """
        return unwrapped(self._instances.groups({})[0].prepared)

    @property
    def labels(self) -> Labels | None:
        """Names of the entries of an objective, one for each in C order; None if the solver has none.

        A mapping of blocks to names where there are several blocks. They are those of the layer's own instance: what
        calls give row by row has names of its own.

        Raises:
            InstanceError: there is no such instance, because every row brings its own.
        """
        return labels_of(self.prepared)

    def close(self) -> None:
        """Free the native models; they are built again if the layer is used again."""
        self._instances.close()

    @property
    def instance(self) -> dict[str, Any]:
        """The instance parameters that hold for every row, by name."""
        return dict(self._instances.fixed)

    @property
    def missing(self) -> list[str]:
        """Names of the instance parameters that every call has to give: required or learned, one value per row."""
        needed = {*self._instances.missing(), *self.learned}
        return [parameter.name for parameter in self.spec.instance if parameter.name in needed]

    @property
    def is_prepared(self) -> bool:
        """Whether the solver is bound to the layer's own instance; it is from the start, until `close`."""
        return self._instances.is_prepared

    @property
    def objective_shape(self) -> Shape | None:
        """Sizes of one objective, None for any size; None altogether where instances come with rows."""
        return self._shape

    @property
    def solves_per_row(self) -> tuple[int, int | None]:
        """How often a row is solved in a training step: forward, and at most backward (None if the rule does not say).

        In `eval()` mode it is solved once.
        """
        perturbed, varied = self._perturbs, bool(self.learned) and self.output != "map"
        solved = perturbed and self._has_temperature and not self.estimator.exact_samples
        forward = self.nb_samples if solved or varied else 1
        differing = varied or (perturbed and (self._has_target_temperature or self.output == "samples"))
        solves = self.estimator.solves
        return forward, None if solves is None else solves * (self.nb_samples if differing else 1)

    def extra_repr(self) -> str:
        return description.in_lines(self)

    def __rich__(self) -> RenderableType:
        return description.as_report(self)

    def _repr_html_(self) -> str:
        from imle._html import page

        return page(self)


def _nothing(theta: Tensor) -> None:
    """No noise, or no padding."""
    del theta
