"""What `imle check` checks."""

from __future__ import annotations

from imle.testing import CHECKS
from imle_docs.text import code, plain, table


def checks_part() -> str:
    """One table per theme, in the order of the checks."""
    parts = []
    for theme in dict.fromkeys(check.theme for check in CHECKS):
        rows = [(code(check.name), plain(check.summary), check.per) for check in CHECKS if check.theme == theme]
        parts.append(f"### {theme.capitalize()}\n\n" + table(("check", "", "once per"), rows))
    return f"There are {len(CHECKS)} checks.\n\n" + "\n".join(parts)
