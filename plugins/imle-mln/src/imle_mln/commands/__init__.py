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
    """Markov Logic Networks: most probable worlds, probabilities, learning, and what grounding makes of a program."""


for command in (
    map_command,
    marginals_command,
    explain_command,
    learn_command,
    ground_command,
    engines_command,
):
    mln.add_command(command)
