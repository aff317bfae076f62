"""`--perf-update-baseline`: what is written, what is kept, and what is said of it."""

from __future__ import annotations

import json

import pytest
from baselines import baseline_file, lines, profiles_file
from programs import FEW_RUNS, perf_program
from scripting import TWO_WORKERS, Project

from pytest_perfbudget.baseline.call_profiles import calls_file
from pytest_perfbudget.core.reference import Reference, prior_of
from pytest_perfbudget.core.unpaired import UnpairedSlowdownTest
from pytest_perfbudget.plugin.reporting import update

UPDATE = "--perf-update-baseline"
ACCEPT = ("--perf-reason", "stronger hashes")


def test_an_update_writes_a_line_for_each_measurement_of_perf_tests(based: Project) -> None:
    found = lines(based)
    assert set(found) == {"test_body", "test_call step"}
    assert found["test_body"]["time"]["time_ns"] == 100_000
    assert found["test_call step"]["time"]["time_ns"] == 200_000
    assert found["test_body"]["time"]["runs"] == 2
    assert found["test_body"]["calls"] > 0


def test_an_update_ends_with_a_table_of_what_changed(each_way: Project) -> None:
    result = each_way.run(perf_program(), UPDATE, pyproject=FEW_RUNS)
    result.stdout.fnmatch_lines(
        ["*performance baseline*", "*test_body *time *100 us *new*", "perf-baseline.json: 2 new"]
    )
    assert result.ret == 0
    assert set(lines(each_way)) == {"test_body", "test_call step"}


def test_an_update_tells_of_each_new_time_from_which_slowdown_on_processes_alone_tell(lean: Project) -> None:
    """Both share alpha in a comparison, which has the prior of so few lines."""
    lean.run(perf_program(), UPDATE, pyproject=FEW_RUNS)
    told = [one["told_without_pairs"] for one in lean.report["update"]["lines"]]
    times = [Reference(**{**one["time"], "weights": tuple(one["time"]["weights"])}) for one in lines(lean).values()]
    tests = [UnpairedSlowdownTest(0.05, 0.01 / 2, one, prior_of(times)) for one in times]
    assert told == [pytest.approx(one.told_without_pairs()) for one in tests]
    assert min(told) > 0.05


def test_a_second_update_changes_nothing(based: Project) -> None:
    before = baseline_file(based).read_bytes()
    result = based.run(perf_program(), UPDATE)
    result.stdout.fnmatch_lines(["perf-baseline.json: 2 unchanged"])
    assert baseline_file(based).read_bytes() == before


