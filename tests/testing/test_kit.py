"""The kit itself: what may be checked, on what, with which expectations, and how that looks to pytest."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from fixtures.install import HERE
from imle.errors import OptionError, PluginError, SolverUnavailableError, UnknownSolverError
from imle.execution import Parallel
from imle.solvers.combinators import Cached, Deduplicated, Timed
from imle.solvers.combinators.pooled import Pooled
from imle.solvers.pool import SolutionPool
from imle.solvers.protocol import is_homogeneous
from imle.testing import CHECKS, CheckFailure, Instance, State, check_solver, parametrize_with_checks, subjects_of
from imle.testing.enumeration import EnumerationSolver as Listed
from imle.testing.enumeration import PreparedEnumeration
from support.solvers import EnumerationSolver, ThresholdSolver, Worst, k_subsets

FAST = ("contract", "ties", "optimality")
TWO = Instance("2 of 4", {"solutions": k_subsets(4, 2)}, solutions=k_subsets(4, 2))


def states(report):
    return {outcome.name: outcome.state for outcome in report.outcomes}


def test_importing_the_kit_imports_neither_torch_nor_pytest(run_python):
    assert run_python("import imle.testing, sys; print({'torch', 'pytest'} & set(sys.modules))") == "set()"


def test_every_check_has_a_name_a_summary_and_known_needs():
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    for number, check in enumerate(CHECKS):
        assert check.summary
        assert set(check.needs) <= set(names[:number]), f"{check.name} comes before what it needs"


@pytest.mark.parametrize(
    "solver",
    [EnumerationSolver, EnumerationSolver(), "support.solvers:EnumerationSolver"],
    ids=["class", "object", "text"],
)
def test_classes_objects_and_names_of_classes(solver):
    report = check_solver(solver, [TWO], only=FAST)
    assert states(report) == dict.fromkeys(("contract[2 of 4]", "optimality[2 of 4]", "ties[2 of 4]"), State.PASSED)


def test_a_solver_of_the_tests_passes_everything_that_applies_without_a_plugin():
    report = check_solver(EnumerationSolver, [TWO])
    assert report.ok, [str(outcome.failure) for outcome in report.failed]
    reasons = {outcome.reason for outcome in report.outcomes if outcome.state is State.NOT_APPLICABLE}
    assert "the solver has no plugin" in reasons


def test_an_object_keeps_its_options():
    worst = EnumerationSolver(sense="min")
    assert check_solver(worst, [TWO], only=FAST).ok
    assert subjects_of(worst, [TWO])[0].cases[0].solver is worst


FILE = """
from dataclasses import dataclass
from typing import ClassVar
import numpy as np
from imle.solvers import SolveResult
from imle.testing import Instance

@dataclass(frozen=True)
class Positive:
    sense: ClassVar[str] = "max"
    array: ClassVar[str] = "numpy"
    def prepare(self):
        return Prepared()

@dataclass(frozen=True)
class Prepared:
    objective_shape: ClassVar = (None,)
    def solve(self, objective, *, hint=None):
        return SolveResult((objective > 0).astype(float))
    def close(self):
        pass

def instances(solver_id):
    return [Instance("three", shape=(3,), oracle=lambda scores: scores.clip(0).sum())]
