"""Instance parameters that are learned: what a user says of their noise, and the tensors that calls give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from imle._checks import positive
from imle.errors import InstanceError, OptionError
from imle.layers.shapes import row_name
from imle.noise import (
    BaseNoiseDistribution,
    GaussianNoiseDistribution,
    MultiplicativeNoiseDistribution,
    RelativeNoiseDistribution,
    check_noise,
    noise_by_name,
)
from imle.plugins.parameters import check_value, unknown
from imle.plugins.spec import Parameter, SolverSpec
from imle.solvers.base import BasePrepared
from imle.solvers.protocol import Shape
from imle.solvers.result import SolveResult, SolveStatus
from imle.solvers.rows import like


@dataclass
class ParameterNoise:
    """Noise on an instance parameter, drawn anew for every sample of every row.

    Attributes:
        noise: a distribution with a density.
        sigma: its scale; may be set between passes.
    """

    noise: BaseNoiseDistribution
    sigma: float


def parameter_noises(
    spec: SolverSpec, learned: Mapping[str, Any] | None, fixed: Mapping[str, Any]
) -> dict[str, ParameterNoise]:
    """What `imle.layer(..., learned=...)` says, checked.

    Args:
        spec: of the solver.
        learned: names to sigma, or to (noise, sigma).
        fixed: instance parameters that the layer was given for all rows.

    Raises:
        OptionError: a name that cannot be learned, or noise or sigma that will not do.
    """
    if learned is None:
        return {}
    if not isinstance(learned, Mapping):
        raise OptionError(
            f"learned: expected a mapping of instance parameters to the scale of their noise, found {learned!r}",
            hint='such as learned={"capacity": 0.1}',
        )
    instance = {parameter.name: parameter for parameter in spec.instance}
    for name in learned:
        if name not in instance:
            raise _not_of_instance(spec, name)
        if not instance[name].learned:
            raise OptionError(f"{spec.id}: learned: {name}: {_why_not(instance[name])}", hint=_instead(spec))
        if name in fixed:
            raise OptionError(
                f"{spec.id}: learned: {name}: expected a tensor in every call, found {name}= for all rows",
                hint=f"leave it out here: layer(objective, {name}=...) takes one for all rows, too",
            )
    if learned and spec.blocks:
        raise OptionError(
            f"{spec.id}: learned: expected one objective, found blocks: instance parameters beside them are constants"
        )
    return {name: _noise(f"{spec.id}: learned: {name}", instance[name], given) for name, given in learned.items()}


def _not_of_instance(spec: SolverSpec, name: Any) -> OptionError:
    if name in {option.name for option in spec.options}:
        return OptionError(
            f"{spec.id}: learned: {name!r} is an option, the same for all rows: it has no gradient", hint=_instead(spec)
        )
    error = unknown(spec.id, str(name), spec.instance)
    return OptionError(f"{error.message} in learned=", hint=error.hint)


def _why_not(parameter: Parameter) -> str:
    if parameter.type.partition(" ")[0] == "int":
        return f"expected a parameter of real numbers, found {parameter.type}: integers cannot take noise"
    if parameter.forbids:
        return (
            f"expected a parameter of real numbers, found {parameter.type}: what is learned belongs into the objective"
        )
    return f"expected a parameter that may differ by noise, found {parameter.type}, which the solver takes as it is"


def _instead(spec: SolverSpec) -> str:
    able = [parameter.name for parameter in spec.instance if parameter.learned]
    if able:
        return f"{spec.id} can learn {', '.join(able)}"
    none = f"no instance parameter of {spec.id} can be learned"
    return f"{none}, by its spec: imle.plugins.Parameter(..., learned='real')" if spec.problem == "custom" else none


def _noise(where: str, parameter: Parameter, given: Any) -> ParameterNoise:
    if isinstance(given, Sequence) and not isinstance(given, str) and len(given) == 2:
        noise, sigma = given
        if isinstance(noise, (str, Mapping)):
            noise = noise_by_name(noise)
        check_noise(where, noise)
    else:
        sigma = given
        noise = MultiplicativeNoiseDistribution() if parameter.learned == "positive" else GaussianNoiseDistribution()
    if isinstance(sigma, (str, Mapping, Sequence)) or hasattr(sigma, "sample"):
        raise OptionError(
            f"{where}: expected a number or (noise, sigma), found {given!r}", hint='such as 0.1, or ("logistic", 0.1)'
        )
    sigma = positive(f"{where}: sigma", sigma)
    if isinstance(noise, RelativeNoiseDistribution):
        raise OptionError(
            f"{where}: expected noise of a scale of its own, found {noise!r}",
            hint=f'{noise.noise!r} with a sigma in units of {parameter.name}, or "multiplicative"',
        )
    if not hasattr(noise, "score"):
        raise OptionError(f"{where}: {type(noise).__name__} has no score()")
    noise.score(torch.ones(1, 1), torch.zeros(1, 1), sigma)  # refuses now, not in the first backward pass
    return ParameterNoise(noise, sigma)


class LearnedValues(NamedTuple):
    """Instance parameters of a call to a layer that learns some of them.

    Attributes:
        lead: the batch dimensions.
        learned: those that are learned, `[B, *shape]`, through which gradients reach what the user gave.
        given: the others, each with one value per row.
    """

    lead: torch.Size
    learned: dict[str, Tensor]
    given: dict[str, Sequence[Any]]


def read_values(
    spec: SolverSpec,
    names: Iterable[str],
    rows: Mapping[str, Any],
    device: torch.device,
    lead_of: Callable[[Mapping[str, Any], Mapping[str, Any]], torch.Size],
) -> LearnedValues:
    """Tell apart what is learned from what is given, and read the former.

    Args:
        spec: of the solver.
        names: what is learned.
        rows: instance parameters of the call.
        device: the objective's.
        lead_of: finds the batch dimensions, from what is given and one value of what is learned.

    Raises:
        InstanceError: a parameter is missing, or is no tensor that will do.
    """
    if absent := [name for name in names if name not in rows]:
        raise InstanceError(
            f"{spec.id}: expected a tensor for {' and '.join(absent)}, as learned= says, found none",
            hint=f"layer(objective, {', '.join(f'{name}=...' for name in absent)})",
        )
    known = {parameter.name: parameter for parameter in spec.instance}
    tensors = {name: _tensor(f"{spec.id}: {name}", rows[name], device) for name in names}
    given = {name: column for name, column in rows.items() if name not in tensors}
    lead = lead_of(given, {name: _one(known[name], tensor) for name, tensor in tensors.items() if tensor.numel()})
    learned = {name: _per_row(spec, known[name], tensor, lead) for name, tensor in tensors.items()}
    for name, values in learned.items():
        _check_values(spec, known[name], values, lead)
    return LearnedValues(lead, learned, given)


def refuse_gradients(spec: SolverSpec, values: Mapping[str, Tensor]) -> None:
    """Raise where a gradient is wanted of what only learns objectives.

    Raises:
        InstanceError: names the parameter.
    """
    for name, tensor in values.items() if torch.is_grad_enabled() else ():
        if tensor.requires_grad:
            raise InstanceError(
                f"{spec.id}: {name}: expected constants, found a tensor that requires a gradient: losses of layers "
                "have gradients for the objective only",
                hint=f"layer(...) and layer.expected_loss(...) have one for {name}; {name}.detach() says that none is "
                "wanted",
            )


def _tensor(where: str, given: Any, device: torch.device) -> Tensor:
    """A learned parameter as a call gives it, in float32 or 64, on a device."""
    if not isinstance(given, Tensor) or not given.is_floating_point() or given.layout is not torch.strided:
        found = f"{given.dtype}, {given.layout}" if isinstance(given, Tensor) else type(given).__name__
        raise InstanceError(
            f"{where}: expected a dense tensor of floating-point numbers, as learned= says, found {found}",
            hint="torch.as_tensor(..., dtype=torch.float32) converts",
        )
    if given.is_meta:
        raise InstanceError(f"{where}: expected a tensor with data, found one on the meta device")
    if torch._C._functorch.is_functorch_wrapped_tensor(given):
        raise InstanceError(
            f"{where}: expected a plain tensor, found one inside of a transform of torch.func, such as vmap or grad",
            hint="loss.backward() and torch.autograd.grad give its gradient; a batch solves many rows at once",
        )
    wide = given.dtype if given.dtype in (torch.float32, torch.float64) else torch.float32
    return given.to(device=device, dtype=wide)


def _one(parameter: Parameter, given: Tensor) -> Any:
    """One value of a learned parameter, whether it has several or not."""
    ndim = max((ndim for ndim in parameter.ndims if ndim <= given.ndim), default=max(given.ndim - 1, 0))
    return given.detach().reshape(-1, *given.shape[given.ndim - ndim :])[0].cpu().numpy()


def _per_row(spec: SolverSpec, parameter: Parameter, given: Tensor, lead: torch.Size) -> Tensor:
    """A learned parameter with one value per row, `[B, *shape]`, from `[*batch, *shape]`, or `[*shape]` for all rows.

    Sizes that are equal by chance decide nothing: where a tensor has enough dimensions for the batch's, it has them.
    """
    ndims, own = parameter.ndims, given.ndim - len(lead)
    batch = lead.numel()
    if (own in ndims if ndims else own >= 0) and given.shape[: len(lead)] == lead:
        return given.reshape(batch, *given.shape[len(lead) :])
    if own not in ndims and given.ndim in ndims:
        return given.expand(batch, *given.shape)
    rows = ", ".join(map(str, lead))
    raise InstanceError(
        f"{spec.id}: {parameter.name}: expected {parameter.type} for every row, [{rows}, ...] in all, or one for all "
        f"rows, found shape {list(given.shape)}",
        hint=f"{parameter.name}.expand({rows}{', -1' * given.ndim}) gives all rows the same" if given.ndim else None,
    )


def _check_values(spec: SolverSpec, parameter: Parameter, values: Tensor, lead: torch.Size) -> None:
    """Refuse values `[B, *shape]` that are no numbers, or out of the range that the solver declares."""
    array = values.detach().cpu().numpy()
    if np.isnan(array).any():
        row = int(np.argwhere(np.isnan(array))[0][0])
        raise InstanceError(
            f"{spec.id}: {parameter.name}: found nan in {row_name(row, lead)}", hint="check the network's output"
        )
    if parameter.range and array.ndim == 1:
        for row, value in enumerate(array.tolist()):
            check_value(spec.id, parameter, value, wrong=InstanceError, row=row)


def columns_of(values: Tensor) -> Sequence[Any]:
    """`[B, S, *shape]` as B S values that solvers take: Python's own numbers, or an array in float64."""
    array = values.flatten(0, 1).to(device="cpu", dtype=torch.float64).numpy()
    return cast("Sequence[Any]", array.tolist() if array.ndim == 1 else array)


class RefusedInstance(BasePrepared):
    """What stands for an instance that the solver refused: its row has a status that says why.

    Args:
        message: of the solver.
        rank: how many dimensions an objective has.
    """

    def __init__(self, message: str, rank: int) -> None:
        self._rank = rank
        self._message = message

    @property
    def objective_shape(self) -> Shape:
        """Any sizes."""
        return (None,) * self._rank

    def solve(self, objective: Any, **rows: Any) -> SolveResult:
        """Say why there is no solution, for every row of `objective`, whatever `rows` are."""
        del rows
        status = np.full(len(objective), SolveStatus.ERROR, np.int8)
        messages = dict.fromkeys(range(len(objective)), self._message)
        return SolveResult(like(objective, np.zeros(tuple(objective.shape))), status, messages=messages)
