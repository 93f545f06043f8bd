"""Base classes for authors of solvers: what every solver would repeat, besides its options, `prepare` and `solve`.

    @dataclass(frozen=True)
    class BusRoutesSolver(BaseSolver, spec=BUS_ROUTES):     # options as fields
        def prepare(self, stops) -> PreparedBusRoutes: ...

    @dataclass(frozen=True, eq=False)
    class PreparedBusRoutes(BasePrepared):                  # what is built once
        def solve(self, objective) -> SolveResult: ...

Plain classes that follow the protocols of `imle.solvers.protocol` are as good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from imle.errors import InstanceError
from imle.plugins.parameters import check_value
from imle.plugins.spec import SolverSpec
from imle.solvers.blocks import BlockLayout, Labels
from imle.solvers.normal_cones import FindsNormalCones
from imle.solvers.protocol import ArrayKind, FixedTerms, RowShapes, Sense, Shape, SolutionVJP
from imle.solvers.result import SolveResult


class BaseSolver:
    """Options of a backend, read off its spec. Subclasses are frozen dataclasses with one field per option.

    Args:
        spec: given in the class statement, `class TopKSolver(BaseSolver, spec=TOPK)`; the class then has `spec`,
            `array` and, unless it is an option, `sense`.

    Raises:
        OptionError: an object is made with an option that its spec does not allow.
    """

    spec: ClassVar[SolverSpec]

    if TYPE_CHECKING:  # a property, so that frozen fields may stand in for it

        @property
        def sense(self) -> Sense:
            """Whether objectives are scores to maximise ("max") or costs to minimise ("min")."""

        @property
        def array(self) -> ArrayKind:
            """Which arrays `solve` takes and returns."""

    def __init_subclass__(cls, *, spec: SolverSpec | None = None, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if spec is None:
            return
        cls.spec = spec
        announced: dict[str, Any] = {"array": spec.capabilities.array}
        if all(option.name != "sense" for option in spec.options):
            announced["sense"] = spec.sense
        for name, value in announced.items():
            setattr(cls, name, value)

    def __post_init__(self) -> None:
        for option in self.spec.options:
            given = getattr(self, option.name)
            taken = check_value(self.spec.id, option, given)
            if taken is not given:  # a scalar of numpy, as the number it is
                object.__setattr__(self, option.name, taken)


class BasePrepared:
    """A solver bound to one instance. Subclasses add `solve(objective, **rows)`, and override what they do otherwise.

    See `PreparedSolver` for what each member means.
    """

    if TYPE_CHECKING:  # properties, so that subclasses may compute what others state

        @property
        def objective_shape(self) -> Shape | None:
            """Shape of one objective; by default vectors of any length."""

        @property
        def homogeneous(self) -> bool:
            """Solutions stay the same if an objective is multiplied by a positive number; by default they do."""

        @property
        def any_size(self) -> bool:
            """Nothing depends on the size of numbers, above all no tolerance; by default something does.

            A torch solver that says so returns for any numbers, nan and infinities included.
            """

        @property
        def fixed_terms(self) -> FixedTerms | None:
            """What terms add that no objective gives; by default there are none."""

        @property
        def solution_vjp(self) -> SolutionVJP | None:
            """What differentiates solutions in the objective; by default nothing does."""

        @property
        def normal_cones(self) -> FindsNormalCones | None:
            """What finds the scores for which solutions are best; by default that is not known."""

        @property
        def row_shapes(self) -> RowShapes | None:
            """How much of a padded objective is a row's own; by default all of it is."""

        @property
        def blocks(self) -> BlockLayout | None:
            """The blocks of an objective; by default it is one tensor."""

        @property
        def labels(self) -> Labels | None:
            """Names of the entries of an objective; by default they have none."""
    else:
        objective_shape = (None,)
        homogeneous = True
        any_size = False
        fixed_terms = None
        solution_vjp = None
        normal_cones = None
        row_shapes = None
        blocks = None
        labels = None

    def close(self) -> None:
        """Nothing to free, by default."""


class AwaitingInstance(BasePrepared):
    """What `prepare` returns as long as the instance is missing: rows bring their own, in groups that share one.

    Args:
        who: the solver, for messages.
        missing: "expected a problem, found none".
        parameters: what to give, for the hint: "problem=...".
    """

    def __init__(self, who: str, missing: str, parameters: str) -> None:
        self._error = who, missing, parameters

    @property
    def blocks(self) -> BlockLayout | None:
        """Not known yet.

        Raises:
            InstanceError: always.
        """
        raise missing_instance(*self._error)

    @property
    def labels(self) -> Labels | None:
        """Not known yet.

        Raises:
            InstanceError: always.
        """
        raise missing_instance(*self._error)

    def solve(self, objective: Any, **rows: Any) -> SolveResult:
        """Say what is missing, whatever `objective` and `rows` are.

        Raises:
            InstanceError: always.
        """
        raise missing_instance(*self._error)


def missing_instance(who: str, missing: str, parameters: str) -> InstanceError:
    """The error where neither the layer nor the call gave what rows need. It is returned, not raised.

    Args:
        who: the solver, for the message.
        missing: what is missing, such as "capacity missing".
        parameters: what to give, for the hint: "capacity=...".
    """
    return InstanceError(
        f"{who}: {missing}", hint=f"give {parameters} to imle.layer for all rows, or to the call, one per row"
    )
