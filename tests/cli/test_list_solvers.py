"""`imle list-solvers`: the table in pipes and terminals, JSON, filters, and bad plugins."""

from __future__ import annotations

import json
import re

import pytest

from fixtures.install import lay_out, write_dist_info

ALL = ("good", "broken", "clashing", "incompatible", "missing-dependency", "slow-to-import", "imle-topk")

PIPED = """\
id               problem   sense  status              distribution                   summary
fixture-argmax   one of n  max    ok                  imle-fixture-good 1.2          The largest of n scores, one-hot
fixture-broken                    broken              imle-fixture-broken 0.3
fixture-future   one of n  min    incompatible api    imle-fixture-incompatible 7.0  A solver from the future
fixture-missing  one of n  max    missing dependency  imle-fixture-missing 0.1       A solver without its backend
fixture-slow                      disabled            imle-fixture-slow 0.1
topk             k-subset  max    conflict            imle-fixture-clashing 0.1      Another top-k, under an id that is taken
topk             k-subset  max    conflict            imle-topk 0.1.0                The k largest of n scores

fixture-broken: broken: RuntimeError: this plugin breaks on purpose
  fix: IMLE_PLUGINS_STRICT=1 imle --debug list-solvers shows the traceback; then upgrade imle-fixture-broken
fixture-future: incompatible api: made for plugin api 99, this imle has 1
  fix: pip install --upgrade imle
fixture-missing: missing dependency: cannot find the module imle_fixture_absent_backend
  fix: pip install imle-fixture-missing installs what it needs
fixture-slow: disabled: named in IMLE_DISABLE_PLUGINS
  fix: take it out of IMLE_DISABLE_PLUGINS
topk: conflict: the id is claimed by imle-fixture-clashing and imle-topk
  fix: use imle-fixture-clashing/topk or imle-topk/topk
"""  # noqa: E501

NARROW = """\
id               problem   sense  status
fixture-argmax   one of n  max    ok
  imle-fixture-good 1.2 · The largest of n scores, one-hot
fixture-broken                    broken
  imle-fixture-broken 0.3
fixture-future   one of n  min    incompatible api
  imle-fixture-incompatible 7.0 · A solver from the future
fixture-missing  one of n  max    missing dependency
  imle-fixture-missing 0.1 · A solver without its backend
fixture-slow                      disabled
  imle-fixture-slow 0.1
topk             k-subset  max    conflict
  imle-fixture-clashing 0.1 · Another top-k, under an id that is taken
topk             k-subset  max    conflict
  imle-topk 0.1.0 · The k largest of n scores
"""


@pytest.fixture
def all_states(only, monkeypatch):
    """One plugin in each of the six states."""
    monkeypatch.setenv("IMLE_DISABLE_PLUGINS", "fixture-slow")
    only(*ALL)


def without_colour(text):
    return "".join(f"{line.rstrip()}\n" for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines())


@pytest.mark.usefixtures("all_states")
def test_piped_table_has_one_plain_line_per_solver(imle):
    assert imle("list-solvers") == (0, PIPED, "")


@pytest.mark.usefixtures("all_states")
@pytest.mark.parametrize(("columns", "expected"), [(80, NARROW), (140, PIPED.partition("\n\n")[0] + "\n")])
def test_terminal_table_fits_and_is_coloured(imle, terminal, columns, expected):
    terminal(columns)
    code, out, err = imle("list-solvers")
    assert (code, err) == (0, "")
    assert without_colour(out).startswith(expected)
    assert max(len(line) for line in without_colour(out).splitlines()) <= columns
    assert "\x1b[32mok" in out
    assert "\x1b[1;31mbroken" in out


@pytest.mark.usefixtures("all_states")
def test_json_of_every_state(imle):
    code, out, err = imle("list-solvers", "--json")
    assert (code, err) == (0, "")
    answer = json.loads(out)
    assert answer["schema"] == 1
    assert [(row["qualified_id"], row["status"]) for row in answer["solvers"]] == [
        ("imle-fixture-good/fixture-argmax", "ok"),
        ("imle-fixture-broken/fixture-broken", "broken"),
        ("imle-fixture-incompatible/fixture-future", "incompatible api"),
        ("imle-fixture-missing/fixture-missing", "missing dependency"),
        ("imle-fixture-slow/fixture-slow", "disabled"),
        ("imle-fixture-clashing/topk", "conflict"),
        ("imle-topk/topk", "conflict"),
    ]
    assert answer["solvers"][0] == {
        "id": "fixture-argmax",
        "qualified_id": "imle-fixture-good/fixture-argmax",
        "status": "ok",
        "reason": "",
        "fix": "",
        "summary": "The largest of n scores, one-hot",
        "problem": "one of n",
        "sense": "max",
        "exact": True,
        "array": "numpy",
        "distribution": "imle-fixture-good",
        "version": "1.2",
        "entry_point": "fixture-argmax = imle_fixture_good.plugin",
    }
    assert all(row["reason"] and row["fix"] for row in answer["solvers"][1:])


