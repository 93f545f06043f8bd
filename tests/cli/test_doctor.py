"""`imle doctor`: what it reports, and when it fails."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import distributions, version

import pytest

from fixtures.install import lay_out, write_dist_info
from imle.cli import devices, installation
from imle.cli.devices import Torch, ask_torch
from imle.cli.metadata import stale_metadata


def findings(answer, kind):
    return {entry["subject"]: (entry["text"], entry["fix"]) for entry in answer[kind]}


@pytest.fixture(autouse=True)
def torch(monkeypatch):
    """torch takes seconds to import, and is the same each time."""
    answer = Torch({"cpu": "AVX2", "cuda:0": "Test, 8 GiB, CUDA 12.4"}, {"torch": 4, "torch_interop": 2})
    monkeypatch.setattr(installation, "ask_torch", lambda: answer)


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
    assert answer["threads"]["torch"] == 4
    assert answer["devices"]["cuda:0"] == "Test, 8 GiB, CUDA 12.4"
    assert "CUDA_VISIBLE_DEVICES" in answer["environment"]
    assert [plugin["name"] for plugin in answer["plugins"]] == ["fixture-argmax", "topk"]


def test_the_report_of_a_plugin(report, only, site):
    only("good")
    (plugin,) = report()[1]["plugins"]
    assert plugin["file"] == str(site / "imle_fixture_good" / "plugin.py")
    assert plugin["module"] == "imle_fixture_good.plugin"
    assert (plugin["distribution"], plugin["version"], plugin["status"]) == ("imle-fixture-good", "1.2", "ok")
    assert 0 <= plugin["load_ms"] < 10_000
    assert plugin["solvers"] == [{"id": "fixture-argmax", "status": "ok"}]


def test_extras_of_a_plugin(report, imle, only, site):
    """Engines of a solver that are there only if a package is: nothing is imported to find out."""
    only("good")
    with (site / "imle_fixture_good-1.2.dist-info" / "METADATA").open("a") as metadata:
        metadata.write(
            'Requires-Dist: imle_absent>=1; extra == "fast"\n'
            'Requires-Dist: torch[opt]; extra == "fast"\n'
            "Requires-Dist: torch; extra == 'plain'\n"
        )
    code, answer = report()
    assert (code, answer["ok"]) == (0, True), "they are no requirement"
    assert answer["plugins"][0]["extras"] == {"fast": ["imle-absent"], "plain": []}
    out = imle("doctor").out
    assert "\n  imle-fixture-good[fast]   missing imle-absent: pip install 'imle-fixture-good[fast]'\n" in out
    assert "\n  imle-fixture-good[plain]  installed\n" in out


def test_text(imle, only):
    only("good")
    code, out, err = imle("doctor")
    assert (code, err) == (0, "")
    assert f"\n  torch       {version('torch')}\n" in out
    assert "\n  IMLE_PLUGINS_STRICT   not set\n" in out
    assert "\n  plugin          status  load" in out
    assert "\ndevices\n  cpu     AVX2\n  cuda:0  Test, 8 GiB, CUDA 12.4\n" in out
    assert "\n  torch interop           2\n" in out
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


def test_misspelt_names_in_the_lists_of_plugins(report, only, monkeypatch):
    only("good")
    monkeypatch.setenv("IMLE_PLUGINS", "fixture-argmaks")
    monkeypatch.setenv("IMLE_DISABLE_PLUGINS", "zzz")
    code, answer = report()
    assert code == 0
    told = findings(answer, "warnings")
    assert told["IMLE_PLUGINS"] == (
        "names fixture-argmaks: no installed plugin is called that",
        "did you mean fixture-argmax?",
    )
    assert told["IMLE_DISABLE_PLUGINS"] == (
        "names zzz: no installed plugin is called that",
        "imle list-solvers shows what is installed",
    )


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
    monkeypatch.setattr(installation, "packages_distributions", fail)
    assert installation.inspect().problems == []


def test_the_original_torch_imle_in_our_place(report, only, site):
    only("good")
    folder = write_dist_info(site, "torch-imle", "0.0.1", top_level="imle\n")
    (folder / "RECORD").write_text("imle/wrapper.py,,\n")
    text, fix = findings(report()[1], "problems")["torch-imle"]
    assert text == "also installs imle/wrapper.py, the module of the original API"
    assert fix.startswith("pip uninstall torch-imle")


def test_another_package_of_our_name_on_the_path(report, only, site):
    only("good")
    (site / "imle").mkdir()
    (site / "imle" / "__init__.py").write_text("")
    code, answer = report()
    assert code == 0
    text, fix = findings(answer, "warnings")[str(site / "imle")]
    assert text == "is another package imle on sys.path"
    assert str(site) in fix


def test_torch_answers():
    answer = ask_torch()
    assert answer.broken == ""
    assert "cpu" in answer.devices
    assert answer.threads["torch"] >= 1


@pytest.mark.parametrize(
    ("code", "broken"),
    [("raise OSError('no such library')", "OSError: no such library"), ("x = 1", "")],
    ids=["fails to import", "is something else"],
)
def test_a_torch_that_does_not_work(site, code, broken):
    (site / "torch.py").write_text(code)
    assert ask_torch() == Torch(broken=broken)


def test_a_torch_that_takes_for_ever(site, monkeypatch):
    (site / "torch.py").write_text("import time; time.sleep(60)")
    monkeypatch.setattr(devices, "TIMEOUT", 0.2)
    assert ask_torch() == Torch()


def test_a_broken_torch_is_a_problem(report, only, monkeypatch):
    only("good")
    monkeypatch.setattr(installation, "ask_torch", lambda: Torch(broken="OSError: no such library"))
    code, answer = report()
    assert code == 1
    assert findings(answer, "problems")["torch"][0] == "cannot be imported: OSError: no such library"


POINTS = "[imle.solvers]\nmine = mine.plugin\n"


@pytest.fixture
def stale(tmp_path):
    """Findings about the distributions in a directory."""

    def run(*places):
        return [(s.subject, s.text, s.fatal) for s in stale_metadata(distributions(path=list(map(str, places))))]

    return run


def test_sound_metadata(stale, tmp_path):
    write_dist_info(tmp_path, "imle-mine", "1.0", entry_points=POINTS)
    write_dist_info(tmp_path, "other", "1.0")
    write_dist_info(tmp_path, "other", "2.0")
    assert stale(tmp_path) == [], "what is not ours does not concern us"


def test_metadata_left_behind_by_an_upgrade(stale, tmp_path):
    write_dist_info(tmp_path, "imle-mine", "1.0", entry_points=POINTS)
    write_dist_info(tmp_path, "imle_mine", "1.1", entry_points=POINTS)
    ((name, text, fatal),) = stale(tmp_path)
    assert (name, fatal) == ("imle-mine", True)
    assert text == "has metadata of more than one installation in one place: 1.0 and 1.1"


def test_two_installations_on_the_path(stale, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    write_dist_info(one, "imle", "1.0")
    write_dist_info(other, "imle", "2.0")
    ((name, text, fatal),) = stale(one, other)
    assert (name, fatal) == ("imle", False)
    assert text == f"is installed more than once: 1.0 in {one}, 2.0 in {other}"


def editable(site, project, version="1.0"):
    folder = write_dist_info(site, "imle-mine", version, entry_points=POINTS)
    (folder / "direct_url.json").write_text(json.dumps({"url": project.as_uri(), "dir_info": {"editable": True}}))


PROJECT = '[project]\nname = "imle-mine"\nversion = "{}"\n[project.entry-points."imle.solvers"]\n{}\n'


@pytest.mark.parametrize(
    ("version", "points", "text", "fatal"),
    [
        ("1.0", 'mine = "mine.plugin"', None, False),
        ("1.1", 'mine = "mine.plugin"', "is installed as 1.0, but its pyproject.toml says 1.1", False),
        (
            "1.0",
            'mine = "mine.plugin"\nnew = "mine.new"',
            "has other entry points than its pyproject.toml: new = mine.new",
            True,
        ),
    ],
)
def test_an_editable_installation_that_is_older_than_its_project(stale, tmp_path, version, points, text, fatal):
    project = tmp_path / "a project"
    project.mkdir()
    (project / "pyproject.toml").write_text(PROJECT.format(version, points))
    editable(tmp_path / "site", project)
    assert stale(tmp_path / "site") == ([] if text is None else [("imle-mine", text, fatal)])


def test_an_editable_installation_of_a_folder_that_is_gone(stale, tmp_path):
    editable(tmp_path / "site", tmp_path / "gone")
    ((_, text, fatal),) = stale(tmp_path / "site")
    assert text == f"is an editable installation of {tmp_path / 'gone'}, which is gone"
    assert fatal


@pytest.mark.parametrize("url", ["nonsense", "[]", '{"dir_info": {"editable": true}}'])
def test_metadata_that_cannot_be_read_is_left_to_discovery(stale, tmp_path, url):
    folder = write_dist_info(tmp_path, "imle-mine", "1.0", entry_points=POINTS)
    (folder / "direct_url.json").write_text(url)
    assert stale(tmp_path) == []