def test_a_slower_time_is_kept_out_until_there_is_a_reason(based: Project) -> None:
    slower = perf_program(slow=1.5)
    result = based.run(slower, UPDATE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*test_body *time *100 us *150 us *+50 % *slower (kept)",
            "perf-baseline.json: 1 slower (kept), 1 unchanged",
            "to accept the slower test: pytest --perf-update-baseline --perf-reason 'why it may be slower' test_it.py::test_body",
        ]
    )
    assert lines(based)["test_body"]["time"]["time_ns"] == 100_000
    result = based.run(slower, UPDATE, *ACCEPT)
    assert result.ret == 0
    assert lines(based)["test_body"]["time"]["time_ns"] == 150_000
    assert lines(based)["test_body"]["reason"] == "stronger hashes"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The versions of what is installed."""
    found = {"numpy": "2.0"}
    monkeypatch.setattr(update, "installed_versions", lambda _: found)
    return found


def versions(project: Project) -> dict[str, str]:
    """Return the versions of which the baseline is."""
    (found,) = json.loads(calls_file(baseline_file(project)).read_text("utf-8"))["installed"].values()
    return dict(found)


def test_an_update_of_all_lines_has_the_versions_of_now(lean: Project, installed: dict[str, str]) -> None:
    lean.run(perf_program(), UPDATE, pyproject=FEW_RUNS)
    assert versions(lean) == {"numpy": "2.0"}
    installed["numpy"] = "2.1"
    lean.run(perf_program(), UPDATE).stdout.fnmatch_lines(["perf-baseline.json: 2 unchanged"])
    assert versions(lean) == {"numpy": "2.1"}


@pytest.mark.parametrize("other", ["a kept line", "a line of another test"])
def test_a_line_that_may_be_of_older_versions_keeps_these(lean: Project, installed: dict[str, str], other: str) -> None:
    """Pairs do not see a slower library, and confirm only where the versions are those of the baseline."""
    lean.run(perf_program(), UPDATE, pyproject=FEW_RUNS)
    installed["numpy"] = "2.1"
    if other == "a kept line":
        lean.run(perf_program(slow=1.5), UPDATE).stdout.fnmatch_lines(["*1 slower (kept), 1 unchanged"])
    else:
        lean.run(perf_program(slow=0.5), UPDATE, "-k", "body").stdout.fnmatch_lines(["*1 better"])
    assert versions(lean) == {"numpy": "2.0"}


def test_a_faster_time_is_taken(based: Project) -> None:
    based.run(perf_program(slow=0.5), UPDATE).stdout.fnmatch_lines(["*test_body *-50 % *faster"])
    assert lines(based)["test_body"]["time"]["time_ns"] == 50_000


def test_an_update_of_selected_tests_changes_no_other_line(based: Project) -> None:
    before = lines(based)
    based.run(perf_program(slow=0.5), UPDATE, "-k", "call")
    assert lines(based) == before


def test_without_a_measured_perf_test_nothing_is_written(lean: Project) -> None:
    result = lean.run("def test_plain(): pass", UPDATE)
    result.stdout.fnmatch_lines(["no perf test was measured: the baseline is unchanged"])
    assert not baseline_file(lean).exists()


def test_a_session_that_ends_early_updates_nothing(lean: Project) -> None:
    bad = "@pytest.mark.perf_budget\ndef test_bad():\n    assert False"
    result = lean.run(perf_program(at_import=bad), UPDATE, "-x", pyproject=FEW_RUNS)
    result.stdout.fnmatch_lines(["the session ended early: the baseline is unchanged"])
    assert not baseline_file(lean).exists()


def test_a_failed_test_gets_no_line(lean: Project) -> None:
    bad = "@pytest.mark.perf_budget\ndef test_bad():\n    advance(1)\n    assert False"
    result = lean.run(perf_program(more=bad), UPDATE, pyproject=FEW_RUNS)
    result.assert_outcomes(passed=2, failed=1, deselected=1)
    assert set(lines(lean)) == {"test_body", "test_call step"}


def test_a_test_that_fails_in_its_teardown_gets_no_line(lean: Project) -> None:
    bad = """
@pytest.fixture
def broken():
    yield
    assert FRESH

@pytest.mark.perf_budget
def test_bad(broken):
    advance(1)
