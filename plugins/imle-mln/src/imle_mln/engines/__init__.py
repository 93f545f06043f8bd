"""The engines that solve components of ground networks: one file and one line each, known here without being imported.

To add one, write a `ComponentSolver` (see `imle_mln.inference.components`) and describe it by an `EngineSpec`: among
the lines below, or by `register` from another package.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from imle.errors import OptionError, SolverUnavailableError

if TYPE_CHECKING:
    from imle_mln.inference.components import Components, ComponentSolver, Options
    from imle_mln.inference.partition import Partition
    from imle_mln.network import Bools

AUTO = "auto"
TINY = 8
"""Components of up to so many atoms are enumerated without being asked to be."""
MOST = 20
"""Atoms of the largest component that can be enumerated."""
SMALL, SPARSE = 100, 10
"""Up to so many variables, and large clauses for each, toulbar2 proves optima sooner than nodes on a relaxation do."""
HEAVY = 7000
"""A relaxation of so many columns, after dead-end elimination, takes many seconds; until it ends there is no state."""
NODES = 150
"""After so many nodes on its relaxation HiGHS turns to its own branch and bound, or to another engine."""


def everything(parts: Partition) -> Bools:
    """All components."""
    return parts.sizes > 0


@dataclass(frozen=True, eq=False)
class EngineSpec:
    """One way to solve components, for weights of both signs, hard clauses and exactly-one blocks.

    Args:
        name: what `engine=` and `cross_check=` call it.
        target: "package.module:name" of what makes a `ComponentSolver` of `Components` and `Options`; imported when
            it is asked for, and under "auto" when there is a component for it.
        how: what it does, in a few words.
        where: which components engine="auto" gives it, in words.
        can: which components it can solve, `[components]`, by what is counted of them.
        needs: the same in words, for the error where it is asked for and cannot.
        auto: which of these engine="auto" gives it, if no engine before it took them; what takes `everything` is asked
            last. None: none of them.
        takes_over: which of these "auto" gives it where HiGHS' relaxation is fractional; None: none of them.
        after: how many nodes on the relaxation come before that; of several engines, that after the fewest takes over.
        heavy: which of these "auto" gives it instead of a relaxation of more than `HEAVY` columns, if time is limited.
        finest: whether it takes over components whose coefficients differ too much in size for HiGHS, too.
        timed: whether it keeps a time limit.
        exact: whether it proves its states to be best, given the time.
        requires: modules it needs besides those that imle-mln depends on; they are looked up, not imported.
        extra: the extra of imle-mln that installs these.
    """

    name: str
    target: str
    how: str
    where: str = "where asked for"
    can: Callable[[Partition], Bools] = everything
    needs: str = ""
    auto: Callable[[Partition], Bools] | None = None
    takes_over: Callable[[Partition], Bools] | None = None
    after: int = 0
    heavy: Callable[[Partition], Bools] | None = None
    finest: bool = False
    timed: bool = True
    exact: bool = True
    requires: tuple[str, ...] = ()
    extra: str = ""

    @property
    def general(self) -> bool:
        """Whether it can solve any component, with a proof."""
        return self.can is everything and self.exact

    @property
    def decided(self) -> str:
        """The event by which an engine counts components that it has handed on to this one."""
        return f"decided_by_{self.name.replace('-', '_')}"

    @property
    def missing(self) -> tuple[str, ...]:
        """The modules it needs that are not installed."""
        return tuple(name for name in self.requires if find_spec(name) is None)

    def require(self) -> None:
        """Refuse it if its packages are not installed.

        Raises:
            SolverUnavailableError: with the pip line that installs them.
        """
        if self.missing:
            raise SolverUnavailableError(
                f"mln: engine={self.name!r} needs {' and '.join(self.missing)}, which cannot be imported",
                hint=f"pip install 'imle-mln[{self.extra}]'" if self.extra else None,
            )

    def load(self) -> Callable[[Components, Options], ComponentSolver]:
        """What makes solvers of components; imports the engine."""
        module, _, name = self.target.partition(":")
        loaded: Any = getattr(importlib.import_module(module), name)
        made: Callable[[Components, Options], ComponentSolver] = loaded
        return made


_LINES = (
    EngineSpec(
        "min-cut",
        "imle_mln.engines.min_cut:MinCut",
        how="max-flow, fixed point",
        where="pairwise and submodular, perhaps after flipping atoms: implications with w > 0, Ising",
        can=lambda parts: parts.balanced,
        needs="couplings that flipping atoms makes positive (a submodular energy)",
        auto=lambda parts: parts.balanced,
        timed=False,
    ),
    EngineSpec(
        "enumeration",
        "imle_mln.engines.enumeration:Enumeration",
        how="all states at once",
        where=f"up to {TINY} atoms ({MOST} if asked for)",
        can=lambda parts: parts.sizes <= MOST,
        needs=f"at most {MOST} atoms in each component",
        auto=lambda parts: parts.sizes <= TINY,
    ),
    EngineSpec(
        "highs",
        "imle_mln.engines.highs:highs",
        how="warm LP, rows added as they are violated; nodes on it, then branch and bound, where it stays fractional",
        where="everything else",
        auto=everything,
    ),
    EngineSpec(
        "cp-sat",
        "imle_mln.engines.cp_sat:cp_sat",
        how="one worker, full linearisation",
        where=f"after {NODES} nodes of HiGHS, in components with at least one clause of three or more literals per "
        "atom, and where weights differ by more than seven orders of magnitude",
        takes_over=lambda parts: parts.clauses >= parts.sizes,
        after=NODES,
        finest=True,
    ),
    EngineSpec(
        "toulbar2",
        "imle_mln.engines.toulbar2:Toulbar2",
        how="cost function networks: a block is one variable with a value per atom",
        where=f"if installed, where HiGHS' relaxation is fractional, in components of up to {SMALL} atoms, those of a "
        f"block counted as one, with up to {SPARSE} clauses of three or more literals for each; and in "
        f"those with blocks whose relaxation has more than {HEAVY:,} columns, if there is a time limit",
        takes_over=lambda parts: (parts.variables <= SMALL) & (parts.clauses <= SPARSE * parts.variables),
        heavy=lambda parts: parts.variables < parts.sizes,
        requires=("pytoulbar2",),
        extra="toulbar2",
    ),
    EngineSpec(
        "rc2",
        "imle_mln.engines.rc2:RC2",
        how="python-sat's core-guided MaxSAT",
        requires=("imle_pysat", "pysat"),
        extra="rc2",
    ),
    EngineSpec(
        "local",
        "imle_mln.engines.local:Local",
        how="a heuristic: states built by unit propagation, expansion moves, annealing with moves in blocks, "
        "MaxWalkSAT, large neighbourhoods; feasible, with a bound",
        exact=False,
    ),
)
_ENGINES = {line.name: line for line in _LINES}


def register(engine: EngineSpec) -> None:
    """Make an engine known. Do so before solvers are looked up for the first time:
    the spec of `mln-map` lists the engines there are when it is read.

    Raises:
        OptionError: its name is taken, or the spec has been read.
    """
    if engine.name in (AUTO, *_ENGINES):
        raise OptionError(f"mln: expected an engine with a name of its own, found {engine.name!r} again")
    if "imle_mln.spec" in sys.modules:
        raise OptionError(
            f"mln: engine {engine.name!r} comes too late: the spec of mln-map has been read",
            hint="register engines before the first imle.layer(...) and before imle_mln.spec is imported",
        )
    _ENGINES[engine.name] = engine


def engines() -> tuple[EngineSpec, ...]:
    """All engines."""
    return tuple(_ENGINES.values())


def choices() -> tuple[str, ...]:
    """What `engine=` may be."""
    return (AUTO, *_ENGINES)


def find(name: str) -> EngineSpec:
    """The engine of this name.

    Raises:
        OptionError: there is none.
        SolverUnavailableError: its packages are not installed.
    """
    if name not in _ENGINES:
        raise OptionError(f"mln: engine: expected one of {', '.join(choices())}, found {name!r}")
    _ENGINES[name].require()
    return _ENGINES[name]
