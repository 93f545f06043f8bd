"""What is checked: a solver (`Subject`), and a solver with one of its instances (`Case`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imle.errors import InstanceError, SolverContractError
from imle.plugins import SolverSpec
from imle.solvers import SolveResult, SolveStatus
from imle.solvers.blocks import blocks_of
from imle.solvers.contract import checked
from imle.solvers.padding import own_entries
from imle.solvers.protocol import fixed_terms_of, row_shapes_of
from imle.testing.failure import CheckFailure, Inconclusive
from imle.testing.instance import Floats, Instance


@dataclass(frozen=True, eq=False)
class Subject:
    """A solver to check.

    Attributes:
        name: for reports: the id, or "module:Class".
        target: the solver class, or a solver object.
        spec: what its plugin announces; for a solver without plugin, what can be read off its class.
        module: the plugin's light module, "" where there is no plugin.
        given: what `imle.layer` takes for it: the qualified id, the class or the object.
        instances: what it is checked on.
        origin: where the instances come from.
    """

    name: str
    target: Any
    spec: SolverSpec
    module: str
    given: Any
    instances: tuple[Instance, ...] = ()
    origin: str = ""

    @property
    def cases(self) -> tuple[Case, ...]:
        """The solver with each of its instances."""
        return tuple(Case(self, instance) for instance in self.instances)

    def solver(self, options: Mapping[str, Any]) -> Any:
        """A solver object; one that was given as an object is what it is.

        Args:
            options: of the solver class.
        """
        return self.target(**options) if isinstance(self.target, type) else self.target


LEFT_OUT: Any = object()
"""For `Case.prepare`: do not give this parameter."""


class Answer(NamedTuple):
    """A SolveResult with everything in numpy.

    Attributes:
        solutions: `[N, *shape]`.
        status: `[N]`; all optimal if the result says nothing.
        raw: the result itself.
    """

    solutions: Floats
    status: NDArray[np.int64]
    raw: SolveResult

    @property
    def ok(self) -> NDArray[np.bool_]:
        """`[N]` rows that carry a usable solution."""
        return self.status <= SolveStatus.FEASIBLE

    def take(self, rows: Any) -> Answer:
        """Some of the rows."""
        return Answer(self.solutions[rows], self.status[rows], self.raw)


@dataclass(frozen=True, eq=False)
class Case:
    """A solver and one instance; prepares, draws objectives and solves."""

    subject: Subject
    instance: Instance

    @property
    def spec(self) -> SolverSpec:
        return self.subject.spec

    @cached_property
    def solver(self) -> Any:
        return self.subject.solver(self.instance.options)

    @property
    def torch(self) -> bool:
        """Whether the solver takes tensors."""
        return bool(self.solver.array == "torch")

    def prepare(self, **instead: Any) -> Any:
        """A new prepared solver.

        Args:
            instead: instance parameters that are replaced (`LEFT_OUT` drops one).
        """
        given = {**self.instance.parameters, **instead}
        return self.solver.prepare(**{name: own(value) for name, value in given.items() if value is not LEFT_OUT})

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Of one objective."""
        declared = self.prepare().objective_shape
        if self.instance.shape is not None:
            return tuple(self.instance.shape)
        if declared is None or None in declared:
            raise InstanceError(
                f"{self.subject.name}: instance {self.instance.name!r}: expected shape=..., for the solver takes "
                f"objectives of any size (objective_shape is {declared})"
            )
        return tuple(declared)

    def own(self, prepared: Any, rows: int = 1, **columns: Any) -> NDArray[np.bool_] | None:
        """`[rows, *shape]`, or `[1, *shape]` for all rows, which entries are no padding; None if no such thing is told.

        Args:
            prepared: by this solver.
            rows: N.
            columns: row parameters.
        """
        row_shapes, layout = row_shapes_of(prepared), blocks_of(prepared)
        told = None if row_shapes is None else row_shapes(**columns)
        shapes = self.shape if layout is None else {name: block.shape for name, block in layout.items()}
        return None if told is None else own_entries(self.spec.id, told, shapes, rows).reshape(-1, *self.shape)

    @cached_property
    def solutions(self) -> Floats | None:
        """`[M, *shape]` all solutions, if the instance lists them."""
        listed = self.instance.solutions
        return None if listed is None else np.asarray(listed, np.float64).reshape(-1, *self.shape)

    def objectives(self, rows: int = 6, seed: int = 0) -> Floats:
        """`[N, *shape]` objectives of the kind the solver is meant for, without ties.

        Args:
            rows: N.
            seed: of the draws.
        """
        rng = np.random.default_rng(seed)
        if self.instance.objectives is not None:
            return exact(np.asarray(self.instance.objectives(rng, rows), np.float64))
        if self.spec.capabilities.negative_objectives:
            return exact(rng.normal(size=(rows, *self.shape)))
        return exact(rng.uniform(0.5, 1.5, size=(rows, *self.shape)))

    def plain_objectives(self, rows: int, seed: int) -> Floats:
        """`[N, *shape]` objectives that every solver of such instances solves: of one sign, or the instance's own.

        Args:
            rows: N.
            seed: of the draws.
        """
        if self.instance.objectives is not None:
            return self.objectives(rows, seed)
        drawn = np.random.default_rng(seed).normal(1.0, 0.4, size=(rows, *self.shape))
        return exact(np.abs(drawn).clip(0.01))

    def tied(self, rows: int = 6, seed: int = 0) -> Floats:
        """`[N, *shape]` small whole numbers: ties wherever a tie can be.

        Args:
            rows: N.
            seed: of the draws.
        """
        return np.random.default_rng(seed).integers(1, 3, size=(rows, *self.shape)).astype(np.float64)

    def array(self, objective: Floats, *, exactly: bool = False) -> Any:
        """A copy as the solver takes it: C-contiguous float64, or a tensor.

        Args:
            objective: `[N, *shape]`.
            exactly: tensors are float64, too, not float32.
        """
        if not self.torch:
            return np.array(objective, np.float64, order="C")
        import torch

        return torch.tensor(np.asarray(objective), dtype=torch.float64 if exactly else torch.float32)

    def solve(self, prepared: Any, objective: Floats, **extra: Any) -> Answer:
        """Solve a copy of the objectives.

        Args:
            prepared: see `prepare`.
            objective: `[N, *shape]`.
            extra: the hint (numpy), and row parameters.
        """
        if "hint" in extra:
            extra["hint"] = self.array(extra["hint"])
        return self.answer(prepared.solve(self.array(objective), **extra), len(objective))

    def fresh(self, objective: Floats, **extra: Any) -> Answer:
        """Solve with a prepared solver of its own.

        Args:
            objective: `[N, *shape]`.
            extra: the hint (numpy), and row parameters.
        """
        prepared = self.prepare()
        answer = self.solve(prepared, objective, **extra)
        prepared.close()
        return answer

    def answer(self, result: Any, rows: int) -> Answer:
        """Read a result.

        Args:
            result: what `solve` of a prepared solver returned.
            rows: N, of the objective.

        Raises:
            CheckFailure: it is not what `SolveResult` promises.
        """
        try:
            checked(result, (rows, *self.shape))
        except SolverContractError as error:
            raise CheckFailure(
                "a SolveResult with a solution for each row",
                error.message,
                where=f"what solve() of {rows} rows returns, {self.where}",
                fix=error.hint or "return imle.SolveResult(solutions, status)",
            ) from error
        status = np.zeros(rows, np.int64) if result.status is None else np.asarray(result.status, np.int64)
        return Answer(to_numpy(result.solutions), status, result)

    def fixed(self, solutions: Floats) -> Floats:
        """`[N]` the fixed terms of solutions; see `imle.solvers.PreparedSolver`.

        Args:
            solutions: `[N, *shape]`.
        """
        prepared = self.prepare()
        terms = fixed_terms_of(prepared)
        found = np.zeros(len(solutions)) if terms is None else to_numpy(terms(self.array(solutions)))
        prepared.close()
        return found

    def values(self, objective: Floats, solutions: Floats) -> Floats:
        """`[N]` <objective, solution> and fixed terms.

        Args:
            objective: `[N, *shape]`.
            solutions: `[N, *shape]`.
        """
        rows = len(objective)
        learned: Floats = (objective.reshape(rows, -1) * solutions.reshape(rows, -1)).sum(axis=1)
        return learned + self.fixed(solutions)

    def ranking(self, objective: Floats) -> Floats:
        """`[N, M]` values of all solutions the instance lists, the sign such that the largest is the best.

        Args:
            objective: `[N, *shape]`.
        """
        assert self.solutions is not None
        values = objective.reshape(len(objective), -1) @ self.solutions.reshape(len(self.solutions), -1).T
        return self.sign * (values + self.fixed(self.solutions))

    def best(self, objective: Floats) -> float:
        """The best value by all that the instance knows.

        Args:
            objective: `[*shape]`.

        Raises:
            Inconclusive: its oracle and its solutions disagree.
        """
        oracle = None if self.instance.oracle is None else float(self.instance.oracle(objective))
        listed = None if self.solutions is None else self.sign * float(self.ranking(objective[None]).max())
        if oracle is None or listed is None:
            best = listed if oracle is None else oracle
            assert best is not None
            return best
        if abs(oracle - listed) > 1e-6 * (1 + abs(listed)):
            raise Inconclusive(
                f"{self.where} contradicts itself: its oracle says {oracle:g}, its solutions say {listed:g}, "
                f"for the objective {objective.ravel().tolist()}"
            )
        return listed

    @property
    def sign(self) -> float:
        """1 where larger values are better, else -1."""
        return 1.0 if self.solver.sense == "max" else -1.0

    def through_core(self, objective: Any) -> Answer:
        """Solve through the layer.

        Args:
            objective: `[N, *shape]` an array, or a tensor of any dtype and strides.
        """
        import torch

        solutions = self.layer(estimator="blackbox").eval()(torch.as_tensor(objective))
        return self.answer(SolveResult(solutions), len(objective))

    def layer(self, **options: Any) -> Any:
        """The solver as a layer of one tensor, with the instance.

        Args:
            options: of `imle.layer`.
        """
        import imle
        from imle.testing.packed import packed

        own_options = self.instance.options if isinstance(self.subject.target, type) else {}
        made = imle.layer(self.subject.given, **own_options, **self.instance.parameters, **options)
        return packed(made)

    @property
    def where(self) -> str:
        """For messages."""
        return f"instance {self.instance.name!r}"


def own(value: Any) -> Any:
    """Arrays are copied, as the layer does: a solver may keep what it is given."""
    return value.copy() if isinstance(value, np.ndarray) else value


def exact(objective: Floats) -> Floats:
    """Rounded to float32, so that it is the same number in both precisions."""
    return objective.astype(np.float32).astype(np.float64)


def to_numpy(values: Any) -> Floats:
    """Arrays and tensors as float64."""
    if hasattr(values, "detach"):
        values = values.detach().cpu().double().numpy()
    return np.asarray(values, np.float64)
