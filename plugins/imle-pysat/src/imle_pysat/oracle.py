"""RC2 as one call: hard clauses and rewards in, a model out, within a time limit."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from pysat.examples.rc2 import RC2, RC2Stratified
from pysat.formula import WCNF
from pysat.solvers import Solver, pysolvers

from imle_pysat.formula import Clause


class Best(NamedTuple):
    """What RC2 found.

    Attributes:
        model: the literals that are true; None if time ran out before there was any.
        proven: whether no model gains more.
        missed: every model misses rewards of this sum at least; those of a model that is proven to be the best.
    """

    model: list[int] | None
    proven: bool
    missed: int


SAT_SOLVER = "g3"
"""Glucose 3: fast at starting anew, and it can be interrupted."""
_AGAIN = 0.02
"""Seconds between interruptions: RC2 forgets one that comes between two of its levels."""


class _Stratified(RC2Stratified):  # type: ignore[misc]  # pysat has no types
    """Keeps the model of the last finished level: it satisfies all hard clauses."""

    incumbent: list[int] | None = None

    def finish_level(self) -> None:
        self.incumbent = self.oracle.get_model()
        super().finish_level()


class _Plain(RC2):  # type: ignore[misc]
    incumbent: list[int] | None = None


def best_model(
    hard: Sequence[Clause],
    rewards: dict[int, int],
    variables: int,
    *,
    stratified: bool,
    time_limit: float | None,
) -> Best:
    """The model of hard clauses with the greatest sum of rewards.

    Args:
        hard: satisfiable clauses.
        rewards: positive ones, by literal.
        variables: how many there are.
        stratified: whether heavy rewards are settled first.
        time_limit: seconds.
    """
    if not hard and not rewards:
        return Best([], True, 0)
    formula = WCNF()
    formula.hard = list(hard)
    formula.soft = [[literal] for literal in rewards]
    formula.wght = list(rewards.values())
    formula.nv = variables
    formula.topw = sum(formula.wght) + 1
    kind = _Stratified if stratified and rewards else _Plain  # without rewards there are no levels
    with kind(formula, solver=SAT_SOLVER, adapt=True, minz=True) as rc2:
        with _interrupted(rc2, time_limit), _ctrl_c():
            # told to expect interruptions, pysat leaves Python's signals and the GIL alone
            model = rc2.compute(expect_interrupt=True)
        return Best(rc2.incumbent if model is None else model, model is not None, int(rc2.cost))


def any_model(hard: Sequence[Clause], time_limit: float | None) -> tuple[list[int] | None, bool]:
    """Some model of hard clauses, and whether the answer is certain: without a model it may have run out of time."""
    with Solver(name=SAT_SOLVER, bootstrap_with=list(hard)) as solver:
        with _interrupted(solver, time_limit):
            found = solver.solve_limited(expect_interrupt=True)
        return (solver.get_model() if found else None), found is not None


@contextmanager
def _ctrl_c() -> Iterator[None]:
    """RC2's minimisation of cores does not expect interruptions: there pysat makes an error of its own of Ctrl-C."""
    try:
        yield
    except pysolvers.error as error:
        if "keyboard interrupt" in str(error):
            raise KeyboardInterrupt from None
        raise


@contextmanager
def _interrupted(solver: Any, time_limit: float | None) -> Iterator[None]:
    """Interrupt a solver after a while, again and again until it is done."""
    if time_limit is None:
        yield
        return
    done = threading.Event()

    def watch() -> None:
        waiting = time_limit
        while not done.wait(waiting):
            solver.interrupt()
            waiting = _AGAIN

    watcher = threading.Thread(target=watch, name="maxsat time limit", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
