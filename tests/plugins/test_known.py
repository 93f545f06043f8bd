"""The ids that errors can name without their plugin are those of this repository's plugins."""

from __future__ import annotations

from pathlib import Path

from imle.plugins import PluginState, solvers
from imle.plugins.known import KNOWN

PLUGINS = {folder.name for folder in (Path(__file__).parents[2] / "plugins").iterdir() if folder.is_dir()}


def test_known_ids_are_the_repositorys():
    ours = {record.id: record.distribution for record in solvers() if record.distribution in PLUGINS}
    assert ours == KNOWN
    assert all(record.state is PluginState.OK for record in solvers() if record.distribution in PLUGINS)
