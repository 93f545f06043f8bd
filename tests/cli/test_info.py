"""`imle info`: everything known about one solver, whatever its state."""

from __future__ import annotations

import json

import pytest

EVERYTHING = ("good", "broken", "clashing", "incompatible", "missing-dependency", "imle-topk")

GOOD = """\
fixture-argmax: The largest of n scores, one-hot

  status        ok
  problem       one of n
  sense         max: objectives are scores, the largest total wins
  answers       exact: solutions are proven optimal
  distribution  imle-fixture-good 1.2
  qualified id  imle-fixture-good/fixture-argmax
  entry point   fixture-argmax = imle_fixture_good.plugin
  solver class  imle_fixture_good.argmax:ArgmaxSolver
  requires      numpy
  licence       MIT
  url           not stated

options: how the solver works
  name  type  default  meaning
  ties  str   'first'  which of several largest scores wins; one of 'first', 'last'

capabilities
  arrays                    numpy: float64, C-contiguous
  thread-safe               no
  releases the GIL          no
  warm start                no
  derivatives of solutions  no
  negative objectives       solved exactly

example
import torch, imle
layer = imle.layer("fixture-argmax", ties="last")
print(layer.eval()(torch.tensor([[1.0, 3.0, 3.0]])))
"""


def test_text(imle, only):
    only("good")
    assert imle("info", "fixture-argmax") == (0, GOOD, "")


def test_blocks(imle, only):
    only("chain")
    lines = imle("info", "fixture-chain").out.splitlines()
    at = lines.index("blocks: y, n = layer(unary, transitions)")
    assert [line.split()[:4] for line in lines[at + 2 : at + 4]] == [
        ["unary", "y", "yes", "no"],
        ["transitions", "n", "no", "yes"],
    ]
    found = json.loads(imle("info", "fixture-chain", "--json").out)["solver"]["blocks"]
    assert [(block["name"], block["solution"], block["shared"]) for block in found] == [
        ("unary", "y", False),
        ("transitions", "n", True),
    ]


def test_the_example_runs_as_printed(imle, only, capfd):
    only("good")
    exec(imle("info", "fixture-argmax").out.partition("\nexample\n")[2], {})
    assert capfd.readouterr().out == "tensor([[0., 0., 1.]])\n"


def test_json(imle, only):
    only("good")
    code, out, err = imle("info", "fixture-argmax", "--json")
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert answer["schema"] == 1
    solver = answer["solver"]
    assert (solver["id"], solver["status"], solver["sense"]) == ("fixture-argmax", "ok", "max")
    assert solver["target"] == "imle_fixture_good.argmax:ArgmaxSolver"
    assert solver["instance"] == []
    assert solver["options"] == [
        {
            "name": "ties",
            "type": "str",
            "required": False,
            "default": "first",
            "choices": ["first", "last"],
            "minimum": None,
            "maximum": None,
            "above": None,
            "finite": False,
            "per_row": False,
            "learned": "",
            "dual": "",
            "doc": "which of several largest scores wins",
        }
    ]
    assert solver["capabilities"] == {
        "array": "numpy",
        "thread_safe": False,
        "releases_gil": False,
        "warm_start": False,
        "negative_objectives": True,
        "solution_vjp": False,
    }
    assert solver["requires"] == ["numpy"]


def test_defaults_that_json_does_not_have(imle, only, site):
    only("good")
    plugin = site / "imle_fixture_good" / "plugin.py"
    plugin.write_text(
        plugin.read_text().replace(
            "options=(",
            "options=(Parameter('limit', 'float', float('inf'), 'seconds'), Parameter('kind', 'type', int), "
            "Parameter('must', 'int'), ",
        )
    )
    options = json.loads(imle("info", "fixture-argmax", "--json").out)["solver"]["options"]
    assert [(option["default"], option["required"]) for option in options] == [
        ("inf", False),
        ("<class 'int'>", False),
        (None, True),
        ("first", False),
    ]
    out = imle("info", "fixture-argmax").out
    assert "  limit  float  inf            seconds\n" in out
    assert "  must   int    required\n" in out


def test_instance_parameters_and_rows(imle, only):
    only("imle-topk")
    out = imle("info", "topk").out
    assert "instance parameters: what fixes the feasible set\n" in out
    assert "  k     int   None     together  how many entries to choose; one for all rows or one per row; >= 0\n" in out


@pytest.mark.parametrize("name", ["fixture-broken", "fixture-missing", "fixture-future"])
def test_unusable_solvers_are_described_as_far_as_known(imle, only, name):
    only(*EVERYTHING)
    code, out, err = imle("info", name)
    assert (code, err) == (0, "")
    known = json.loads(imle("info", name, "--json").out)["solver"]
    assert f"  status        {known['status']}\n  reason        {known['reason']}\n" in out
    assert known["fix"] in out
    assert ("capabilities" in known) == (name != "fixture-broken")


def test_a_conflict_needs_the_qualified_id(imle, only):
    only(*EVERYTHING)
    assert imle("info", "topk") == (
        3,
        "",
        "error: solver 'topk': the id is claimed by imle-fixture-clashing and imle-topk\n"
        "hint: use imle-fixture-clashing/topk or imle-topk/topk\n",
    )
    code, out, err = imle("info", "imle-fixture-clashing/topk")
    assert (code, err) == (0, "")
    assert out.startswith("topk: Another top-k, under an id that is taken\n\n  status        conflict\n")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            "fixture-armgax",
            "error: unknown solver 'fixture-armgax'; did you mean fixture-argmax?\nhint: imle list-solvers shows all\n",
        ),
        ("zzz", "error: unknown solver 'zzz'; installed solvers: fixture-argmax\nhint: imle list-solvers shows all\n"),
    ],
)
def test_unknown_solver(imle, only, asked, message):
    only("good")
    assert imle("info", asked) == (3, "", message)


def test_known_solver_that_is_not_installed(bare_imle):
    message = "error: unknown solver 'topk': it is not installed\nhint: pip install imle-topk\n"
    assert bare_imle("info", "topk") == (3, "", message)
