"""What was not compared is counted and named, and red with --perf-strict."""

from __future__ import annotations

import pytest
from programs import FAST, TWO, lines
from scripting import Project, add_to_conftest, times

pytestmark = pytest.mark.usefixtures("few_plugins")


def test_new(based: Project) -> None:
    tests = TWO + "\n@pytest.mark.perf_budget\ndef test_added(): advance(1)\n"
    result = based.run(tests)
    result.assert_outcomes(passed=4)
    assert times(based)["test_added"] == "new"
    result.stdout.fnmatch_lines(["new: test_it.py::test_added: the baseline does not have it"])
    based.run(tests, "--perf-strict").assert_outcomes(passed=3, failed=1)


def test_the_group_that_xdist_adds_to_a_node_id_is_none_of_it(project: Project) -> None:
    tests = TWO.replace("@pytest.mark.perf", "@pytest.mark.xdist_group('db')\n@pytest.mark.perf")
    budget = FAST + '[tool.perfbudget.budgets]\n"test_it.py::test_body" = {p95_ms = 5}\n'
    grouped = ("-n", "2", "--dist", "loadgroup")
    project.run(tests, "--perf-update-baseline", *grouped, pyproject=budget)
    assert set(lines(project)) == {"test_body", "test_call step"}
    project.run(tests, "--perf-strict", *grouped).assert_outcomes(passed=3)
    assert times(project) == {"test_body": "unchanged", "test_call step": "unchanged"}
    assert list(project.verdicts()) == ["test_body p95"]


@pytest.mark.usefixtures("based")
def test_missing_because_it_was_renamed(each_way: Project) -> None:
    result = each_way.run(TWO.replace("test_call", "test_renamed"))
    assert result.ret == 0
    result.stdout.fnmatch_lines(["missing: test_it.py::test_call step: *", "against the baseline: 1 new, 1 missing, *"])
    assert each_way.report["missing"][0]["id"] == "test_it.py::test_call step"
    assert each_way.run(TWO.replace("test_call", "test_body2"), "--perf-strict").ret == pytest.ExitCode.TESTS_FAILED


def test_missing_because_it_was_skipped_is_red_if_strict(based: Project) -> None:
    tests = TWO.replace("def test_call(perf):", "def test_call(perf):\n    pytest.skip('today')")
    assert based.run(tests).ret == 0
    assert based.report["summary"]["baseline"]["missing"] == 1
    assert based.run(tests, "--perf-strict").ret == pytest.ExitCode.TESTS_FAILED


def test_missing_because_its_file_gives_no_tests(based: Project) -> None:
    result = based.run("pytest.importorskip('not_installed_anywhere')\n" + TWO)
    assert based.report["summary"]["baseline"]["missing"] == 2
    result.stdout.fnmatch_lines(["missing: test_it.py::test_body, test_it.py::test_call step: *"])
    assert based.run("", "--perf-strict").ret != 0


def test_missing_because_a_hook_dropped_it_without_a_word(based: Project) -> None:
    hook = (
        "\ndef pytest_collection_modifyitems(items):\n    items[:] = [one for one in items if 'body' not in one.name]\n"
    )
    add_to_conftest(based, hook)
    based.run(TWO)
    assert [one["id"] for one in based.report["missing"]] == ["test_it.py::test_body"]


def test_nothing_is_missing_where_nothing_runs(based: Project) -> None:
    result = based.run(TWO, "--collect-only", "--perf-strict")
    assert result.ret == 0
    assert "missing:" not in result.stdout.str()


def test_what_is_not_part_of_the_session_is_counted(based: Project) -> None:
    based.run(TWO, "-k", "body").stdout.fnmatch_lines(
        ["1 other measurement of the baseline: not selected or not collected"]
    )


def test_what_was_not_asked_for_is_not_missing(based: Project) -> None:
    based.run(TWO, "-k", "body")
    assert based.report["missing"] == []
    based.run(TWO, "test_it.py::test_body")
    assert based.report["missing"] == []
    based.file("test_other.py", "def test_x(): pass")
    based.run(TWO, "test_other.py")
    assert based.report["missing"] == []
