"""Every error imle raises on purpose. Torch-free, so that workers and the CLI can import it."""

from __future__ import annotations

from imle._text import printable


class ImleError(Exception):
    """Root of all imle errors.

    Args:
        message: what was expected, what was found, and where.
        hint: what to do about it, if there is anything; shown on a line of its own.
        row: the row of the `[N, *shape]` batch a solver was given that is to blame, if it is a single one. The
            layer turns it into the row and sample of the user's batch.
    """

    def __init__(self, message: str, *, hint: str | None = None, row: int | None = None) -> None:
        message = printable(message)
        super().__init__(message)
        self.message = message
        self.hint = printable(hint) if hint else None
        self.row = row

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  hint: {self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        # Exception's own pickling would drop the keyword arguments and, with them, the hint.
        return (_rebuild, (type(self), self.message, self.hint, self.row))


def _rebuild(cls: type[ImleError], message: str, hint: str | None, row: int | None) -> ImleError:
    return cls(message, hint=hint, row=row)


class UnknownSolverError(ImleError):
    """No installed solver has the id that was asked for."""


class SolverUnavailableError(ImleError):
    """The solver is known, but its plugin cannot be used: broken, disabled, conflicting, missing a dependency."""


class PluginError(ImleError):
    """A plugin breaks the contract of `imle.plugins` (its hook, its specs or the class they name)."""


class OptionError(ImleError, TypeError):
    """An option or instance parameter is unknown, missing or of the wrong type."""


class InstanceError(ImleError, ValueError):
    """The instance (graph, k, constraints, ...) does not describe a feasible set."""


class ObjectiveError(ImleError, ValueError):
    """The objective given to a layer has the wrong shape, type or non-finite entries."""


class SolveError(ImleError, RuntimeError):
    """At least one row was not solved and the layer's `on_failure` policy is "raise"."""


class SecondDerivativeError(ImleError, RuntimeError):
    """The gradient of a solver layer was to be differentiated again."""


class ForwardModeError(ImleError, NotImplementedError):
    """A solver layer was to be differentiated in forward mode."""


class SolverContractError(ImleError, RuntimeError):
    """A solver returned something the protocol does not allow, such as the wrong number of rows."""


class SolverWarning(UserWarning):
    """A solver did something the user should know about, such as clipping negative costs."""
