"""The option and the setting that require a readiness."""

from __future__ import annotations

import pytest
from programs import perf_program
from scripting import Project

TESTS = """
@pytest.mark.perf_budget(p95_ms=50)
def test_it(): advance(ms=10)
"""
READY = '[tool.perfbudget]\nrequire = "ready"\n'


def test_a_session_that_is_less_ready_fails(each_way: Project) -> None:
    result = each_way.run(TESTS, "--perf-require=ready")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    line = "conditional, but ready is required: no baseline (pytest --perf-update-baseline)"
    result.stdout.fnmatch_lines([line])
    report = each_way.report
    assert report["session"]["exit_status"] == 1
    assert report["session"]["require"] == "ready"
    assert report["readiness"]["grade"] == "conditional"
    assert [(one["kind"], one["severity"], one["headline"]) for one in report["findings"]] == [
        ("not_ready", "failure", line)
    ]


def test_a_session_that_is_ready_enough_passes(project: Project) -> None:
    assert project.run(TESTS, "--perf-require=conditional").ret == 0
    ratio = "def test_it(perf): perf.ratio(lambda: advance(ms=1), lambda: advance(ms=9), max_ratio=0.5)\n"
    result = project.run(ratio, "--perf-require=ready")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["ready"])


DESELECTED = """
def test_kept(perf): perf.ratio(lambda: advance(ms=1), lambda: advance(ms=9), max_ratio=0.5)

@pytest.mark.perf_budget(p95_ms=1)
def test_slow(): advance(ms=10)

def test_plain(): pass
"""


@pytest.mark.parametrize("option", ["-knot slow", "--deselect=test_it.py::test_slow"])
def test_a_budget_that_was_deselected_is_not_known_to_hold(each_way: Project, option: str) -> None:
    result = each_way.run(DESELECTED, "--perf-require=ready", option)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["conditional, but ready is required: 1 perf test deselected, skipped or xfailed (run the whole suite)"]
    )
    assert each_way.report["session"]["left_out"] == ["test_it.py::test_slow"]


@pytest.mark.parametrize("body", ["pytest.skip('no printer')", "perf(advance, 10, p95_ms=50)"])
def test_a_budget_that_was_skipped_is_not_known_to_hold(each_way: Project, body: str) -> None:
    tests = f"{DESELECTED.partition('@')[0]}\ndef test_slow(perf): {body}\n"
    result = each_way.run(tests, "--perf-require=ready")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    reason = "no baseline (*)" if "perf" in body else "1 perf test deselected, skipped or xfailed (run the whole suite)"
    result.stdout.fnmatch_lines([f"conditional, but ready is required: {reason}"])
    assert each_way.report["session"]["left_out"] == ([] if "perf" in body else ["test_it.py::test_slow"])


@pytest.mark.parametrize(
    ("mark", "body", "is_left_out"),
    [
        ("", "assert False", True),
        ("run=False", "advance(ms=1)", True),
        ("", "pytest.xfail('no printer')", True),
        ("", "advance(ms=1)", False),
        ("", "advance(ms=90)", False),
    ],
    ids=["fails", "not_run", "xfails_itself", "passes", "exceeds"],
)
def test_a_budget_that_is_expected_to_fail_is_not_known_to_hold(
    lean: Project, mark: str, body: str, *, is_left_out: bool
) -> None:
    tests = f"""
@pytest.mark.xfail({mark})
@pytest.mark.perf_budget(p95_ms=50)
def test_slow(): {body}

@pytest.mark.xfail
def test_plain(): assert False
"""
    lean.run(tests + DESELECTED.partition("@")[0])
    assert lean.report["session"]["left_out"] == (["test_it.py::test_slow"] if is_left_out else [])
    assert lean.report["readiness"]["grade"] == ("not_ready" if "90" in body else "conditional")


