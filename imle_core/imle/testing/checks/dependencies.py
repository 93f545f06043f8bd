"""What a spec requires comes with the plugin: who installs it must not be told to install what is installed."""

from __future__ import annotations

import sys
from importlib.metadata import packages_distributions

from imle.plugins.installed import normal, requirements
from imle.testing.failure import CheckFailure
from imle.testing.subject import Subject


def check_requires(subject: Subject) -> None:
    """Every module the spec requires is installed by the plugin's distribution or one it depends on."""
    if not subject.spec.requires:
        return  # reading whose module each is takes longer than most checks
    distribution = str(subject.given).rpartition("/")[0]
    installed = _with_dependencies(distribution)
    owners = packages_distributions()
    for module in subject.spec.requires:
        first = module.partition(".")[0]
        # metadata of editable installs do not tell their modules: then the name must do
        names = {normal(name) for name in owners.get(first, [first])}
        if first not in sys.stdlib_module_names and not names & installed:
            raise CheckFailure(
                f"{module!r} to be installed with {distribution}",
                f"{' or '.join(sorted(names))} is none of its dependencies",
                where=f"requires of the spec of {subject.spec.id}",
                fix=f"name it in dependencies in the pyproject.toml of {distribution}, or take it out of requires",
            )


def _with_dependencies(distribution: str) -> set[str]:
    """Names of a distribution and of all that are installed with it."""
    found: set[tuple[str, str]] = set()
    waiting = [(normal(distribution), "")]
    while waiting:
        name, extra = one = waiting.pop()
        if one in found:
            continue
        found.add(one)
        for needed in requirements(name):
            if needed.extra == extra:
                waiting += [(needed.name, part) for part in ("", *needed.extras)]
    return {name for name, _ in found}
