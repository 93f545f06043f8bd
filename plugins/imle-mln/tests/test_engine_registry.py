"""An engine is one file and one line: what is known of engines is read from their lines and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from imle.errors import OptionError
from imle_mln import engines
from imle_mln.commands.engines import engines_command
from imle_mln.engines import EngineSpec
from imle_mln.spec import MAP

README = Path(__file__).parents[1] / "README.md"
BRUTE_FORCE = '''
import numpy as np
from imle.solvers import SolveStatus
from imle_mln.inference.components import EngineResult
from imle_mln.inference.encoding import Encoding


class BruteForce:
    """All states of all components at once; fewest true atoms first."""

    def __init__(self, components, options):
        self.atoms = components.atoms
        self.encoding = Encoding(components)
        states = (np.arange(1 << len(self.atoms))[:, None] >> np.arange(len(self.atoms))) & 1 == 1
        self.states = [one for one in states[np.argsort(states.sum(axis=1), kind="stable")]
                       if not len(self.encoding.rows.broken(self.encoding.complete(one)))]

    def solve(self, coefficients, clock):
        if not self.states:
            return EngineResult(SolveStatus.INFEASIBLE)
        costs = self.encoding.costs(coefficients)
        best = min(self.states, key=lambda one: self.encoding.complete(one) @ costs)
        return EngineResult(SolveStatus.OPTIMAL, best, 0.0)
'''
USE = """
import imle_mln.engines as engines
engines.register(engines.EngineSpec("brute", "brute_force:BruteForce", how="all states at once",
                                auto=lambda parts: parts.sizes == 9))
import imle, torch
assert "brute" in engines.choices()
program = '''
thing = {A, B, C}
kind = {Red, Green}
Likes(thing, thing)
Has(thing, kind!)
0.7 Likes(x,y) ^ Has(x,k) => Has(y,k)
-0.2 Likes(x,y)
Likes(x,y) => !Likes(y,x).
Likes(x,y) => Has(x,Red) v Has(y,Green) v Has(x,Green).
'''
evidence = "".join(f"!Likes({x},{x})\\n" for x in "ABC")
torch.manual_seed(0)
brute, auto = (imle.layer("mln-map", program=program, evidence=evidence, engine=name, cross_check=check).eval()
               for name, check in (("brute", "highs"), ("auto", "cp-sat")))
unary = torch.randn(6, auto(torch.zeros(1, 1).new_zeros(1, len(auto.labels["unary"])))[0].shape[-1])
for one, other in zip(brute(unary), auto(unary), strict=True):
    torch.testing.assert_close(one, other)
print(dict(brute.stats.events), dict(auto.stats.events))
"""


@pytest.mark.slow
def test_an_engine_of_ones_own_is_a_file_and_a_line(tmp_path):
    (tmp_path / "brute_force.py").write_text(BRUTE_FORCE)
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{USE}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("'brute_components'") == 2  # asked for, and by auto, before what takes everything


def test_names_are_taken_once_and_in_time():
    with pytest.raises(OptionError, match="expected an engine with a name of its own, found 'highs' again"):
        engines.register(EngineSpec("highs", "a:b", how=""))
    with pytest.raises(OptionError, match="engine 'brute' comes too late"):
        engines.register(EngineSpec("brute", "a:b", how=""))
    assert "brute" not in engines.choices()


def test_the_lines_are_what_users_are_told():
    (option,) = (option for option in MAP.options if option.name == "engine")
    assert option.choices == engines.choices()
    assert option.default == engines.AUTO
    rows = README.read_text()
    for engine in engines.engines():
        extra = f"; `pip install 'imle-mln[{engine.extra}]'`" if engine.extra else ""
        assert f"| `{engine.name}` | {engine.where}{extra} | {engine.how} |" in rows


def test_the_command_lists_the_lines_and_what_is_missing(monkeypatch):
    run = CliRunner().invoke
    rows = json.loads(run(engines_command, ["--json"]).stdout)
    assert tuple(rows) == engines.choices()[1:]
    assert [name for name, row in rows.items() if not row["time_limit"]] == ["min-cut"]
    assert not any(row["missing"] for row in rows.values())
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "pytoulbar2" else object())
    assert json.loads(run(engines_command, ["--json"]).stdout)["toulbar2"]["missing"] == ["pytoulbar2"]
    shown = run(engines_command, []).stdout
    assert "missing pytoulbar2: pip install 'imle-mln[toulbar2]'" in " ".join(shown.split())


def test_auto_leaves_no_component_without_an_engine():
    assert any(engine.general and engine.auto is engines.everything for engine in engines.engines())