def test_other_tests_may_be_deselected(each_way: Project) -> None:
    kept = DESELECTED.partition("@")[0] + "def test_plain(): pass\n"
    assert each_way.run(kept, "--perf-require=ready", "-k", "kept").ret == 0


def test_the_setting_requires_it_too_but_not_of_sessions_without_perf_tests(project: Project) -> None:
    assert project.run(TESTS, pyproject=READY).ret == pytest.ExitCode.TESTS_FAILED
    assert project.run("def test_it(): pass\n", pyproject=READY).ret == 0
    assert project.run(TESTS, "--perf-gate=warn", pyproject=READY).ret == 0
    assert project.run(TESTS, "--perf-require=conditional", pyproject=READY).ret == 0


def test_the_option_requires_a_measurement(project: Project) -> None:
    result = project.run("def test_it(): pass\n", "--perf-require=conditional", output=False)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["not ready, but conditional is required: nothing was measured"])
    assert project.run(TESTS, "--perf-require=ready", "--collect-only").ret == 0


def test_a_gate_that_fails_nothing_contradicts_it(project: Project) -> None:
    result = project.run(TESTS, "--perf-require=ready", "--perf-gate=off")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --perf-gate=off fails nothing, which --perf-require forbids: drop one*"])


def test_a_wrong_word_in_the_table_is_one_line(project: Project) -> None:
    result = project.run(TESTS, pyproject='[tool.perfbudget]\nrequire = "redy"\n')
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *pyproject.toml*: require must be *ready*conditional*, found 'redy'"])


def test_a_deleted_test_is_named_until_it_is_taken_out_of_the_baseline(based: Project) -> None:
    rest = perf_program(call_name="helper")  # no test function any more
    result = based.run(rest)
    result.stdout.fnmatch_lines(
        [
            "conditional: 1 measurement of the baseline that no test makes any more "
            "(to remove: pytest --perf-update-baseline --perf-prune)"
        ]
    )
    assert [(one["id"], one["is_gone"]) for one in based.report["missing"]] == [("test_it.py::test_call step", True)]
    based.run(rest, "--perf-update-baseline", "--perf-prune")
    result = based.run(rest)
    result.stdout.fnmatch_lines(["ready"])


def test_a_test_that_was_skipped_is_not_called_deleted(based: Project) -> None:
    skipped = perf_program(call="pytest.skip('no printer')")
    result = based.run(skipped)
    result.stdout.fnmatch_lines(
        ["conditional: 1 measurement of the other side not made (let every test run to its end)"]
    )
    assert [one["is_gone"] for one in based.report["missing"]] == [False]


RATIO = "def test_it(perf): perf.ratio(lambda: advance(ms=1), lambda: advance(ms=9), max_ratio=0.5)\n"
ANOTHER_PLUGIN = """
@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session):
    result = yield
    session.testsfailed += 1  # as pytest-cov does if too little is covered
    return result
"""


def test_a_session_that_another_plugin_fails_is_not_ready(project: Project) -> None:
    assert "ready" in project.run(RATIO).outlines
    conftest = project.pytester.path / "conftest.py"
    project.file("conftest.py", conftest.read_text("utf-8") + ANOTHER_PLUGIN)
    result = project.run(RATIO)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "health 89 of 100; at most 89, because the session ended early or failed for other reasons",
            "not ready: the session failed by something else than its tests, such as another plugin",
        ]
    )


@pytest.mark.parametrize(("cases", "left_out"), [("[]", []), ("[pytest.param(1, marks=pytest.mark.skip)]", ["1"])])
def test_a_test_without_cases_is_not_left_out(project: Project, cases: str, left_out: list[str]) -> None:
    tests = f"""{RATIO}
@pytest.mark.parametrize("size", {cases})
@pytest.mark.perf_budget(p95_ms=50)
def test_sizes(size): advance(ms=10)
"""
    project.run(tests).assert_outcomes(passed=1, skipped=1)
    assert project.report["session"]["left_out"] == [f"test_it.py::test_sizes[{one}]" for one in left_out]
