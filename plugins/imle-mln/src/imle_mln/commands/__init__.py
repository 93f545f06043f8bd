"""`imle mln`: a file per command."""

from __future__ import annotations

import click

from imle_mln.commands.engines import engines_command
from imle_mln.commands.explain import explain_command
from imle_mln.commands.ground import ground_command
from imle_mln.commands.learn import learn_command
from imle_mln.commands.map import map_command
from imle_mln.commands.marginals import marginals_command


@click.group()
def mln() -> None:
    """Markov Logic Networks: most probable worlds, probabilities of atoms, and weights learned from data.

    Programs (.mln) and evidence (.db) are Alchemy's, with what pracmln, RockIt, Tuffy, LoMRF and ProbCog add.

    \b
    Examples:
      imle mln map smokers.mln friends.db
      imle mln marginals smokers.mln friends.db
      imle mln learn smokers.mln train.db -o learned.mln
    """


for command in (
    map_command,
    marginals_command,
    explain_command,
    learn_command,
    ground_command,
    engines_command,
):
    mln.add_command(command)
