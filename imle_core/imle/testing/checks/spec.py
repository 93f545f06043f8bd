"""The spec is complete and true: what `imle info` shows is what the class does."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from imle._text import named
from imle.plugins import REQUIRED, Parameter, SolverSpec
from imle.testing.examples import run_example
from imle.testing.failure import CheckFailure
from imle.testing.subject import Subject


def check_spec_texts(subject: Subject) -> None:
    """Summary, problem, licence, example and a line on every parameter are there."""
    spec = subject.spec
    texts = {name: getattr(spec, name) for name in ("summary", "problem", "licence", "example")}
    texts |= {f"doc of {parameter.name!r}": parameter.doc for parameter in spec.parameters}
    if empty := [name for name, text in texts.items() if not text.strip()]:
        raise CheckFailure("a text", f"none for {', '.join(empty)}", where=_where(spec), fix="write one line each")


def check_spec_class(subject: Subject) -> None:
    """Sense and array kind are those of the class; solvers are frozen, hashable and comparable."""
    spec, cases = subject.spec, subject.cases
    make: Callable[[], Any] = (lambda: subject.solver(cases[0].instance.options)) if cases else subject.target
    solver, twin = make(), make()
    default = solver if not cases or "sense" not in cases[0].instance.options else None
    if default is not None and solver.sense != spec.sense:
        _disagree("sense", spec.sense, solver.sense, spec)
    if solver.array != spec.capabilities.array:
        _disagree("capabilities.array", spec.capabilities.array, solver.array, spec)
    try:
        equal = solver == twin and hash(solver) == hash(twin)
    except TypeError as error:
        raise CheckFailure(
            "a hashable solver: it is half of the recipe workers rebuild from",
            str(error),
            where=spec.target,
            fix=_FROZEN,
        ) from None
    if not equal:
        raise CheckFailure(
            "two solvers with the same options to be equal", "two that differ", where=spec.target, fix=_FROZEN
        )


_FROZEN = "decorate the class with @dataclass(frozen=True)"


def check_spec_options(subject: Subject) -> None:
    """Every option exists, with the announced default; every choice is taken; none is left out."""
    spec = subject.spec
    _agree("option", spec.options, _parameters(subject.target), f"{spec.target}(...)")
    needed = {option.name for option in spec.options if option.required}
    given = {name: value for i in subject.instances[:1] for name, value in i.options.items() if name in needed}
    for option in spec.options:
        for choice in option.choices:
            try:
                subject.target(**{**given, option.name: choice})
            except Exception as error:
                raise CheckFailure(
                    f"{option.name}={choice!r} to be taken, for it is one of choices",
                    named(error),
                    where=f"{spec.target}(...)",
                    fix="take the choice out of the spec, or let the class accept it",
                ) from error


def check_spec_instance(subject: Subject) -> None:
    """Every instance parameter exists, with the announced default; row parameters can be given per row, and are."""
    spec = subject.spec
    method = subject.target.prepare if not isinstance(subject.target, type) else None
    parameters = _parameters(method) if method else _parameters(subject.target.prepare)[1:]
    _agree("instance parameter", spec.instance, parameters, f"{spec.target}.prepare(...)")
    rows = [parameter.name for parameter in spec.instance if parameter.per_row]
    if not (rows and subject.cases):
        return
    prepared = subject.cases[0].prepare()
    taken = _parameters(prepared.solve)
    prepared.close()
    names = {parameter.name for parameter in taken}
    missing = [name for name in rows if name not in names]
    if missing and not any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken):
        raise CheckFailure(
            f"solve(objective, *, {', '.join(f'{name}=None' for name in rows)})",
            f"no {', '.join(missing)}",
            where=f"{type(prepared).__name__}.solve, whose spec says per_row=True",
            fix="take one value per row, or leave per_row out of the spec",
        )
    mixed = {name for case in subject.cases for name in case.instance.rows}
    if unmixed := [name for name in rows if name not in mixed]:
        raise CheckFailure(
            "values of each row parameter, in rows= of some instance",
            f"none of {', '.join(unmixed)}",
            where=f"instances of {spec.id}, whose spec says per_row=True",
            fix=f"Instance(..., rows={{{unmixed[0]!r}: [one value, another one]}}) has rows compared with rows alone",
        )


def check_example(subject: Subject) -> None:
    """The example runs."""
    try:
        run_example(subject.spec)
    except Exception as error:
        raise CheckFailure(
            "code that runs as it is",
            named(error),
            where=f"example of {subject.spec.id}",
            fix="mend the example: users copy it from imle info",
        ) from error


def _where(spec: SolverSpec) -> str:
    return f"spec of {spec.id}"


def _disagree(name: str, announced: Any, found: Any, spec: SolverSpec) -> None:
    raise CheckFailure(
        f"{announced!r}, as the spec says", repr(found), where=f"{name} of {spec.target}", fix="make them agree"
    )


def _parameters(function: Any) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


def _agree(kind: str, announced: Iterable[Parameter], found: list[inspect.Parameter], where: str) -> None:
    """Names and defaults of the spec are those of the signature, and the other way round."""
    anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in found)
    real = {p.name: p for p in found if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    names = set()
    for parameter in announced:
        names.add(parameter.name)
        if parameter.name not in real:
            if anything:
                continue
            raise CheckFailure(
                f"the {kind} {parameter.name!r} of the spec",
                f"only {', '.join(real) or 'none'}",
                where=where,
                fix="take it out of the spec, or let the class accept it",
            )
        default = real[parameter.name].default
        default = REQUIRED if default is inspect.Parameter.empty else default
        if not _equal(parameter.default, default):
            raise CheckFailure(
                f"{parameter.default!r}, the default in the spec",
                repr(default),
                where=f"{kind} {parameter.name!r} of {where}",
                fix="make the defaults agree",
            )
    if hidden := [name for name in real if name not in names]:
        raise CheckFailure(
            f"every {kind} in the spec",
            f"{', '.join(hidden)} only in the class",
            where=where,
            fix="announce it with imle.Parameter, or users cannot reach it",
        )


def _equal(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and repr(one) == repr(other)) or bool(one == other)
