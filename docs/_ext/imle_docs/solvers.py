"""One page per solver, made of its spec."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from imle._text import written
from imle.plugins import Block, Parameter, PluginState, SolverRecord, SolverSpec, solvers
from imle_docs.readmes import readmes
from imle_docs.text import block, code, link, page, plain, table

_SENSES = {"min": "costs: the smallest total wins", "max": "scores: the largest total wins"}
_ARRAYS = {
    "numpy": "a float64 array, in this process or another one",
    "torch": "a tensor on the layer's own device, in its dtype",
}
_ABILITIES = {
    "thread_safe": "one prepared solver may solve in several threads at once",
    "releases_gil": "threads speed it up: `executor=2` means threads, not processes",
    "warm_start": "backward solves start from the forward solutions",
    "solution_vjp": 'solutions move with the objective: `estimator="implicit"` differentiates them',
    "negative_objectives": "entries of any sign are solved exactly",
}


def usable() -> list[tuple[SolverRecord, SolverSpec]]:
    """What has a page: the solvers of this machine that can be used."""
    return [(record, record.spec) for record in solvers() if record.spec and record.state is PluginState.OK]


def solver_pages() -> dict[str, str]:
    """`solvers/<id>.md`, and `solvers/index.md` which lists them."""
    pages = {f"solvers/{record.id}.md": solver_page(record, spec) for record, spec in usable()}
    rows = [(f"[{r.id}]({r.id}.md)", plain(s.problem), s.sense, plain(s.summary)) for r, s in usable()]
    names = "\n".join(record.id for record, _ in usable())
    return {
        **pages,
        "solvers/index.md": page(
            "Solvers",
            "All in one table; [which one?](../choosing-a-solver.md) Their pages say what `imle info ID` says.",
            table(("id", "problem", "sense", ""), rows),
            f"```{{toctree}}\n:hidden:\n\n{names}\n```\n",
        ),
    }


def solver_page(record: SolverRecord, spec: SolverSpec) -> str:
    """What a spec says."""
    return page(
        record.id,
        f"{plain(spec.summary)}.",
        block("sh", f"pip install {record.distribution}"),
        block("python", spec.example) if spec.example else "",
        table(("", ""), _facts(record, spec)),
        "## Instance parameters\n",
        "They fix the feasible set; a parameter may also be given per row, when the layer is called.",
        _parameters(spec.instance),
        *_blocks(spec.blocks),
        "## Options\n",
        "They say how the solver works, and are given to `imle.layer`.",
        _parameters(spec.options),
        "## Capabilities\n",
        table(("", "", ""), _capabilities(spec)),
        "The conformance kit [checks](../conformance.md) each of them: " + code(f"imle check {record.id}") + ".",
    )


def _facts(record: SolverRecord, spec: SolverSpec) -> Iterator[tuple[str, str]]:
    yield "problem", plain(spec.problem)
    yield "objective", _SENSES[spec.sense]
    proven = f"proven optimal{f' ({plain(spec.tolerances)})' if spec.tolerances else ''} unless a status says otherwise"
    yield "solutions", proven if spec.exact else "heuristic"
    readme = record.distribution if record.distribution in readmes() else "index"
    yield "plugin", f"[{plain(record.distribution)}](../plugins/{readme}.md) {plain(record.version)}"
    yield "class", code(spec.target)
    yield "imports", ", ".join(map(code, spec.requires)) or "nothing but imle's own requirements"
    yield "licence", plain(spec.licence or "not stated")
    if spec.url:
        yield "backend", link(spec.url)


def _parameters(parameters: Sequence[Parameter]) -> str:
    if not parameters:
        return "None.\n"
    return table(("name", "type", "default", ""), map(parameter_row, parameters))


def parameter_row(parameter: Parameter) -> tuple[str, str, str, str]:
    """Name, type, default and what it means."""
    default = "required" if parameter.required else code(written(parameter.default))
    notes = [plain(parameter.doc)]
    if parameter.choices:
        notes.append("one of " + ", ".join(code(written(choice)) for choice in parameter.choices))
    if parameter.range:
        notes.append(plain(parameter.range))
    if parameter.per_row:
        notes.append("rows that differ in it are solved together")
    if parameter.learning:
        notes.append(parameter.learning)
    return code(parameter.name), code(parameter.type), default, "; ".join(note for note in notes if note)


def _blocks(blocks: Sequence[Block]) -> Iterator[str]:
    if not blocks:
        return
    yield "## Blocks\n"
    yield "An objective consists of several tensors: see [blocks](../concepts.md#blocks)."
    names = ("name", "in solutions", "takes noise", "may be one for all rows", "")
    yield table(
        names,
        [
            (code(b.name), code(b.solution), "yes" if b.noise else "no", "yes" if b.shared else "no", plain(b.doc))
            for b in blocks
        ],
    )


def _capabilities(spec: SolverSpec) -> Iterator[tuple[str, str, str]]:
    able = spec.capabilities
    yield code("array"), able.array, f"a batch is {_ARRAYS[able.array]}"
    for name, meaning in _ABILITIES.items():
        yield code(name), "yes" if getattr(able, name) else "no", meaning