"""


@pytest.mark.parametrize("named", ["{}", "{}:Positive"])
def test_a_file_with_its_instances(tmp_path, monkeypatch, named):
    monkeypatch.setattr(sys, "path", [*sys.path])
    stem = f"imle_fixture_file_{abs(hash(named))}"
    file = tmp_path / f"{stem}.py"
    file.write_text(FILE)
    report = check_solver(named.format(file), only=FAST)
    assert (report.name, report.origin) == (f"{stem}:Positive", stem)
    assert list(states(report).values()) == [State.PASSED] * 3


def test_a_project_folder_that_is_not_installed():
    code = (
        "from imle.testing import subjects_of\n"
        f"for s in subjects_of({str(HERE / 'good')!r}): print(s.name, s.module, s.origin, s.given)\n"
        f"from imle.testing import check_solver; print(check_solver({str(HERE / 'good')!r}).ok)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "fixture-argmax imle_fixture_good.plugin the example in its spec imle-fixture-good/fixture-argmax",
        "True",
    ]


def test_a_plugin_without_instances_is_checked_on_its_example(only):
    only("good")
    (subject,) = subjects_of("fixture-argmax")
    (instance,) = subject.instances
    assert (instance.name, instance.options, instance.shape) == ("example", {"ties": "last"}, (3,))


def test_instances_from_a_file(only, tmp_path):
    only("good")
    file = tmp_path / "given.py"
    file.write_text("from imle.testing import Instance\ndef instances(id):\n    return [Instance(id, shape=(2,))]\n")
    (subject,) = subjects_of("fixture-argmax", str(file))
    assert [instance.name for instance in subject.instances] == ["fixture-argmax"]


@pytest.mark.parametrize(
    ("solver", "instances", "error", "text"),
    [
        ("no-such-solver", None, UnknownSolverError, "unknown solver 'no-such-solver'"),
        ("./no/such/folder", None, UnknownSolverError, "there is no such file or folder"),
        (str(HERE), None, UnknownSolverError, "expected a pyproject.toml"),
        ("imle.errors:nothing", None, PluginError, "the module imle.errors has no 'nothing'"),
        ("no_such_module:Solver", None, UnknownSolverError, "cannot be imported"),
        (EnumerationSolver, None, OptionError, "expected at least one instance"),
        (EnumerationSolver, [TWO, TWO], OptionError, "expected different names"),
        (EnumerationSolver, ["x"], OptionError, "expected imle.testing.Instance, found str"),
        (EnumerationSolver, "imle.errors", OptionError, "expected a function instances"),
        (EnumerationSolver, "no/such.py", OptionError, "there is no file"),
        (EnumerationSolver, "no_such_module", OptionError, "cannot import"),
    ],
)
def test_what_cannot_be_checked(solver, instances, error, text):
    with pytest.raises(error, match=text):
        subjects_of(solver, instances)


def test_a_broken_plugin_cannot_be_checked(only):
    only("missing-dependency")
    with pytest.raises(SolverUnavailableError, match="missing dependency"):
        check_solver("fixture-missing")


def test_unknown_shapes_are_asked_for():
    report = check_solver(ThresholdSolver, [Instance("any size")], only=["contract"])
    (outcome,) = report.failed
    assert "expected shape=..." in outcome.failure.found


def test_an_expected_failure_is_no_failure():
    report = check_solver(Worst, [TWO], only=FAST, expected_failures={"optimality": "it is the worst"})
    assert report.ok
    assert states(report)["optimality[2 of 4]"] is State.EXPECTED
    assert report.outcomes[1].reason == "it is the worst"


def test_an_expected_failure_that_passes_is_a_failure():
    report = check_solver(EnumerationSolver, [TWO], only=FAST, expected_failures={"ties[2 of 4]": "dice"})
    (outcome,) = report.failed
    assert (outcome.failure.found, outcome.name) == ("the check passes", "ties[2 of 4]")


def test_an_instance_names_its_own_expected_failures():
    known = Instance("known", TWO.parameters, solutions=TWO.solutions, expected_failures={"optimality": "the worst"})
    report = check_solver(Worst, [TWO, known], only=FAST)
    assert [outcome.name for outcome in report.failed] == ["optimality[2 of 4]"]
    assert states(report)["optimality[known]"] is State.EXPECTED


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"only": ["no-such-check"]}, "unknown check 'no-such-check'"),
        ({"expected_failures": {"no-such-check": "why"}}, "unknown check 'no-such-check'"),
        ({"expected_failures": {"ties": " "}}, "expected a reason"),
        ({"expected_failures": {"ties[no such instance]": "why"}}, "no such instance"),
    ],
)
def test_expectations_that_mean_nothing_are_refused(arguments, text):
    with pytest.raises(OptionError, match=text):
        check_solver(EnumerationSolver, [TWO], **arguments)


def test_a_failure_tells_what_was_expected_and_found_where_and_what_to_do():
    (outcome,) = check_solver(Worst, [TWO], only=["optimality"]).failed
    text = str(outcome.failure)
    for word in ("expected: the best value, ", "found:    ", "where:    row 0, instance '2 of 4'", "fix:      solve"):
        assert word in text


def test_an_exception_in_a_solver_is_a_failure_with_its_place():
    broken = Instance("broken", {"solutions": [1.0]})
    (outcome,) = check_solver(EnumerationSolver, [broken], only=["contract"]).failed
    assert outcome.failure.found.startswith("InstanceError: enumeration: solutions: expected [M, n]")
    assert "support/solvers.py:" in outcome.failure.where


class Returning(Listed):
    """Returns what its test says, of a sound answer."""

    def prepare(self, solutions):
        return PreparedReturning(self, np.asarray(solutions, np.float64), np.zeros(len(solutions)))


class PreparedReturning(PreparedEnumeration):
    change = staticmethod(lambda result: result)

    def solve(self, objective):
        return self.change(super().solve(objective))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda r: r.solutions, "solve() must return a SolveResult, found ndarray"),
        (
            lambda r: replace(r, solutions=r.solutions[:, :2]),
            "expected solutions of shape [1, 4], one row ",
        ),
        (lambda r: replace(r, solutions=r.solutions.astype(str)), "solutions: expected numbers, found dtype "),
        (lambda r: replace(r, status=np.full(len(r.solutions), 99)), "status: expected a code of SolveStatus"),
        (lambda r: replace(r, status=np.zeros(9, int)), "expected one status per row, 1 in all, found shape [9]"),
        (lambda r: replace(r, values=np.zeros(9)), "values: expected one number per row, 1 in all, found shape [9]"),
        (lambda r: replace(r, solutions=r.solutions * np.nan), "nan or infinity"),
        (lambda r: replace(r, solutions=torch.tensor(r.solutions)), "Tensor"),
    ],
)
def test_what_is_wrong_with_a_result_is_said_as_the_core_says_it(monkeypatch, change, found):
    monkeypatch.setattr(PreparedReturning, "change", staticmethod(change))
    (outcome,) = check_solver(Returning, [TWO], only=["contract"]).failed
    assert outcome.failure.found.startswith(found)
    assert "solve() of 1 rows" in outcome.failure.where


def test_checks_that_need_a_failed_one_are_not_made():
    report = check_solver(Worst, [TWO], only=["negative-objectives"])
    assert report.outcomes[0].reason == "optimality[2 of 4] failed"


def test_what_needs_an_expected_failure_does_not_apply():
    report = check_solver(
        Worst, [TWO], only=["optimality", "negative-objectives"], expected_failures={"optimality": "it is the worst"}
    )
    assert report.ok
    assert report.outcomes[1].reason == "optimality[2 of 4] failed as expected"
    assert report.outcomes[1].state is State.NOT_APPLICABLE


def likely(rng, rows):
    """Scores whose order no small step changes."""
    return rng.uniform([1, 10, 300, 1000], [2, 20, 600, 2000], size=(rows, 4))


@dataclass(frozen=True)
class LastOfEquals(Listed):
    """An enumeration that breaks ties the other way."""

    def prepare(self, solutions):
        return super().prepare(np.asarray(solutions)[::-1])


@pytest.mark.parametrize(
    ("solver", "instance", "check", "reason"),
    [
        pytest.param(
            Listed,
            Instance("torn", TWO.parameters, solutions=TWO.solutions, oracle=lambda scores: scores.sum()),
            "optimality",
            "'torn' contradicts itself: its oracle says ",
            id="oracle and solutions disagree",
        ),
        pytest.param(
            Listed,
            Instance("torn", TWO.parameters, solutions=TWO.solutions, feasible=lambda chosen: chosen[0] == 0),
            "feasibility",
            "'torn' contradicts itself: its feasible() refuses its solution ",
            id="feasible and solutions disagree",
        ),
        pytest.param(
            LastOfEquals,
            Instance(
                "ties",
                TWO.parameters,
                solutions=TWO.solutions,
                objectives=lambda rng, rows: np.ones((rows, 4)),
            ),
            "gradients",
            "no gradients to compare, for solutions differ: objective ",
            id="another solution as good",
        ),
        pytest.param(
            Listed,
            Instance("far apart", TWO.parameters, solutions=TWO.solutions, objectives=likely),
            "gradients",
            "no gradient to compare: by enumeration it is 0 in all rows",
            id="no gradient",
        ),
        pytest.param(
            Listed,
            Instance("one too few", TWO.parameters, solutions=TWO.solutions[1:]),
            "gradients",
            "feasibility[one too few] failed",
            id="what it needs failed",
        ),
    ],
)
def test_a_check_that_cannot_tell_is_inconclusive_and_the_solver_has_not_passed(solver, instance, check, reason):
    report = check_solver(solver, [instance], only=[check])
    (outcome,) = report.outcomes
    assert (outcome.state, report.ok, report.failed) == (State.INCONCLUSIVE, False, ())
    assert reason in outcome.reason


def test_a_solution_better_than_the_best_is_a_failure():
    """It is not in the feasible set, or the oracle is wrong; nothing else would tell."""
    low = Instance("low", {"solutions": k_subsets(4, 2)}, oracle=lambda scores: scores.min())
    (outcome,) = check_solver(EnumerationSolver, [low], only=["optimality"]).failed
    assert outcome.failure.expected.startswith("the best value that there is, ")


def test_one_instance_with_a_single_solution_has_no_gradient_to_miss():
    all_of_them = Instance("4 of 4", {"solutions": k_subsets(4, 4)}, solutions=k_subsets(4, 4))
    assert check_solver(EnumerationSolver, [all_of_them], only=["gradients"]).ok


FIXED = {"solutions": k_subsets(4, 2), "fixed": np.array([0.0, 2.0, -1.0, 1.0, 0.5, 0.7])}
"""What is fixed changes which subset is the best for most scores."""


def test_terms_that_are_not_learned_belong_to_the_value():
    instance = Instance("fixed", FIXED, solutions=FIXED["solutions"])
    for sense in ("max", "min"):
        report = check_solver(Listed(sense), [instance])
        assert report.ok, [str(outcome.failure) for outcome in report.failed]
        assert states(report)["optimality[fixed]"] is State.PASSED
        assert states(report)["gradients[fixed]"] is State.PASSED


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda solver: Cached(Deduplicated(solver)),
        Timed,
        lambda solver: Parallel(solver, 2, threads=True),
        lambda solver: Pooled(solver, SolutionPool(solve_ratio=1.0)),
    ],
    ids=["cached", "timed", "parallel", "pooled"],
)
def test_combinators_hand_on_what_is_not_learned(wrapped):
    instance = Instance("fixed", FIXED, solutions=FIXED["solutions"])
    names = ("values", "optimality")
    (subject,) = subjects_of(wrapped(Listed("max")), [instance])
    assert not is_homogeneous(subject.cases[0].prepare())
    assert subject.cases[0].fixed(FIXED["solutions"]).tolist() == FIXED["fixed"].tolist()
    report = check_solver(wrapped(Listed("max")), [instance], only=names)
    assert list(states(report).values()) == [State.PASSED] * len(names)


@dataclass(frozen=True)
class Reporting(Listed):
    """Adds to what it reports."""

    values: float = 0.0
    bound: float = 0.0

    def prepare(self, solutions, fixed=None):
        return PreparedReporting(self, np.asarray(solutions), np.asarray(fixed))


class PreparedReporting(PreparedEnumeration):
    def solve(self, objective, *, hint=None):
        result = super().solve(objective)
        return replace(result, values=result.values + self.solver.values, bound=result.values + self.solver.bound)


@pytest.mark.parametrize(
    ("sense", "told", "where"),
    [
        ("max", {"values": 0.1}, "values, row 0"),
        ("min", {"values": -9.0}, "values, row 0"),
        ("max", {"bound": -0.1}, "bound, row 0"),
        ("min", {"bound": 0.1}, "bound, row 0"),
        ("max", {"bound": 0.1}, ""),
        ("min", {"bound": -0.1}, ""),
        ("max", {"bound": np.nan, "values": np.nan}, ""),
    ],
)
def test_values_and_bounds_are_those_of_the_whole_objective(sense, told, where):
    instance = Instance("fixed", FIXED, solutions=FIXED["solutions"])
    failed = check_solver(Reporting(sense, **told), [instance], only=["values"]).failed
    assert [outcome.failure.where.startswith(where) for outcome in failed] == [True] * bool(where)


class PreparedScaled(PreparedEnumeration):
    homogeneous = True


@dataclass(frozen=True)
class Scaled(Listed):
    """Has terms of its own, and says that sizes do not matter."""

    def prepare(self, solutions, fixed=None):
        return PreparedScaled(self, np.asarray(solutions), np.asarray(fixed))


def test_terms_of_its_own_make_a_solver_not_homogeneous():
    instance = Instance("fixed", FIXED, solutions=FIXED["solutions"])
    (outcome,) = check_solver(Scaled(), [instance], only=["values"]).failed
    assert outcome.failure.expected == "homogeneous=False, for fixed_terms() differ by solution"


def test_messages_of_two_instances_are_kept_apart():
    other = Instance("1 of 3", {"solutions": k_subsets(3, 1)}, solutions=k_subsets(3, 1))
    assert list(states(check_solver(EnumerationSolver, [TWO, other], only=["ties"]))) == [
        "ties[2 of 4]",
        "ties[1 of 3]",
    ]


@parametrize_with_checks(EnumerationSolver, [TWO])
def test_parametrised(check):
    check()


@parametrize_with_checks(Worst, [TWO], expected_failures={"optimality": "it is the worst"})
def test_parametrised_with_an_expected_failure(check):
    check()


def test_parametrisation_leaves_out_what_does_not_apply_and_marks_what_is_expected():
    mark = parametrize_with_checks(Worst, [TWO], expected_failures={"optimality": "it is the worst"}).mark
    marks = {parameter.id: parameter.marks for parameter in mark.args[1]}
    assert "Worst-contract[2 of 4]" in marks
    assert "Worst-light-import" not in marks
    (xfail,) = marks["Worst-optimality[2 of 4]"]
    assert (xfail.kwargs["strict"], xfail.kwargs["reason"]) == (True, "it is the worst")
    assert xfail.kwargs["raises"] is CheckFailure