@pytest.mark.usefixtures("all_states")
@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        (["fixture-*s*"], ["fixture-missing", "fixture-slow"]),
        (["imle-topk/*"], ["topk"]),
        (["--available"], ["fixture-argmax"]),
        (["--problem", "K-Subset"], ["topk", "topk"]),
        (["*a*", "--problem", "one of n", "--available"], ["fixture-argmax"]),
        (["ONE-HOT"], ["fixture-argmax"]),
        (["largest", "k-subset"], ["topk"]),
        (["ties"], ["fixture-argmax"]),
        (["imle-fixture-slow"], ["fixture-slow"]),
        (["no-such-*"], []),
    ],
)
def test_filters(imle, arguments, ids):
    code, out, err = imle("list-solvers", *arguments, "--json")
    assert (code, err) == (0, "")
    assert [row["id"] for row in json.loads(out)["solvers"]] == ids


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["zzz*"], "no solver matches 'zzz*'\nhint: imle list-solvers shows all\n"),
        (["topl", "x"], "no solver matches 'topl' 'x'\nhint: did you mean topk? imle list-solvers shows all\n"),
        (["--problem", "lp"], "no solver matches --problem 'lp'\nhint: problem kinds: k-subset, one of n\n"),
        (
            ["topk", "--available"],
            "no solver matches 'topk' --available\nhint: imle list-solvers shows all\n",
        ),
    ],
)
@pytest.mark.usefixtures("all_states")
def test_no_match_is_said_on_stderr_and_is_no_failure(imle, arguments, message):
    assert imle("list-solvers", *arguments) == (0, "", message)


def test_no_plugins_at_all(bare_imle):
    assert bare_imle("list-solvers") == (
        0,
        "",
        "no solver plugins are installed\nhint: pip install imle-topk is the smallest one\n",
    )


def test_a_broken_plugin_stops_neither_the_listing_nor_another_plugin(bare_imle, site):
    lay_out("broken", site)
    lay_out("good", site)
    write_dist_info(site, "garbled", "1.0", entry_points="[imle.solvers]\nno pair")
    code, out, err = bare_imle("list-solvers", "--json", path=site)
    assert (code, err) == (0, "")
    # numpy, which the good one requires, is not in the bare environment
    assert {row["id"]: row["status"] for row in json.loads(out)["solvers"]} == {
        "fixture-argmax": "missing dependency",
        "fixture-broken": "broken",
        "garbled": "broken",
    }


def test_strict_makes_a_broken_plugin_fatal(bare_imle, site):
    lay_out("broken", site)
    strict = {"IMLE_PLUGINS_STRICT": "1"}
    message = "plugin 'fixture-broken' of imle-fixture-broken: RuntimeError: this plugin breaks on purpose"
    hint = "hint: IMLE_PLUGINS_STRICT=1 makes this fatal; unset it to go on without the plugin"
    assert bare_imle("list-solvers", path=site, env=strict) == (4, "", f"error: {message}\n{hint}\n")
    code, out, err = bare_imle("--debug", "list-solvers", path=site, env=strict)
    assert (code, out) == (4, "")
    assert 'imle_fixture_broken/plugin.py", line 3' in err
    assert message in err


def test_allow_and_deny_lists(imle, only, monkeypatch):
    only("good", "clashing")
    monkeypatch.setenv("IMLE_PLUGINS", "topk")
    assert states(imle) == {"fixture-argmax": "disabled", "topk": "ok"}
    monkeypatch.setenv("IMLE_DISABLE_PLUGINS", "topk")
    only("incompatible")
    assert set(states(imle).values()) == {"disabled"}


def states(imle):
    return {row["id"]: row["status"] for row in json.loads(imle("list-solvers", "--json").out)["solvers"]}


def test_what_a_plugin_prints_does_not_spoil_the_json(imle, only, site):
    only("good")
    (site / "imle_fixture_good" / "__init__.py").write_text("print('hello from a plugin')")
    code, out, err = imle("list-solvers", "--json")
    assert (code, err) == (0, "hello from a plugin\n")
    assert [row["id"] for row in json.loads(out)["solvers"]] == ["fixture-argmax"]


def test_texts_of_plugins_are_taken_literally(imle, only, site, terminal):
    only("good")
    plugin = site / "imle_fixture_good" / "plugin.py"
    plugin.write_text(plugin.read_text().replace("The largest of n scores", "Scores [B, n] [bold] :smile:"))
    terminal(80)
    assert "Scores [B, n] [bold] :smile:, one-hot" in without_colour(imle("list-solvers").out)


def test_texts_of_plugins_cannot_steer_the_terminal(imle, only, site):
    only("good")
    plugin = site / "imle_fixture_good" / "plugin.py"
    wild = r"\x1b[2J\u202e\r\u2028\x9b31m"
    plugin.write_text(plugin.read_text().replace("The largest of n scores", wild))
    code, out, _ = imle("list-solvers")
    assert code == 0
    assert len(out.splitlines()) == 2
    assert f"{wild}, one-hot" in out
    for command in (("list-solvers", "--json"), ("info", "fixture-argmax")):
        out = imle(*command).out
        assert all(character.isprintable() or character == "\n" for character in out)
