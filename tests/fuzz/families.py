"""All targets, and how their cases are drawn."""

from __future__ import annotations

from fuzz import clauses, graphs, packing, quadratic, routes, sequences
from fuzz.networks import family as networks
from fuzz.programs import family as programs
from fuzz.running import Draw

DRAWS: dict[str, Draw] = {
    **dict.fromkeys(programs.TARGETS, programs.case),
    **graphs.DRAWS,
    **packing.DRAWS,
    **clauses.DRAWS,
    **sequences.DRAWS,
    **routes.DRAWS,
    **quadratic.DRAWS,
    **dict.fromkeys(networks.TARGETS, networks.case),
}
