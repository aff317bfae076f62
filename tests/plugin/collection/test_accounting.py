"""What was not compared is counted and named, and red with --perf-strict."""

from __future__ import annotations

import pytest
from baselines import lines
from programs import FEW_RUNS, perf_program
from scripting import TWO_WORKERS, Project, add_to_conftest, times


def test_a_test_that_the_baseline_does_not_have_is_new(based: Project) -> None:
    tests = perf_program(more="@pytest.mark.perf_budget\ndef test_added(): advance(1)")
    result = based.run(tests)
    result.assert_outcomes(passed=4)
    assert times(based)["test_added"] == "new"
    result.stdout.fnmatch_lines(["new: test_it.py::test_added: the baseline does not have this measurement"])
    based.run(tests, "--perf-strict").assert_outcomes(passed=3, failed=1)


def test_the_group_that_xdist_adds_to_a_node_id_is_no_part_of_it(lean: Project) -> None:
    tests = perf_program(marks=["xdist_group('db')", "perf_budget"])
    budget = FEW_RUNS + '[tool.perfbudget.budgets]\n"test_it.py::test_body" = {p95_ms = 5}\n'
    lean.arguments = (*TWO_WORKERS, "--dist", "loadgroup")
    lean.run(tests, "--perf-update-baseline", pyproject=budget)
    assert set(lines(lean)) == {"test_body", "test_call step"}
    lean.run(tests, "--perf-strict").assert_outcomes(passed=3)
    assert times(lean) == {"test_body": "unchanged", "test_call step": "unchanged"}
    assert list(lean.verdicts()) == ["test_body p95"]


@pytest.mark.usefixtures("based")
def test_a_test_that_was_renamed_is_missing(each_way: Project) -> None:
    result = each_way.run(perf_program(call_name="test_renamed"))
    assert result.ret == 0
    result.stdout.fnmatch_lines(["missing: test_it.py::test_call step: *", "against the baseline: 1 new, 1 missing, *"])
    assert each_way.report["missing"][0]["id"] == "test_it.py::test_call step"
    strict = each_way.run(perf_program(call_name="test_body2"), "--perf-strict")
    assert strict.ret == pytest.ExitCode.TESTS_FAILED


def test_a_test_that_was_skipped_is_missing_and_red_if_strict(based: Project) -> None:
    tests = perf_program(call="pytest.skip('today')")
    assert based.run(tests).ret == 0
    assert based.report["summary"]["changes"]["missing"] == 1
    assert based.run(tests, "--perf-strict").ret == pytest.ExitCode.TESTS_FAILED


def test_tests_of_a_file_that_is_skipped_or_empty_are_missing(based: Project) -> None:
    result = based.run(perf_program(at_import="pytest.importorskip('not_installed_anywhere')"))
    assert based.report["summary"]["changes"]["missing"] == 2
    result.stdout.fnmatch_lines(["missing: test_it.py::test_body, test_it.py::test_call step: *"])
    assert based.run("", "--perf-strict").ret != 0


def test_a_test_that_a_hook_drops_without_a_word_is_missing(based: Project) -> None:
    hook = (
        "\ndef pytest_collection_modifyitems(items):\n    items[:] = [one for one in items if 'body' not in one.name]\n"
    )
    add_to_conftest(based, hook)
    based.run(perf_program())
    assert [one["id"] for one in based.report["missing"]] == ["test_it.py::test_body"]


def test_with_collect_only_nothing_is_missing(based: Project) -> None:
    result = based.run(perf_program(), "--collect-only", "--perf-strict")
    assert result.ret == 0
    assert "missing:" not in result.stdout.str()


def test_measurements_that_were_not_selected_are_counted(based: Project) -> None:
    based.run(perf_program(), "-k", "body").stdout.fnmatch_lines(
        ["1 other measurement of the baseline: not selected or not collected"]
    )


def test_measurements_that_were_not_selected_are_not_missing(based: Project) -> None:
    based.run(perf_program(), "-k", "body")
    assert based.report["missing"] == []
    based.run(perf_program(), "test_it.py::test_body")
    assert based.report["missing"] == []
    based.file("test_other.py", "def test_x(): pass")
    based.run(perf_program(), "test_other.py")
    assert based.report["missing"] == []
