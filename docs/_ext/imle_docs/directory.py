"""The plugin directory: what is installed, what could be."""

from __future__ import annotations

from collections import defaultdict

from imle.plugins import PluginState, estimators, solvers
from imle.plugins.known import KNOWN, KNOWN_COMMANDS
from imle_docs.entries import PARTS, Entry, entries
from imle_docs.readmes import readmes
from imle_docs.solvers import usable
from imle_docs.text import code, command, link, page, plain, table


def directory_page() -> str:
    """`plugins/index.md`."""
    pages = "\n".join(readmes())
    return page(
        "Plugin directory",
        "A plugin is a distribution with an entry point in the group `imle.solvers`, `imle.estimators` or "
        "`imle.commands`. [Write one](../write-a-plugin.md), and `imle list-solvers` shows it.",
        "## Plugins of this repository\n",
        table(("plugin", "solvers", "commands", "install"), _distributions()),
        "## Plugins of others\n",
        _entries(entries()),
        "Yours? [Add one file](../write-a-plugin.md#be-found).",
        _others(),
        "## Solvers that are known but not installed\n",
        _missing(),
        "## Gradient rules\n",
        "[Which one?](../choosing-an-estimator.md)",
        table(("id", "noise", "extra solves", "for", "", "source"), _estimators()),
        f"```{{toctree}}\n:hidden:\n\n{pages}\n```\n",
    )


def _distributions() -> list[tuple[str, str, str, str]]:
    ids = defaultdict(list)
    for name, distribution in KNOWN.items():
        ids[distribution].append(name)
    pages, have = readmes(), {record.id for record, _ in usable()}
    return [
        (
            f"[{name}]({name}.md)" if name in pages else name,
            ", ".join(f"[{i}](../solvers/{i}.md)" if i in have else code(i) for i in ids[name]),
            ", ".join(code(f"imle {known}") for known, owner in KNOWN_COMMANDS.items() if owner == name),
            command(f"pip install {name}"),
        )
        for name in sorted({*ids, *pages})
    ]


def _entries(found: list[Entry]) -> str:
    """Plugins of third parties, as they describe themselves."""
    if not found:
        return "None has been added yet."
    rows = [
        (
            f"{plain(entry.name)} {link(entry.url)}",
            plain(f"{entry.summary} ({entry.licence}; api {entry.api_version})"),
            ", ".join(code(known) for part in PARTS for known in getattr(entry, part)),
            command(f"pip install {entry.name}"),
        )
        for entry in found
    ]
    return table(("plugin", "", "brings", "install"), rows)


def _others() -> str:
    """Plugins of this machine that are not of this repository, or that do not work."""
    rows = [
        (code(r.qualified_id), plain(f"{r.state}: {r.reason}" if r.reason else str(r.state)), code(r.fix))
        for r in solvers()
        if KNOWN.get(r.id) != r.distribution or r.state is not PluginState.OK
    ]
    if not rows:
        return ""
    return "## Others on the machine that built these pages\n\n" + table(("solver", "state", "what mends it"), rows)


def _missing() -> str:
    """Ids that errors can name though nothing announces them."""
    installed = {record.id for record in solvers()}
    rows = [(code(i), command(f"pip install {d}")) for i, d in sorted(KNOWN.items()) if i not in installed]
    what = "`imle.layer` names the command that installs a solver it knows but does not find. "
    if not rows:
        return what + f"All {len(KNOWN)} of them were installed where these pages were built."
    return what + "Where these pages were built:\n\n" + table(("id", "install"), rows)


def _estimators() -> list[tuple[str, str, str, str, str, str]]:
    specs = [record.spec for record in estimators() if record.spec]
    return [
        (
            code(spec.id),
            "yes" if spec.stochastic else "none",
            str(spec.solves),
            plain(spec.problem or "any"),
            plain(spec.summary),
            plain(spec.source),
        )
        for spec in specs
    ]