"""
    result = lean.run(perf_program(more=bad), UPDATE, pyproject=FEW_RUNS)
    result.assert_outcomes(passed=3, errors=1, deselected=1)
    assert set(lines(lean)) == {"test_body", "test_call step"}


@pytest.mark.parametrize("workers", [(), TWO_WORKERS], ids=["plain", "n2"])
def test_a_test_that_cannot_be_measured_here_is_named_and_starts_no_fresh_process(
    lean: Project, workers: tuple[str, ...]
) -> None:
    tests = "import pathlib\nif FRESH: pathlib.Path('fresh').touch()\n"
    tests += "def test_nothing(perf): pass\ndef test_fails(perf): perf(advance, 1)\n"
    tests = perf_program(more=tests.replace("perf(advance, 1)", "assert False"))
    result = lean.run(tests, "--perf-update-baseline", "-k", "nothing or fails", *workers)
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines_random(
        [
            "not updated: test_it.py::test_nothing: the test asks for the perf fixture but never called it",
            "not updated: test_it.py::test_fails: the test failed",
        ]
    )
    assert not (lean.pytester.path / "fresh").exists()


def test_a_test_that_fails_in_a_fresh_process_is_named_and_kept_out(lean: Project) -> None:
    once = "@pytest.mark.perf_budget\ndef test_once():\n    advance(1)\n    assert not FRESH"
    result = lean.run(perf_program(more=once), UPDATE, pyproject=FEW_RUNS)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["not updated: test_it.py::test_once: the test fails in a fresh process: assert not True"]
    )
    assert "test_once" not in lines(lean)


def test_a_crash_in_a_fresh_process_is_one_line_and_writes_nothing(lean: Project) -> None:
    crash = "@pytest.mark.perf_budget\ndef test_crash():\n    advance(1)\n    if FRESH: os._exit(7)"
    result = lean.run(perf_program(more=crash), UPDATE, pyproject=FEW_RUNS)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    expected = "the baseline was not updated: a fresh process ended with exit code 7 before it had measured test_it.py::test_crash*"
    result.stdout.fnmatch_lines([expected])
    assert not baseline_file(lean).exists()


@pytest.mark.parametrize("reason", ["", " ", "..."])
def test_a_reason_that_says_nothing_is_refused(based: Project, reason: str) -> None:
    result = based.run(perf_program(), UPDATE, "--perf-reason", reason)
    result.stderr.fnmatch_lines(["ERROR: --perf-reason: say why the code may be slower"])


def test_reason_and_prune_without_an_update_are_usage_errors(lean: Project) -> None:
    for option in ("--perf-reason=x", "--perf-prune"):
        result = lean.run(perf_program(), option)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"ERROR: {option.partition('=')[0]} belongs to --perf-update-baseline: add it"])


def test_what_may_be_noise_is_not_accepted_even_with_a_reason(based: Project) -> None:
    before = lines(based)["test_body"]
    update = (perf_program(slow=[1, 1.8]), UPDATE, "-k", "body")
    result = based.run(*update)
    result.stdout.fnmatch_lines(["*undecided (kept)", "perf-baseline.json: 1 undecided (kept)", "undecided: looks *"])
    assert result.ret == 0
    assert based.run(*update, *ACCEPT).ret == pytest.ExitCode.TESTS_FAILED
    assert lines(based)["test_body"] == before


def test_runs_that_are_too_far_apart_for_a_line_are_named(lean: Project) -> None:
    """A line that could not be read again would end every later session."""
    result = lean.run(perf_program(slow=[1, 10_000]), UPDATE, pyproject=FEW_RUNS)
    result.stdout.fnmatch_lines(["not updated: test_it.py::test_body: its runs are too far apart to be of use: *"])
    assert set(lines(lean)) == {"test_call step"}


def test_a_baseline_that_cannot_be_read_is_not_written_over(lean: Project) -> None:
    lean.file("perf-baseline.json", "precious")
    result = lean.run(perf_program(), UPDATE, pyproject=FEW_RUNS)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: perf-baseline.json:1: is no JSON*"])
    assert baseline_file(lean).read_text("utf-8") == "precious"


def test_call_profiles_that_cannot_be_read_are_not_written_over(based: Project) -> None:
    broken = profiles_file(based).read_text("utf-8").replace('"profiles"', '<<<<<<< HEAD\n"profiles"')
    profiles_file(based).write_text(broken, "utf-8")
    result = based.run(perf_program(more="@pytest.mark.perf_budget\ndef test_more(): advance(1)"), UPDATE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: perf-baseline.calls.json: cannot be understood: restore it from git*"])
    assert profiles_file(based).read_text("utf-8") == broken


def test_a_name_that_no_file_can_hold_is_an_error_of_one_line(lean: Project) -> None:
    tests = "def test_it(perf): perf(advance, 1, name='caf\\udce9')\n"
    result = lean.run(tests, UPDATE, pyproject=FEW_RUNS)
    result.stdout.fnmatch_lines(
        ["the baseline was not updated: perf-baseline.json: cannot hold *caf*udce9*: rename the test"]
    )
