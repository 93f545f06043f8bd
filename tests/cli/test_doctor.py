"""`imle doctor`: what it reports, and when it fails."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version

import pytest

from fixtures.install import lay_out, write_dist_info
from imle.cli import diagnosis


def findings(answer, kind):
    return {entry["subject"]: (entry["text"], entry["fix"]) for entry in answer[kind]}


@pytest.fixture
def report(imle):
    """The exit code and the JSON of a doctor in this process."""

    def run():
        code, out, err = imle("doctor", "--json")
        assert err == ""
        return code, json.loads(out)

    return run


def test_a_sound_installation(report, only, monkeypatch):
    only("good", "imle-topk")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("IMLE_MISSPELT", "1")
    code, answer = report()
    assert (code, answer["ok"], answer["problems"]) == (0, True, [])
    assert answer["schema"] == 1
    assert answer["python"] == platform.python_version()
    assert answer["imle"] == version("imle")
    assert answer["versions"]["torch"] == version("torch")
    assert answer["versions"]["click"] == version("click")
    assert answer["environment"]["IMLE_PLUGINS"] is None
    assert answer["environment"]["IMLE_MISSPELT"] == "1"
    assert answer["threads"]["OMP_NUM_THREADS"] == "3"
    assert answer["threads"]["cpus"] == os.cpu_count()
    assert [plugin["name"] for plugin in answer["plugins"]] == ["fixture-argmax", "topk"]


def test_the_report_of_a_plugin(report, only, site):
    only("good")
    (plugin,) = report()[1]["plugins"]
    assert plugin["file"] == str(site / "imle_fixture_good" / "plugin.py")
    assert plugin["module"] == "imle_fixture_good.plugin"
    assert (plugin["distribution"], plugin["version"], plugin["status"]) == ("imle-fixture-good", "1.2", "ok")
    assert 0 <= plugin["load_ms"] < 10_000
    assert plugin["solvers"] == [{"id": "fixture-argmax", "status": "ok"}]


def test_text(imle, only):
    only("good")
    code, out, err = imle("doctor")
    assert (code, err) == (0, "")
    assert f"\n  torch       {version('torch')}\n" in out
    assert "\n  IMLE_PLUGINS_STRICT   not set\n" in out
    assert "\n  plugin          status  load" in out
    assert out.endswith("\n\nno problems found\n")


@pytest.mark.parametrize(
    ("names", "subject", "text"),
    [
        (
            ["broken"],
            "imle-fixture-broken/fixture-broken",
            "broken: RuntimeError: this plugin breaks on purpose",
        ),
        (
            ["incompatible"],
            "imle-fixture-incompatible/fixture-future",
            "incompatible api: made for plugin api 99, this imle has 1",
        ),
        (
            ["missing-dependency"],
            "imle-fixture-missing/fixture-missing",
            "missing dependency: cannot find the module imle_fixture_absent_backend",
        ),
        (
            ["clashing", "imle-topk"],
            "imle-topk/topk",
            "conflict: the id is claimed by imle-fixture-clashing and imle-topk",
        ),
    ],
)
def test_a_plugin_that_cannot_be_used_is_a_failure(report, only, names, subject, text):
    only("good", *names)
    code, answer = report()
    assert (code, answer["ok"]) == (1, False)
    assert findings(answer, "problems")[subject][0] == text
    assert all(fix for _, fix in findings(answer, "problems").values())


def test_findings_in_text(imle, only):
    only("incompatible")
    code, out, _ = imle("doctor")
    assert code == 1
    assert out.endswith(
        "\n1 problem\n"
        "  imle-fixture-incompatible/fixture-future: incompatible api: made for plugin api 99, this imle has 1\n"
        "    fix: pip install --upgrade imle\n"
    )


def test_a_disabled_plugin_is_no_failure(report, only, monkeypatch):
    monkeypatch.setenv("IMLE_DISABLE_PLUGINS", "fixture-broken")
    only("broken")
    code, answer = report()
    assert (code, answer["ok"]) == (0, True)
    assert answer["plugins"][0]["status"] == "disabled"


def test_strict_does_not_stop_the_doctor(report, only, monkeypatch):
    only("broken", "good")
    monkeypatch.setenv("IMLE_PLUGINS_STRICT", "1")
    code, answer = report()
    assert code == 1
    assert [plugin["status"] for plugin in answer["plugins"]] == ["broken", "ok"]
    assert answer["environment"]["IMLE_PLUGINS_STRICT"] == "1"


def test_a_light_module_that_is_heavy_and_slow(bare_imle, site):
    (site / "torch.py").write_text("import time; time.sleep(0.15); __version__ = '0'")  # seconds, if it were torch
    (site / "numpy.py").write_text("raise RuntimeError('imported to be examined')")
    lay_out("slow-to-import", site)
    lay_out("good", site)
    code, out, err = bare_imle("doctor", "--json", path=site)
    answer = json.loads(out)
    assert (code, answer["problems"], err) == (0, [], ""), "slowness is a warning, not a failure"
    ((subject, (text, fix)),) = findings(answer, "warnings").items()
    assert subject == "imle-fixture-slow: imle_fixture_slow.plugin"
    assert text.startswith("imports torch and takes 1")
    assert text.endswith(" ms to load, more than 100 ms")
    assert "import" in fix
    assert [plugin["heavy_imports"] for plugin in answer["plugins"]] == [[], ["torch"]]
    assert "\n1 warning\n" in bare_imle("doctor", path=site).out


def test_missing_requirements_of_imle_itself(bare_imle):
    code, out, _ = bare_imle("doctor")
    assert code == 1
    assert "\n  torch       not installed\n" in out
    assert "\n  torch: is not installed, and imle needs it\n    fix: pip install torch\n" in out
    assert "\nplugins\n  none installed: pip install imle-topk is the smallest one\n" in out


def test_another_distribution_in_our_package(report, only, site):
    only("good")
    folder = write_dist_info(site, "torch-imle", "0.0.1", top_level="imle\n")
    (folder / "RECORD").write_text("imle/__init__.py,,\n")
    code, answer = report()
    assert code == 1
    assert findings(answer, "problems") == {
        "torch-imle": (
            "also installs files into the package imle",
            "pip uninstall torch-imle, then pip install --force-reinstall --no-deps imle",
        )
    }


def test_unreadable_metadata_does_not_stop_the_doctor(only, monkeypatch):
    def fail():
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    only("good")
    monkeypatch.setattr(diagnosis, "packages_distributions", fail)
    assert diagnosis.diagnose().problems == []
